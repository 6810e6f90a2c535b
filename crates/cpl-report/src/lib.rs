//! What a person and a machine see: the terminal's report, tables, JSON. From plain values only.

mod amounts;
mod dashboard;
mod difference;
mod page;
mod paint;
mod summary;
mod table;
mod terminal;
mod verdict;
mod why;

pub use difference::Difference;
pub use paint::TerminalStyle;
pub use table::{csv, csv_texts, json, lines, text};
pub use terminal::terminal;
pub use why::Why;

use cpl_model::report::RunReport;
use serde::Serialize;
use summary::Summary;

/// The JSON schema of a report.
pub const SCHEMA: &str = include_str!("../schema/run-report.schema.json");

/// The report as one JSON document.
#[must_use]
pub fn report_json(report: &RunReport) -> String {
    let document = Document { report, summary: Summary::of(report) };
    serde_json::to_string_pretty(&document).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}

/// A report, and what it comes to.
#[derive(Serialize)]
struct Document<'r> {
    #[serde(flatten)]
    report: &'r RunReport,
    summary: Summary,
}
