//! A file that changes while it is read: its size, its time and its identity are held against those at the start.

use std::{fs::Metadata, io, path::Path, time::SystemTime};

/// What is known of a file from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
    /// The device and the number of the file on it, where the system has them; else 0.
    identity: (u64, u64),
}

impl FileStamp {
    /// Of a plain file; none of a pipe, which can't be looked at.
    ///
    /// # Errors
    /// Where the system can't tell.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let found = path.metadata()?;
        let stamp = || Self { length: found.len(), modified: found.modified().ok(), identity: identity(&found) };
        Ok(found.is_file().then(stamp))
    }

    /// Whether the file at that path is no longer as it was; one that is gone is not.
    #[must_use]
    pub fn has_changed(&self, path: &Path) -> bool {
        Self::of(path).ok().flatten().as_ref() != Some(self)
    }
}

#[cfg(unix)]
fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn what_changes_is_seen() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.csv");
        fs::write(&path, "a\n1\n")?;
        let Some(stamp) = FileStamp::of(&path)? else { panic!("it is a plain file") };
        assert!(!stamp.has_changed(&path));
        fs::OpenOptions::new().append(true).open(&path)?.write_all(b"2\n")?;
        assert!(stamp.has_changed(&path), "it grew");

        let Some(stamp) = FileStamp::of(&path)? else { panic!("it is a plain file") };
        let other = folder.path().join("b.csv");
        fs::write(&other, fs::read(&path)?)?;
        fs::OpenOptions::new().write(true).open(&other)?.set_modified(path.metadata()?.modified()?)?;
        fs::rename(&other, &path)?;
        assert!(stamp.has_changed(&path), "another file stands in its place");

        let Some(stamp) = FileStamp::of(&path)? else { panic!("it is a plain file") };
        fs::OpenOptions::new().write(true).open(&path)?.set_modified(SystemTime::UNIX_EPOCH)?;
        assert!(stamp.has_changed(&path), "it was written again");
        fs::remove_file(&path)?;
        assert!(stamp.has_changed(&path), "it is gone");
        Ok(())
    }
}
