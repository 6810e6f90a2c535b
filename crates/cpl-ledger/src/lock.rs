//! One run of a pipeline at a time: a lock of the system's, which ends with its process.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::{
    error::LedgerError,
    ledger::{lock_file, make_folder},
};

/// Held while a pipeline runs.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Of a pipeline, in the folder of the ledger, which is made where it is not there.
    ///
    /// # Errors
    /// Where another run holds it, or the system refuses.
    pub fn take(folder: &Path, pipeline: &str) -> Result<Self, LedgerError> {
        make_folder(folder)?;
        let file = lock_file(&folder.join(format!("{pipeline}.run.lock")))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::AlreadyRunning { pipeline: pipeline.to_owned() }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
