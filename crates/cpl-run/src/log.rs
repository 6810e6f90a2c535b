//! What was decided in a workspace.

use cpl_ledger::{LedgerReader, LoggedEffect};
use cpl_model::workspace::Workspace;

use crate::{RunError, run::ledger_folder};

/// The newest effects of a workspace, at most so many, the newest first: of one pipeline, or of all.
///
/// # Errors
/// Where its ledger can't be read.
pub fn log(workspace: &Workspace, pipeline: Option<&str>, limit: u32) -> Result<Vec<LoggedEffect>, RunError> {
    match LedgerReader::open(&ledger_folder(workspace))? {
        Some(ledger) => Ok(ledger.log(pipeline, limit)?),
        None => Ok(Vec::new()),
    }
}
