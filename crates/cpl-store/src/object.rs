//! An object: what is known of it, and its bytes from their beginning or from any place.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use cpl_batch::{Problem, ReadProblem};
use cpl_connect::without_secrets;
use cpl_csv::Input;
use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    problem::{problem_of, shown},
    store::Store,
};

/// Parts of an object that wait while others are taken.
const AHEAD: usize = 4;

/// An object as it was when it was found. It can be read while it stays so.
#[derive(Clone)]
pub struct Object {
    store: Arc<Store>,
    meta: ObjectMeta,
}

impl Object {
    /// The object of a key; none where there is none.
    ///
    /// # Errors
    /// Where the store does not tell.
    pub fn of_key(store: &Arc<Store>, key: &str) -> Result<Option<Self>, Problem> {
        Ok(store.find(key)?.map(|meta| Self { store: Arc::clone(store), meta }))
    }

    /// The objects whose keys fit, in the order of their keys; `folders` are those that all of them begin with.
    ///
    /// # Errors
    /// Where the store does not tell.
    pub fn all(store: &Arc<Store>, folders: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<Self>, Problem> {
        let found = store.list(folders, fits)?.into_iter();
        Ok(found.map(|meta| Self { store: Arc::clone(store), meta }).collect())
    }

    /// Its address: `s3://bucket/folder/file.csv`.
    #[must_use]
    pub fn address(&self) -> String {
        self.store.address.of_key(self.key())
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.meta.location.as_ref()
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// What another library needs to read it: names and values, which are secret.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.store.credentials.options()
    }

    /// A text of a library that read it: on one line, shortened, without secrets.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        shown(text, &self.store.secrets)
    }

    /// A text out of it without the secrets that its store was sent.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        without_secrets(&self.store.secrets, text)
    }

    /// The problem that such a library reports as a text.
    #[must_use]
    pub fn problem_of(&self, text: &str) -> Problem {
        problem_of(text, &self.store.secrets)
    }

    /// Whether it is gone, or no longer what it was when it was found.
    ///
    /// # Errors
    /// Where the store does not tell.
    pub fn has_changed(&self) -> Result<bool, Problem> {
        Ok(self.store.find(self.key())?.is_none_or(|now| is_other(&now, &self.meta)))
    }

    /// Whether each request for its bytes names the version that was found: then no other one can be read.
    #[must_use]
    pub fn names_version(&self) -> bool {
        self.meta.e_tag.as_deref().and_then(entity_tag).is_some()
    }

    /// So many of its first bytes.
    ///
    /// # Errors
    /// Where the store does not give them.
    pub fn start(&self, bytes: u64) -> Result<Vec<u8>, Problem> {
        let bytes = bytes.min(self.size());
        if bytes == 0 {
            return Ok(Vec::new());
        }
        self.range(0..bytes).map(Into::into)
    }

    /// What a reader makes of its bytes, which it reads from any place; the store's own problem where that is why it can't.
    ///
    /// # Errors
    /// The problem of the store, else that of the reader.
    pub fn with_bytes<T>(&self, read: impl FnOnce(&mut ObjectBytes) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut bytes = ObjectBytes { object: self.clone(), at: 0, problem: None };
        read(&mut bytes).map_err(|problem| bytes.problem.take().unwrap_or(problem))
    }

    /// What requests its bytes, or a range of them.
    fn version(&self, range: Option<Range<u64>>) -> GetOptions {
        let if_match = self.meta.e_tag.as_deref().and_then(entity_tag);
        GetOptions { if_match, range: range.map(GetRange::Bounded), ..GetOptions::default() }
    }

    /// A range of its bytes.
    fn range(&self, range: Range<u64>) -> Result<Bytes, Problem> {
        let Self { store, meta } = self;
        let (got, bytes) = store.wait(async {
            let got = store.bucket.get_opts(&meta.location, self.version(Some(range))).await?;
            Ok((got.meta.clone(), got.bytes().await?))
        })?;
        if is_other(&got, meta) { Err(Problem::Changed) } else { Ok(bytes) }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())
    }
}

/// The tag of a version as `If-Match` needs it: in quotes, which Azure's lists leave out; none of a weak one, which matches
/// nothing (RFC 9110, 8.8.3 and 13.1.1).
fn entity_tag(tag: &str) -> Option<String> {
    match tag {
        "" => None,
        weak if weak.starts_with("W/") => None,
        quoted if quoted.starts_with('"') => Some(quoted.to_owned()),
        plain => Some(format!("\"{plain}\"")),
    }
}

