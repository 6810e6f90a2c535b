//! Copies of a workspace's ledger.

use std::path::{Path, PathBuf};

use cpl_ledger::{BackupError, Restored};
use cpl_model::workspace::Workspace;
use jiff::Timestamp;

use crate::{
    RunError,
    ledgers::{ledger_folder, read_ledger},
};

/// Copies the ledger of a workspace into a new folder: how many rows it has.
///
/// # Errors
/// Where there is none, or it can't be copied whole.
pub fn back_up(workspace: &Workspace, to: &Path) -> Result<i64, BackupError> {
    read_ledger(workspace)?;
    cpl_ledger::back_up(&ledger_folder(workspace), to)
}

/// Verifies all of a workspace's ledger: how many rows it has; none where there never was one.
///
/// # Errors
/// Where something of it is not what was written.
pub fn verify(workspace: &Workspace) -> Result<Option<i64>, RunError> {
    read_ledger(workspace)?;
    Ok(cpl_ledger::verify(&ledger_folder(workspace))?)
}

/// Puts a copy back: what is known of the time since it was made, and where the files are that it replaces.
///
/// # Errors
/// Where the copy is none, or the ledger is sound.
pub fn restore(workspace: &Workspace, from: &Path, now: Timestamp) -> Result<(Restored, Vec<PathBuf>), BackupError> {
    let named = workspace.settings.name.as_deref();
    cpl_ledger::restore(from, (&ledger_folder(workspace), named), now.as_microsecond())
}
