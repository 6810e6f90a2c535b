//! The ledger of a workspace: where it is, and that it is no other one's.

use std::path::PathBuf;

use cpl_ledger::{Ledger, LedgerError, LedgerReader};
use cpl_model::workspace::Workspace;

/// Where the ledger of a workspace is.
pub fn ledger_folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".cpl")
}

/// The ledger of a workspace, to be read; none where there never was one.
pub fn read_ledger(workspace: &Workspace) -> Result<Option<LedgerReader>, LedgerError> {
    let ledger = LedgerReader::open(&ledger_folder(workspace))?;
    ledger.map(|ledger| checked(ledger, workspace)).transpose()
}

/// The ledger of a workspace, to be added to; none where there never was one.
pub fn existing_ledger(workspace: &Workspace) -> Result<Option<Ledger>, LedgerError> {
    let ledger = Ledger::existing(&ledger_folder(workspace))?;
    ledger.map(|ledger| checked(ledger, workspace)).transpose()
}

/// The ledger of a workspace, to be added to; a new one where there was none.
pub fn open_ledger(workspace: &Workspace) -> Result<Ledger, LedgerError> {
    checked(Ledger::open(&ledger_folder(workspace))?, workspace)
}

fn checked<L: AsRef<LedgerReader>>(ledger: L, workspace: &Workspace) -> Result<L, LedgerError> {
    ledger.as_ref().check_workspace(workspace.settings.name.as_deref())?;
    Ok(ledger)
}

/// A workspace by the name in which its decisions are counted, where its ledger can be read.
#[must_use]
pub fn as_recorded(workspace: Workspace) -> Workspace {
    let ledger = read_ledger(&workspace).ok().flatten();
    match workspace_name(&workspace, ledger.as_ref()) {
        Ok(name) => Workspace { name, ..workspace },
        Err(_) => workspace,
    }
}

/// The name in which a workspace's decisions are counted: that of its ledger also where its folder has another one by now.
pub fn workspace_name(workspace: &Workspace, ledger: Option<&LedgerReader>) -> Result<String, LedgerError> {
    let recorded = ledger.map(LedgerReader::workspace).transpose()?.flatten();
    Ok(recorded.unwrap_or_else(|| workspace.name.clone()))
}
