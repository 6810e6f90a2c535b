//! What a person and a machine see: the terminal's report, tables, JSON. From plain values only.

mod difference;
mod paint;
mod table;
mod terminal;
mod why;

pub use difference::Difference;
pub use paint::TerminalStyle;
pub use table::{csv, csv_texts, json, lines, text};
pub use terminal::terminal;
pub use why::Why;

use cpl_model::report::RunReport;

/// The JSON schema of a report.
pub const SCHEMA: &str = include_str!("../schema/run-report.schema.json");

/// The report as one JSON document.
#[must_use]
pub fn report_json(report: &RunReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
