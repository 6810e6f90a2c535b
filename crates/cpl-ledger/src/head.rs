//! The head: where the chain ends, in a file next to the ledger.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize};
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
    #[serde(default, deserialize_with = "known_stamp")]
    pub file: Option<FileStamp>,
}

/// A stamp of another version says nothing.
fn known_stamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FileStamp>, D::Error> {
    let found = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(found).ok())
}

/// What tells that a file is still as it was left: its size, when the system says it was changed, and how often SQLite says
/// so. What a disk changes by itself is not seen by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    bytes: u64,
    /// Seconds since 1970, and nanoseconds.
    changed: (i64, i64),
    /// SQLite's file change counter (bytes 24 to 27 of the file): the system's clock ticks slowly.
    counter: u32,
}

impl Head {
    /// Of a ledger in a file that is left so, in which nothing is under way.
    pub fn of(lineage: String, tip: ChainTip, file: Option<FileStamp>) -> Self {
        Self { lineage, before: tip.clone(), after: tip, file }
    }
}

impl FileStamp {
    /// Of a file; none where it can't be known.
    pub fn of(file: &Path) -> Option<Self> {
        let mut file = File::open(file).ok()?;
        let found = file.metadata().ok()?;
        let mut header = [0; 28];
        file.read_exact(&mut header).ok()?;
        let counter = u32::from_be_bytes(header[24..].try_into().ok()?);
        Some(Self { bytes: found.len(), changed: changed(&found), counter })
    }
}

/// The time of the last change of the inode: no program sets it.
#[cfg(unix)]
fn changed(found: &Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(found: &Metadata) -> (i64, i64) {
    let since = found.modified().ok().and_then(|moment| moment.duration_since(std::time::UNIX_EPOCH).ok());
    let since = since.unwrap_or_default();
    (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), i64::from(since.subsec_nanos()))
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
