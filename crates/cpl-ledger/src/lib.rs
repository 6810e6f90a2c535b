//! The ledger of a workspace: what was decided, on which values, and what became of it. One file of SQLite,
//! `.cpl/ledger.db`, that only this crate opens.
//!
//! Rows are appended and never changed. Each is hashed together with the one before it, and the end of that chain stands in a
//! file of its own, `.cpl/ledger.head`: so a value that was changed, a file that was cut off, emptied or removed, and an old
//! copy that was put back are seen, and refused. A row is verified where it is read.
//!
//! A transaction is written in an order that a loss of power leaves whole: the head with both ends, the old one and the
//! new one; the commit; the head with the new end alone.

mod chain;
mod error;
mod head;
mod ledger;
mod lock;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

pub use error::LedgerError;
pub use ledger::{Ledger, Transaction};
pub use lock::RunLock;
pub use rows::{Decision, Effect, EffectState, LoggedEffect, Run, Step};
