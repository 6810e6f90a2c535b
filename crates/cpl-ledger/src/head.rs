//! The head: where the chain ends, in a file next to the ledger.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::{chain::ChainTip, error::LedgerError};

/// Where the chain ends. While a transaction is under way it may end in two places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The random name of the ledger.
    pub lineage: String,
    /// The end before the last transaction.
    pub before: ChainTip,
    /// The end after it.
    pub after: ChainTip,
    /// The ledger's file as the last transaction left it; none while one is under way, and in heads of older versions.
    #[serde(default)]
    pub file: Option<FileStamp>,
}

/// What the system says of a file. Whoever changes the file changes this, and can't put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its size.
    bytes: u64,
    /// When it was changed last: seconds since 1970, and nanoseconds.
    changed: (i64, i64),
}

impl Head {
    /// Of a ledger in a file, in which nothing is under way.
    pub fn of(lineage: String, tip: ChainTip, file: &Path) -> Self {
        Self { lineage, before: tip.clone(), after: tip, file: FileStamp::of(file) }
    }
}

impl FileStamp {
    /// Of a file; none where it can't be known.
    #[cfg(unix)]
    pub fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = fs::metadata(file).ok()?;
        // The time of the last change of the inode: no program sets it.
        Some(Self { bytes: found.len(), changed: (found.ctime(), found.ctime_nsec()) })
    }

    /// Of a file; none where it can't be known.
    #[cfg(not(unix))]
    pub fn of(_: &Path) -> Option<Self> {
        None
    }
}

/// The file of a head.
#[derive(Clone, Debug)]
pub struct HeadFile(PathBuf);

impl HeadFile {
    /// In the folder of a ledger.
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("ledger.head"))
    }

    /// What it says; none where there is no file.
    pub fn read(&self) -> Result<Option<Head>, LedgerError> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| LedgerError::HeadMismatch),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes it in one step, to the disk.
    pub fn write(&self, head: &Head) -> Result<(), LedgerError> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(serde_json::json!(head).to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.0).map_err(|error| error.error)?;
        // The name, too, is on the disk.
        Ok(File::open(folder)?.sync_all()?)
    }
}
