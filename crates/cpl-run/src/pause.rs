//! Pauses: nothing is sent, until somebody says that it may be again.

use cpl_ledger::{Pause, PauseState};
use cpl_model::workspace::Workspace;
use jiff::Timestamp;

use crate::{
    RunError,
    ledgers::{open_ledger, read_ledger},
};

/// Pauses a pipeline, or all of the workspace, or ends that. Whether it was so already: then nothing is recorded.
///
/// # Errors
/// Where the ledger can't be written.
pub fn set_pause(
    workspace: &Workspace,
    pipeline: Option<&str>,
    state: PauseState,
    (by, why): (&str, Option<&str>),
    now: Timestamp,
) -> Result<bool, RunError> {
    let mut ledger = open_ledger(workspace)?;
    let mut transaction = ledger.begin()?;
    let last = transaction.last_pause(pipeline)?.map_or(PauseState::Resumed, |pause| pause.state);
    if last == state {
        return Ok(true);
    }
    transaction.add(&Pause {
        pipeline: pipeline.map(str::to_owned),
        state,
        by: by.to_owned(),
        why: why.map(str::to_owned),
        at: now.as_microsecond(),
    })?;
    transaction.commit()?;
    Ok(false)
}

/// The pause under way of a pipeline, or of all of the workspace.
///
/// # Errors
/// Where the ledger can't be read.
pub fn pause_of(workspace: &Workspace, pipeline: &str) -> Result<Option<Pause>, RunError> {
    match read_ledger(workspace)? {
        Some(ledger) => Ok(ledger.pause(pipeline)?),
        None => Ok(None),
    }
}

/// The names of the pipelines that ran in a workspace.
///
/// # Errors
/// Where the ledger can't be read.
pub fn pipelines(workspace: &Workspace) -> Result<Vec<String>, RunError> {
    match read_ledger(workspace)? {
        Some(ledger) => Ok(ledger.pipelines()?),
        None => Ok(Vec::new()),
    }
}
