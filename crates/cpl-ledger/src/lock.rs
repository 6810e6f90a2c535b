//! One run of a pipeline at a time, and one process that writes: locks of the system's, which end with their process.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::error::LedgerError;

/// How long a transaction of another process is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);
/// How often it is looked whether that is over.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What the names of locks end with.
const LOCK: &str = ".run.lock";

/// Held while a pipeline runs.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Of all pipelines that ran, in the folder of the ledger.
    ///
    /// # Errors
    /// Where a run holds one, or the system refuses.
    pub fn take_all(folder: &Path) -> Result<Vec<Self>, LedgerError> {
        make_folder(folder)?;
        let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pipelines = names.filter_map(|name| Some(name.strip_suffix(LOCK)?.to_owned()));
        pipelines.map(|pipeline| Self::take(folder, &pipeline)).collect()
    }

    /// Of a pipeline, in the folder of the ledger, which is made where it is not there.
    ///
    /// # Errors
    /// Where another run holds it, or the system refuses.
    pub fn take(folder: &Path, pipeline: &str) -> Result<Self, LedgerError> {
        make_folder(folder)?;
        let file = lock_file(&folder.join(format!("{pipeline}{LOCK}")))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::AlreadyRunning { pipeline: pipeline.to_owned() }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// A link to a folder that is not there is no ledger's absence: a volume may not be mounted.
pub fn check_link(folder: &Path) -> Result<(), LedgerError> {
    if folder.is_symlink() && !folder.exists() { Err(LedgerError::FolderMissing) } else { Ok(()) }
}

/// Makes the folder of a ledger; git ignores what is in it.
pub fn make_folder(folder: &Path) -> Result<(), LedgerError> {
    check_link(folder)?;
    fs::create_dir_all(folder)?;
    let ignored = folder.join(".gitignore");
    if !ignored.exists() {
        fs::write(ignored, "*\n")?;
    }
    Ok(())
}

/// A file that is there to be locked.
pub fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// The lock of who writes.
pub fn lock(folder: &Path) -> Result<File, LedgerError> {
    let file = lock_file(&folder.join("ledger.lock"))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if begun.elapsed() > LOCK_TIMEOUT => {
                return Err(LedgerError::Refused { why: "another run writes to it, and does not end".to_owned() });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(POLL_INTERVAL),
        }
    }
}
