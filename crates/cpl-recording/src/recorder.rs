//! A run is recorded: what its sources hand on is kept, and written to a folder once all is read.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cpl_batch::{Batch, BatchSink, Problem, ReadError, Source, SourceStats};

use crate::{
    file::{self, Lines},
    head::{FILE, Head, RecordedFetch},
};

/// Records a run.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    /// What was read so far, by the names of the fetches.
    fetches: Mutex<BTreeMap<String, (RecordedFetch, File)>>,
}

/// Why there is no recording.
#[derive(Debug)]
pub enum NotRecorded {
    /// The folder holds something.
    NotEmpty,
    /// The system refuses.
    Io(io::Error),
}

impl From<io::Error> for NotRecorded {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Recorder {
    /// Into a folder, which is not there yet, or holds nothing.
    ///
    /// # Errors
    /// Where the folder holds something, or is none.
    pub fn into_folder(folder: &Path) -> Result<Self, NotRecorded> {
        match fs::read_dir(folder) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(NotRecorded::NotEmpty);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { folder: folder.to_owned(), fetches: Mutex::default() })
    }

    /// The same source, whose rows are kept as those of a fetch.
    #[must_use]
    pub fn recorded<'s>(
        &'s self,
        name: &str,
        fetch: RecordedFetch,
        source: Box<dyn Source + 's>,
    ) -> Box<dyn Source + 's> {
        Box::new(Recorded { recorder: self, name: name.to_owned(), fetch, source })
    }

    /// Writes the recording; its fetches are those that were read. Nothing is left of one that can't be written.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn finish(&self, head: Head) -> Result<(), NotRecorded> {
        let read = std::mem::take(&mut *self.fetches.lock().unwrap_or_else(PoisonError::into_inner));
        let (is_new, mut made) = (!self.folder.is_dir(), Vec::new());
        let written = self.write(head, read, &mut made);
        if written.is_err() {
            for path in &made {
                drop(fs::remove_file(path));
            }
            let _others_are_in_it = is_new.then(|| fs::remove_dir(&self.folder));
        }
        written
    }

    /// Writes it; `made` are the files that were made so far.
    fn write(
        &self,
        head: Head,
        read: BTreeMap<String, (RecordedFetch, File)>,
        made: &mut Vec<PathBuf>,
    ) -> Result<(), NotRecorded> {
        let mut new = |path: PathBuf| {
            let file = new_private(&path)?;
            made.push(path);
            Ok::<_, io::Error>(file)
        };
        make_private(&self.folder)?;
        let mut fetches = BTreeMap::new();
        for (name, (fetch, mut rows)) in read {
            io::copy(&mut rows, &mut new(file::path(&self.folder, &name))?)?;
            fetches.insert(name, fetch);
        }
        let mut text = serde_json::to_string_pretty(&Head { fetches, ..head }).map_err(io::Error::other)?;
        text.push('\n');
        new(self.folder.join(FILE))?.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// A folder that only its owner looks into: it holds customers' data.
fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A new file that only its owner reads.
fn new_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A source that is recorded.
struct Recorded<'s> {
    recorder: &'s Recorder,
    name: String,
    fetch: RecordedFetch,
    source: Box<dyn Source + 's>,
}

impl Recorded<'_> {
    fn failed(&self, error: &io::Error) -> ReadError {
        let file = file::path(&self.recorder.folder, &self.name).display().to_string();
        ReadError { file, problem: Problem::NotRecorded(error.to_string()) }
    }
}

impl Source for Recorded<'_> {
    fn start(&mut self) -> Result<(), ReadError> {
        self.source.start()
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut lines = Lines::new().map_err(|error| self.failed(&error))?;
        let (mut kept, mut is_whole) = (Ok(()), true);
        let read = self.source.read(&mut |from: &str, batch: Batch| {
            kept = lines.add(from, &batch);
            let flow = if kept.is_ok() { sink(from, batch) } else { ControlFlow::Break(()) };
            is_whole = flow.is_continue();
            flow
        });
        kept.map_err(|error| self.failed(&error))?;
        let stats = read?;
        if is_whole {
            let rows = lines.end().map_err(|error| self.failed(&error))?;
            let fetch = RecordedFetch { stats: stats.clone(), ..self.fetch.clone() };
            let mut fetches = self.recorder.fetches.lock().unwrap_or_else(PoisonError::into_inner);
            fetches.insert(self.name.clone(), (fetch, rows));
        }
        Ok(stats)
    }
}
