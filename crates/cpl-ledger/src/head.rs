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
