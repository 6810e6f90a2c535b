//! A folder for what nobody else is to see: files that only their owner reads, and git ignores.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A folder of private files.
pub struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// A folder, which is made when there is something to keep.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// What a file holds.
    ///
    /// # Errors
    /// Where it can't be read, or is not there.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }

    /// Writes a file in one step, in the place of what it held.
    ///
    /// # Errors
    /// What the system refuses; the file is as it was then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.written(name, bytes)?;
        fs::rename(&new, self.0.join(name)).inspect_err(|_| drop(fs::remove_file(&new)))
    }

    /// Writes a file in one step, where there is none; what stands there then is whose came first.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn write_first(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let new = self.written(name, bytes)?;
        let linked = fs::hard_link(&new, self.0.join(name));
        let _left_behind = fs::remove_file(&new);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.read(name),
        }
    }

    /// A new file that holds all of it, next to the place where it goes.
    fn written(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.0)?;
        // Nobody commits them.
        let ignored = self.0.join(".gitignore");
        if !ignored.exists() {
            fs::write(ignored, "*\n")?;
        }
        let new = self.0.join(format!("{name}.{}.new", std::process::id()));
        let _left_by_a_run_that_was_killed = fs::remove_file(&new);
        let written = private(&new).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.inspect_err(|_| drop(fs::remove_file(&new)))?;
        Ok(new)
    }
}

/// A new file that nobody but its owner reads.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
