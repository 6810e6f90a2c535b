//! What was decided in a workspace.

use cpl_ledger::{LogFilter, LoggedAlert, LoggedEffect, LoggedMetric, LoggedRun, RecordedDecision};
use cpl_model::workspace::Workspace;

use crate::{RunError, ledgers::read_ledger};

/// Entries of a ledger, the newest first.
pub enum Log {
    /// Effects.
    Effects(Vec<LoggedEffect>),
    /// Decisions.
    Decisions(Vec<RecordedDecision>),
    /// Runs.
    Runs(Vec<LoggedRun>),
    /// What dashboards showed.
    Metrics(Vec<LoggedMetric>),
    /// What alerts found.
    Alerts(Vec<LoggedAlert>),
}

/// Of what a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOf {
    /// Effects.
    Effects,
    /// Decisions.
    Decisions,
    /// Runs.
    Runs,
    /// What dashboards showed.
    Metrics,
    /// What alerts found.
    Alerts,
}

/// What was decided in a workspace.
///
/// # Errors
/// Where its ledger can't be read.
pub fn log(workspace: &Workspace, of: LogOf, filter: &LogFilter) -> Result<Log, RunError> {
    let ledger = read_ledger(workspace)?;
    let Some(ledger) = ledger else { return Ok(Log::Effects(Vec::new())) };
    Ok(match of {
        LogOf::Effects => Log::Effects(ledger.log(filter)?),
        LogOf::Decisions => Log::Decisions(ledger.log_decisions(filter)?),
        LogOf::Runs => Log::Runs(ledger.log_runs(filter)?),
        LogOf::Metrics => Log::Metrics(ledger.log_metrics(filter)?),
        LogOf::Alerts => Log::Alerts(ledger.log_alerts(filter)?),
    })
}

/// The names of the rules that decided something in a workspace.
///
/// # Errors
/// Where its ledger can't be read.
pub fn rules(workspace: &Workspace) -> Result<Vec<String>, RunError> {
    match read_ledger(workspace)? {
        Some(ledger) => Ok(ledger.rules()?),
        None => Ok(Vec::new()),
    }
}
