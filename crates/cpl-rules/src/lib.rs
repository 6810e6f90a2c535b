//! Answers → decisions, alerts, checks and the dashboard. Rules are judged on plain values, by exact arithmetic, with
//! what was decided before through a small trait; nothing here knows an engine, a file or a server.

mod alert;
mod check;
mod condition;
mod dashboard;
mod decide;
mod holds;
mod identity;
mod moved;
mod nearest;
mod past;
mod pattern;
mod repeat;
mod report_builder;
mod sureness;

pub use decide::{
    amount::{of as decimal, parsed as parsed_decimal},
    change::{changes_text, reversed},
    memory::unit,
};
pub use identity::{Identity, sha256, short, undo_of};
pub use nearest::QuietRows;
pub use past::{Changed, NoPast, Observed, Past, PastAlert, PastChange, Pause, Verdict};
pub use report_builder::{ReportBuilder, quarantine_file};
