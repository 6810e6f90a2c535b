//! Where a workspace keeps what it knows.

use std::path::PathBuf;

use cpl_model::workspace::Workspace;

/// Where the ledger of a workspace is.
pub fn ledger_folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".cpl")
}
