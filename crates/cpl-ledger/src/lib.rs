//! The ledger of a workspace: what was decided, on which values, and what became of it. One file of SQLite,
//! `.cpl/ledger.db`, that only this crate opens.
//!
//! Rows are appended and never changed. Each is hashed together with the one before it, and a file of its own,
//! `.cpl/ledger.head`, holds the end of that chain: so a ledger that was cut off, emptied or removed, that lacks rows, or that
//! is an old copy is refused when it is opened. A row is verified where it is read; all of them are, with the indexes, where
//! somebody else touched the file or a transaction was cut off.
//!
//! A transaction is written in an order that survives a loss of power: the head with both ends, the old one and the
//! new one; the commit; the head with the new end alone.

mod backup;
mod chain;
mod error;
mod head;
mod ledger;
mod lock;
mod log;
mod queries;
mod reader;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod window;

pub use backup::{BackupError, Restored, back_up, restore, verify};
pub use error::LedgerError;
pub use ledger::{Ledger, Transaction};
pub use lock::RunLock;
pub use log::LogFilter;
pub use reader::{LedgerEnd, LedgerReader, Snapshot};
pub use rows::{
    Alert, AlertState, Decision, DecisionState, Effect, EffectState, LoggedAlert, LoggedEffect, LoggedMetric,
    LoggedRun, MetricValue, Observation, Pause, PauseState, Program, RecordedDecision, Redo, Run, Step, StoredEffect,
    Verdict, VerdictKind, WindowId,
};
pub use window::Window;
