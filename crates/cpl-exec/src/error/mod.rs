//! What keeps a run from being finished.

mod bad_value;
mod database_problem;
mod job_problem;
mod page_problem;
mod problem_to_diagnostic;
mod server_problem;
mod source;
mod words;

use cpl_model::value::Value;
use cpl_syntax::{Code, Diagnostic, Span};

pub use problem_to_diagnostic::{file_problem, name_of, reason};
pub use source::{Cause, SourceError};

/// Why the engine could not finish.
#[derive(Debug)]
pub enum ExecError {
    /// A source can't be read, or a value of it does not fit.
    Source(Box<SourceError>),
    /// A table that is shown can't be written.
    TableNotWritten(String),
    /// A value grew too large to compute with.
    TooLarge {
        /// What it was computed for, where that is known.
        computed_for: Option<Span>,
        /// What the engine says, where its own arithmetic refused.
        engine: Option<String>,
    },
    /// A date or a moment lies outside the calendar: years -9999 to 9999.
    OutsideCalendar {
        /// What it was computed for, where that is known.
        computed_for: Option<Span>,
    },
    /// Rows of a joined table share a key, so that a join would multiply rows.
    FanOut(Box<FanOut>),
    /// The engine gave up for a reason of its own.
    Engine(String),
}

/// A joined table that is not unique on its keys.
#[derive(Debug)]
pub struct FanOut {
    /// The joined table.
    pub table: String,
    /// The columns that should be unique.
    pub on: Vec<String>,
    /// The join.
    pub join: Span,
    /// A key that several rows have.
    pub key: Vec<Value>,
    /// How many rows have it.
    pub rows: i64,
}

impl From<Box<SourceError>> for ExecError {
    fn from(error: Box<SourceError>) -> Self {
        Self::Source(error)
    }
}

impl ExecError {
    /// Adds what a value was computed for, where that is not known yet.
    #[must_use]
    pub fn computed_for(mut self, span: Span) -> Self {
        if let Self::TooLarge { computed_for, .. } | Self::OutsideCalendar { computed_for } = &mut self {
            computed_for.get_or_insert(span);
        }
        self
    }

    /// The diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Source(error) => error.diagnostic(),
            Self::TableNotWritten(why) => Diagnostic::new(Code::E1102, format!("the table can't be written: {why}")),
            Self::TooLarge { computed_for, engine } => too_large(*computed_for, engine.as_deref()),
            Self::OutsideCalendar { computed_for } => outside_calendar(*computed_for),
            Self::FanOut(fan_out) => fans_out(fan_out),
            Self::Engine(why) => Diagnostic::new(Code::E1101, format!("the engine could not finish: {why}")),
        }
    }
}

fn too_large(computed_for: Option<Span>, engine: Option<&str>) -> Diagnostic {
    let says = engine.map(|words| format!(" (the engine says: {words})")).unwrap_or_default();
    let diagnostic = Diagnostic::new(Code::E1104, format!("a value grew too large to compute with{says}")).help(
        "money holds 10^22 units in a sum, whole numbers 9 * 10^18, other numbers are summed up to 10^24 each: look at \
         the table before with `cpl show`",
    );
    labelled(diagnostic, computed_for)
}

fn outside_calendar(computed_for: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::E1104, "a date lies outside the calendar, which ends with the year 9999")
        .help("look at the table before with `cpl show`: a length of time that is added may be too long");
    labelled(diagnostic, computed_for)
}

fn labelled(diagnostic: Diagnostic, computed_for: Option<Span>) -> Diagnostic {
    match computed_for {
        Some(span) => diagnostic.at(span, "computed for this"),
        None => diagnostic,
    }
}

fn fans_out(fan_out: &FanOut) -> Diagnostic {
    let FanOut { table, on, join, key, rows } = fan_out;
    let (on, key) = (on.join(", "), key.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    Diagnostic::new(Code::E1103, format!("this join fans out: {rows} rows of `{table}` are {key}"))
        .at(*join, format!("`{table}` must be unique on {on}"))
        .help(format!("group `{table}` by {on} before the join"))
}
