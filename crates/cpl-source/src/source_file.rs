//! A file of a fetch, wherever it stands: on a disk, or in an object store.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use cpl_batch::{Batch, FileKind, Problem};
use cpl_csv::Input;
use cpl_model::program::SourceKind;
use cpl_store::Object;
use tempfile::NamedTempFile;

use crate::{
    file_kind::{START, clean_rejected, may_be_another, start_kind, without_secrets},
    stamp::FileStamp,
};

/// A file, as it was when it was first looked at.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name, for messages and the column of file names.
    pub name: String,
    /// Where it stands.
    pub at: FileAt,
    /// What it was; none of what can't be looked at, such as a pipe. An object knows it by itself.
    stamp: Option<FileStamp>,
}

/// Where a file stands.
#[derive(Clone, Debug)]
pub enum FileAt {
    /// Under a path.
    Disk(PathBuf),
    /// In an object store.
    Store(Object),
}

impl SourceFile {
    /// A file of a disk. What is not there is reported when it is read.
    #[must_use]
    pub fn on_disk(name: String, path: PathBuf) -> Self {
        let stamp = FileStamp::of(&path).ok().flatten();
        Self { name, at: FileAt::Disk(path), stamp }
    }

    /// An object, which is called by its address.
    #[must_use]
    pub fn in_store(object: Object) -> Self {
        Self { name: object.address(), at: FileAt::Store(object), stamp: None }
    }

    /// Checks that it is what it was; an object is looked up.
    ///
    /// # Errors
    /// Where it has changed, or the store does not tell.
    pub fn check_unchanged(&self) -> Result<(), Problem> {
        let has_changed = match &self.at {
            FileAt::Disk(path) => self.stamp.as_ref().is_some_and(|stamp| stamp.has_changed(path)),
            FileAt::Store(object) => object.has_changed()?,
        };
        if has_changed { Err(Problem::Changed) } else { Ok(()) }
    }

    /// Checks that what was read of it is of one version. An object is read by requests that name one.
    ///
    /// # Errors
    /// As those of [`Self::check_unchanged`].
    pub fn check_one_version(&self) -> Result<(), Problem> {
        match &self.at {
            FileAt::Store(object) if object.names_version() => Ok(()),
            _ => self.check_unchanged(),
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.at {
            FileAt::Disk(path) => path.metadata().map_or(0, |found| found.len()),
            FileAt::Store(object) => object.size(),
        }
    }

    /// The problem; that it changed, or is another kind of file, where that explains it.
    #[must_use]
    pub fn explained(&self, problem: Problem, read_as: &SourceKind) -> Problem {
        // A store that did not answer is not tried again.
        if matches!(problem, Problem::Server(_)) {
            return problem;
        }
        if self.check_unchanged() == Err(Problem::Changed) {
            return Problem::Changed;
        }
        let kind = if may_be_another(&problem) { start_kind(self.file_name(), &self.start(), read_as) } else { None };
        let problem = kind.map_or(problem, Problem::OtherKind);
        match &self.at {
            FileAt::Disk(_) => problem,
            FileAt::Store(object) => without_secrets(problem, |text| object.without_secrets(text)),
        }
    }

    /// Strikes out of the rejected rows of an object what its store was sent.
    pub(crate) fn clean_rejected(&self, batch: &mut Batch) {
        if let FileAt::Store(object) = &self.at {
            clean_rejected(batch, |text| object.without_secrets(text));
        }
    }

    /// Its bytes from their beginning, unpacked where its name says that they are packed.
    pub(crate) fn input(&self) -> &dyn Input {
        match &self.at {
            FileAt::Disk(path) => path,
            FileAt::Store(object) => object,
        }
    }

    /// Its path; of an object that of a copy, which is gone with it.
    pub(crate) fn on_some_disk(&self) -> Result<(PathBuf, Option<NamedTempFile>), Problem> {
        let object = match &self.at {
            FileAt::Disk(path) => return Ok((path.clone(), None)),
            FileAt::Store(object) => object,
        };
        if object.size() > cpl_records::WORKBOOK_BYTES {
            return Err(cpl_records::workbook_too_large());
        }
        let here = |error: io::Error| Problem::Unreadable(format!("it can't be copied to this machine: {error}"));
        // What kind of workbook it is stands in its name.
        let suffix = Path::new(object.key()).extension().map(|extension| format!(".{}", extension.to_string_lossy()));
        let copy = tempfile::Builder::new().suffix(&suffix.unwrap_or_default()).tempfile();
        let mut copy = copy.map_err(here)?;
        let mut bytes = object.open()?.take(cpl_records::WORKBOOK_BYTES + 1);
        let copied = io::copy(&mut bytes, &mut copy).map_err(|error| match cpl_csv::unreadable(&error) {
            Problem::Unreadable(_) => here(error),
            problem => problem,
        })?;
        if copied > cpl_records::WORKBOOK_BYTES {
            return Err(cpl_records::workbook_too_large());
        }
        Ok((copy.path().to_owned(), Some(copy)))
    }

    fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Its first bytes; none where it can't be read.
    fn start(&self) -> Vec<u8> {
        match &self.at {
            FileAt::Store(object) => object.start(START).unwrap_or_default(),
            FileAt::Disk(path) => start_of(path),
        }
    }
}

/// What a file is, where its first bytes or its name say that it is not what it is read as.
#[must_use]
pub fn other_kind(path: &Path, read_as: &SourceKind) -> Option<FileKind> {
    start_kind(&path.file_name()?.to_string_lossy(), &start_of(path), read_as)
}

/// The first bytes of a plain file.
fn start_of(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    let file = if path.is_file() { File::open(path).ok() } else { None };
    let _none_of_what_fails = file.map(|file| file.take(START).read_to_end(&mut start));
    start
}