/// Whether an object is another version than it was. Without tags it is known by its size and its time, of which answers
/// tell the seconds and some lists more.
fn is_other(now: &ObjectMeta, then: &ObjectMeta) -> bool {
    let [tag, was] =
        [now, then].map(|meta| meta.e_tag.as_deref().map(|tag| tag.trim_start_matches("W/").trim_matches('"')));
    match (tag, was) {
        (Some(tag), Some(was)) => tag != was,
        _ => (now.size, now.last_modified.timestamp()) != (then.size, then.last_modified.timestamp()),
    }
}

/// Its bytes as they come; of one whose key ends with `.gz`, those that were packed.
impl Input for Object {
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, Problem> {
        let (sender, parts) = mpsc::channel(AHEAD);
        let object = self.clone();
        let task = self.store.limits.handle.spawn(async move {
            let store = &object.store;
            let got = store.next(store.bucket.get_opts(&object.meta.location, object.version(None))).await;
            let mut stream = match got {
                Ok(got) if is_other(&got.meta, &object.meta) => {
                    let _nobody_waits = sender.send(Some(Err(Problem::Changed))).await;
                    return;
                }
                Ok(got) => got.into_stream(),
                Err(problem) => {
                    let _nobody_waits = sender.send(Some(Err(problem))).await;
                    return;
                }
            };
            loop {
                let part = store.next(async { stream.next().await.transpose() }).await.transpose();
                let is_last = !matches!(part, Some(Ok(_)));
                if sender.send(part).await.is_err() || is_last {
                    return;
                }
            }
        });
        let mut stream = Stream { parts, part: Bytes::new(), is_over: false, task: task.abort_handle() };
        // What keeps it from being read at all is reported as such.
        stream.fill()?;
        Ok(cpl_csv::unpacked(stream, cpl_csv::is_packed(Path::new(self.key()))))
    }
}

/// The bytes of an object on their way.
struct Stream {
    /// None says that there are no more: where the channel is closed without it, something went wrong.
    parts: mpsc::Receiver<Option<Result<Bytes, Problem>>>,
    part: Bytes,
    is_over: bool,
    task: AbortHandle,
}

impl Stream {
    /// Waits for bytes, unless there are some.
    fn fill(&mut self) -> Result<(), Problem> {
        while self.part.is_empty() && !self.is_over {
            match self.parts.blocking_recv() {
                Some(Some(part)) => self.part = part?,
                Some(None) => self.is_over = true,
                None => return Err(Problem::Unreadable("the program failed while it read".to_owned())),
            }
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill().map_err(|problem| io::Error::other(ReadProblem(problem)))?;
        let length = buffer.len().min(self.part.len());
        self.part.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The bytes of an object from any place: each read is a request.
pub struct ObjectBytes {
    object: Object,
    at: u64,
    /// What the store did last that was no answer.
    problem: Option<Problem>,
}

impl Read for ObjectBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.object.size().min(self.at.saturating_add(buffer.len() as u64));
        if end <= self.at {
            return Ok(0);
        }
        let range = self.object.range(self.at..end);
        let range = range.map_err(|problem| {
            self.problem = Some(problem.clone());
            io::Error::other(ReadProblem(problem))
        })?;
        buffer[..range.len()].copy_from_slice(&range);
        self.at += range.len() as u64;
        Ok(range.len())
    }
}

impl Seek for ObjectBytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(from) => self.object.size().checked_add_signed(from),
            SeekFrom::Current(from) => self.at.checked_add_signed(from),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sent_in_quotes_and_weak_ones_not_at_all() {
        for (tag, sent) in
            [("0x8DE27F", Some("\"0x8DE27F\"")), ("\"a-2\"", Some("\"a-2\"")), ("W/\"a\"", None), ("", None)]
        {
            assert_eq!(entity_tag(tag).as_deref(), sent, "{tag}");
        }
    }

    #[test]
    fn a_version_is_known_by_its_tag_else_by_size_and_second() {
        let meta = |tag: Option<&str>, size: u64, time: &str| ObjectMeta {
            location: "a".into(),
            last_modified: time.parse().unwrap_or_else(|error| panic!("{time}: {error}")),
            size,
            e_tag: tag.map(str::to_owned),
            version: None,
        };
        let (listed, answered, later) = ("2026-11-20T12:00:00.345Z", "2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z");
        for (now, then, other) in [
            ((Some("\"a\""), 9, answered), (Some("a"), 9, listed), false),
            ((Some("W/\"a\""), 9, answered), (Some("\"a\""), 9, listed), false),
            ((Some("\"b\""), 9, answered), (Some("\"a\""), 9, answered), true),
            ((None, 9, answered), (None, 9, listed), false),
            ((None, 9, later), (None, 9, listed), true),
            ((None, 8, answered), (None, 9, listed), true),
            ((Some("\"a\""), 9, later), (None, 9, listed), true),
        ] {
            let made = |(tag, size, time)| meta(tag, size, time);
            assert_eq!(is_other(&made(now), &made(then)), other, "{now:?} and {then:?}");
        }
    }
}
