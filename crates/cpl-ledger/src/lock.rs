//! One run of a pipeline at a time: a lock of the system's, which ends with its process.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::{
    error::LedgerError,
    ledger::{lock_file, make_folder},
};

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
        let names = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
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
