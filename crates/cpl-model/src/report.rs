//! What a run found: a plain value, of which the terminal, JSON and the page are renderings.
//!
//! Serialized, it is the document that `--format json` prints; its schema stands in `crates/cpl-report/schema`.

use std::collections::BTreeMap;

use cpl_syntax::tree::{Direction, Level};
use serde::{Serialize, Serializer};

pub use crate::{
    evidence::{Because, Sure, Usual},
    moved::{Moved, MovedBy, MovedDriver},
    pairs::Pairs,
};
use crate::{resource::Resource, value::Value};

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The version of this document: `RunReport::VERSION`.
    pub version: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// The one question.
    pub question: Option<String>,
    /// The window the run belongs to.
    pub window: Window,
    /// The window's start, which is the run's `now`.
    pub now: String,
    /// Wall time of the run.
    pub took_ms: u64,
    /// The constraint.
    pub constraint: Option<Metric>,
    /// Its drivers.
    pub drivers: Vec<Metric>,
    /// The same, by a column.
    pub by: Option<By>,
    /// What moved the constraint since the window before; none where that can't be told.
    pub moved: Option<Moved>,
    /// Rows that fire, are held or could not be decided, in the order of the rules and their keys.
    pub decisions: Vec<Decision>,
    /// Rows that fire or could not be decided, gravest first.
    pub alerts: Vec<Alert>,
    /// Alerts that were reported in an earlier window, and fire no longer.
    pub alerts_over: Vec<AlertOver>,
    /// How many effects leave for each target, and where it is.
    pub effects: Vec<Delivery>,
    /// Effects of earlier runs that may have been sent.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Decisions of the window before that nobody approved or rejected.
    pub expired: Vec<Expired>,
    /// Decisions of earlier runs of this window that would be otherwise by now.
    pub restated: Vec<Restated>,
    /// Values of `let`s that the command line set, as they were written there.
    pub set: BTreeMap<String, String>,
    /// Rows of each rule that did not fire.
    pub quiet: BTreeMap<String, usize>,
    /// Those of them that are nearest to firing, in the order of the rules.
    pub nearest: Vec<QuietRow>,
    /// Checks on tables.
    pub checks: Vec<Check>,
    /// Rows of either side of each join that match none.
    pub joins: Vec<Join>,
    /// Unknown values that sums in quotients pass over.
    pub passed_over: Vec<PassedOver>,
    /// What was read.
    pub sources: Vec<Source>,
    /// Warnings of the pipeline.
    pub diagnostics: Vec<Message>,
    /// Whether what is decided leaves.
    pub mode: RunMode,
    /// Today's window begins later: when.
    #[serde(skip)]
    pub early: Option<String>,
    /// The dashboard's table rests on a broken check.
    #[serde(skip)]
    pub on_broken_data: bool,
    /// How the window over which the dashboard looks is written.
    #[serde(skip)]
    pub over: Option<String>,
    /// The file asks no question: there is no dashboard, no decision and no alert.
    #[serde(skip)]
    pub asks_nothing: bool,
    /// The day after which every decision is held, where it is past.
    #[serde(skip)]
    pub retired: Option<String>,
    /// Who decides.
    #[serde(skip)]
    pub owner: Option<String>,
    /// The rules that act, in the order of the file.
    #[serde(skip)]
    pub rules: Vec<String>,
    /// The newest day of what the dashboard and the rules begin with; of several sources the oldest of those.
    #[serde(skip)]
    pub data_to: Option<Value>,
    /// The next day on which one of them is looked at, where none is today.
    #[serde(skip)]
    pub next_look: Option<String>,
}

impl RunReport {
    /// Goes up when a field of the document changes its name or its meaning.
    pub const VERSION: u32 = 2;
}

/// Start and end of a window, ISO 8601 in the pipeline's zone.
#[derive(Clone, Debug, Serialize)]
pub struct Window {
    /// Its start.
    pub start: String,
    /// The next one's start.
    pub end: String,
}

/// The constraint or a driver.
#[derive(Clone, Debug, Serialize)]
pub struct Metric {
    /// Its name.
    pub metric: String,
    /// Its value over the dashboard's window.
    pub value: Value,
    /// What it should be.
    pub goal: Option<Goal>,
    /// Whether it is; none where there is no goal or the value is unknown.
    pub met: Option<bool>,
    /// Its value over the window before.
    pub before: Value,
}

/// Which side of what is good.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// The good side.
    #[serde(serialize_with = "direction")]
    pub direction: Direction,
    /// The bound.
    pub bound: Value,
    /// Whether it is written as `4x` is: then both are shown so.
    #[serde(skip)]
    pub multiple: bool,
}

/// The dashboard's metrics by a column.
#[derive(Clone, Debug, Serialize)]
pub struct By {
    /// The column.
    pub column: String,
    /// What the constraint sums up, such as the spend: as the pipeline writes it; none where it is no sum.
    pub of: Option<String>,
    /// One row for each of its values, in their order.
    pub rows: Vec<ByRow>,
}

/// One value of the column and what the metrics are there.
#[derive(Clone, Debug, Serialize)]
pub struct ByRow {
    /// The column's value.
    pub value: Value,
    /// The constraint first, then the drivers.
    pub metrics: Pairs,
    /// Whether the constraint is on the good side there; none where it has no goal or the value is unknown.
    pub met: Option<bool>,
    /// The constraint over the window before.
    pub before: Value,
    /// What the constraint sums up there.
    pub of: Value,
}

/// What became of a row that a rule looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It acts, or its message is sent.
    Fires,
    /// A guard or broken data keeps it from acting.
    Held,
    /// A value was unknown.
    Undecided,
    /// It is not reported.
    Suppressed,
    /// It does not fire: reported only on request.
    Quiet,
}

/// A row of a `decide`.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// SHA-256 of workspace, pipeline, rule, key, window and generation.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// What names the row.
    pub key: Pairs,
    /// What became of it.
    pub state: State,
    /// Why, where it does not act; else how guards shortened it.
    pub reason: Option<String>,
    /// The values the rule looked at.
    pub because: Vec<Because>,
    /// What is changed.
    pub changes: Vec<Change>,
    /// It is held until a person approves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub awaits_approval: bool,
    /// The conditions with their values, as a person reads them.
    #[serde(skip)]
    pub conditions: Vec<String>,
    /// The decision that it takes back; none for those of rules.
    #[serde(skip)]
    pub undoes: Option<String>,
}

/// A row for which a rule does not fire.
#[derive(Clone, Debug, Serialize)]
pub struct QuietRow {
    /// The rule.
    pub rule: String,
    /// What names the row.
    pub key: Pairs,
    /// Its conditions, as a person reads them.
    pub conditions: Vec<Outcome>,
    /// The values the rule looked at.
    pub because: Vec<Because>,
}

/// What a condition says of a row.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// It, with its values.
    pub text: String,
    /// Whether it is so; none where that is unknown.
    pub is_so: Option<bool>,
}

/// Whether what a run decides leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// It leaves.
    Run,
    /// It is a plan, or a replay: nothing leaves.
    Plan,
    /// The window is over: nothing leaves.
    Past,
}

/// One effect.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The key of the row, where it is another than the decision's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Pairs>,
    /// The column; none for a call.
    pub column: Option<String>,
    /// Its value before.
    pub from: Value,
    /// Its value after.
    pub to: Value,
    /// Where it goes.
    pub target: String,
    /// What is passed on.
    pub arguments: Pairs,
    /// What it changes; none for a call that is only printed.
    #[serde(skip)]
    pub resource: Option<Resource>,
    /// Which setting of that: the parameter that takes the new value, else the column; none for a call.
    #[serde(skip)]
    pub setting: Option<String>,
    /// This run is the first to see that somebody else changed it.
    #[serde(skip)]
    pub is_first_seen: bool,
    /// What is passed on by the change that takes this one back; none for a call, which nothing takes back.
    #[serde(skip)]
    pub undo: Option<Pairs>,
}

/// What leaves for one target.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// The target.
    pub target: String,
    /// The path of its file; none where it is no file.
    pub to: Option<String>,
    /// How many effects leave for it.
    pub effects: usize,
    /// How many effects earlier runs of the same window recorded for it.
    pub earlier: usize,
    /// How many of those are not sent yet: a run sends them.
    pub unsent: usize,
}

/// Effects that an earlier run recorded and did not confirm: they may have been sent, and this run does not send them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unconfirmed {
    /// The window.
    pub window: String,
    /// The target.
    pub target: String,
    /// How many.
    pub effects: usize,
}

/// A decision of an earlier run of the window that would be otherwise by now: the data was restated, or the pipeline edited.
/// Nothing is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restated {
    /// The decision.
    pub decision: String,
    /// Its rule.
    pub rule: String,
    /// The values that name its row.
    pub row: String,
    /// What it changes.
    pub did: String,
    /// What became of that.
    pub state: RestatedState,
    /// What is so now.
    pub now: String,
}

/// What became of a decision that would be otherwise by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestatedState {
    /// It was carried out.
    Done,
    /// It is recorded, and a run sends it.
    NotSent,
    /// It was sent, and nobody knows what became of it.
    Unknown,
}

/// Decisions of an earlier window that awaited an approval, which ended with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// The window.
    pub window: String,
    /// The rule.
    pub rule: String,
    /// How many.
    pub decisions: usize,
}

impl Alert {
    /// Whether it fires, and was reported before.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.state == State::Fires && self.reported.is_some()
    }
}

/// An alert that was reported in an earlier window, and fires no longer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertOver {
    /// The rule.
    pub alert: String,
    /// What names the row, as it was recorded.
    pub key: Pairs,
    /// The start of the window in which it was reported.
    pub reported: String,
}

/// A row of an `alert`.
#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    /// The rule.
    pub alert: String,
    /// What names the row.
    pub key: Pairs,
    /// What became of it.
    pub state: State,
    /// How grave it is.
    #[serde(serialize_with = "level")]
    pub severity: Level,
    /// What is reported; where it is not reported, why.
    pub text: String,
    /// The start of the window in which it was reported; none where it is news, or was not.
    pub reported: Option<String>,
    /// The values the rule looked at.
    pub because: Vec<Because>,
    /// The conditions with their values, as a person reads them.
    #[serde(skip)]
    pub conditions: Vec<String>,
    /// Those of them that tell what is usual, or how sure they are, where the text is the rule's own.
    #[serde(skip)]
    pub evidence: Vec<String>,
}

/// A check on a table.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The table.
    pub table: String,
    /// The check as written.
    pub check: String,
    /// Whether it does not hold.
    pub broken: bool,
    /// `watch`: it is shown and holds nothing.
    pub watched: bool,
    /// The rules whose rows are held where it is broken: all of them, or those of the series that break it.
    pub holds: Vec<String>,
    /// What was found.
    pub text: String,
    /// The first rows, keys, gaps or series that break it, with their values.
    pub rows: Vec<Pairs>,
    /// How many more there are.
    pub more: u64,
    /// What it looks at.
    #[serde(skip)]
    pub subject: CheckSubject,
    /// The dashboard looks at the table, or at one made of it.
    #[serde(skip)]
    pub on_dashboard: bool,
}

impl CheckSubject {
    /// What is wrong where such a check does not hold.
    #[must_use]
    pub fn error(self) -> &'static str {
        match self {
            Self::Key => "rows that share a key",
            Self::Age => "data that is too old",
            Self::Values => "values that are not as expected",
            Self::Gaps => "periods that are missing",
            Self::Join => "rows without a match",
            Self::Pages => "pages that were not read",
        }
    }
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckSubject {
    /// That a key names one row.
    Key,
    /// How old the data is: reported next to the source also where it holds.
    Age,
    /// What is expected of the values: reported also where it is true.
    Values,
    /// Whether a series lacks a period.
    Gaps,
    /// Whether rows of a join have matches.
    Join,
    /// Whether all pages of a server were read.
    Pages,
}

/// A join, and how many rows match none.
#[derive(Clone, Debug, Serialize)]
pub struct Join {
    /// The transform.
    pub table: String,
    /// The table that is joined.
    pub with: String,
    /// Rows of the transform that match no row of that table.
    pub left_unmatched: u64,
    /// Whether they stay, as a `left join` leaves them.
    pub kept: bool,
    /// Rows of that table that no row of the transform matches.
    pub right_unmatched: u64,
}

/// Values that a sum in a quotient passes over, since they are unknown: the other side counts their rows.
#[derive(Clone, Debug, Serialize)]
pub struct PassedOver {
    /// The table that sums, or the dashboard's.
    pub table: String,
    /// What is summed.
    pub value: String,
    /// In how many rows it is unknown.
    pub unknown: u64,
    /// Of how many.
    pub rows: u64,
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// The fetch.
    pub fetch: String,
    /// Rows read.
    pub rows: u64,
    /// The newest value of its time column.
    pub newest: Value,
    /// Rejected rows.
    pub bad_rows: u64,
    /// The file that keeps them.
    #[serde(skip)]
    pub quarantine: Option<String>,
    /// Rows dated after now, which are not read.
    pub future: u64,
    /// Rows dated outside the window that was requested of a server: they are read.
    pub outside_window: u64,
    /// Amounts with more than six decimals, which were rounded.
    pub rounded: u64,
    /// Rows from the one on at which a table ends, which are not read.
    pub left_out: u64,
    /// The sheets that were read of workbooks.
    pub sheets: Vec<String>,
    /// Paths that found nothing in any record of JSON.
    pub empty_paths: Vec<String>,
    /// Paths of a connector's `pages` that find nothing on the first page, where that is all that is wanted.
    #[serde(skip)]
    pub empty_page_paths: Vec<String>,
    /// Columns of a text table of which each number looks like `1.234`: its point may set digits apart.
    pub ambiguous_points: Vec<String>,
    /// Columns of days that are stored as midnights of UTC, where the pipeline's days are those of another zone.
    pub utc_days: Vec<String>,
    /// Columns of weeks of which no value begins a week.
    pub no_week_starts: Vec<String>,
    /// The day on which weeks begin.
    #[serde(skip)]
    pub week_start: String,
    /// How the row begins at which a table ends.
    #[serde(skip)]
    pub until: Option<String>,
}

impl Source {
    /// What a reader should know of how it was read.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.outside_window > 0 {
            let rows = if self.outside_window == 1 { "row is" } else { "rows are" };
            notes.push(format!(
                "! {} {rows} of days outside the window that was requested: are `query` and `time` of the connector right?",
                Value::Integer(i64::try_from(self.outside_window).unwrap_or(i64::MAX))
            ));
        }
        if self.rounded > 0 {
            let amounts = if self.rounded == 1 { "amount" } else { "amounts" };
            notes.push(format!("{} {amounts} rounded to a millionth", self.rounded));
        }
        if !self.sheets.is_empty() {
            let sheets: Vec<String> = self.sheets.iter().map(|sheet| format!("{sheet:?}")).collect();
            let word = if sheets.len() == 1 { "sheet" } else { "sheets" };
            notes.push(format!("{word} {}", sheets.join(", ")));
        }
        if let Some(until) = self.until.as_ref().filter(|_| self.left_out > 0) {
            let rows = if self.left_out == 1 { "1 row".to_owned() } else { format!("{} rows", self.left_out) };
            notes.push(format!("{rows} from {until:?} on: not read"));
        }
        for path in &self.empty_paths {
            notes.push(format!("! nothing stands at {path} in any record"));
        }
        for path in &self.empty_page_paths {
            notes.push(format!(
                "! nothing stands at {path}, by which `pages` go on: is it right, and this the last page?"
            ));
        }
        for column in &self.no_week_starts {
            notes.push(format!(
                "! no value of {column} begins a week: weeks start on {}, unless the pipeline says `weeks start on \
                 sunday`",
                self.week_start
            ));
        }
        for column in &self.utc_days {
            notes.push(format!("! {column} is stored as midnights of UTC: taken for those days"));
        }
        for column in &self.ambiguous_points {
            notes.push(format!(
                "! each value of {column} that has a point looks like 1.234: where the point stands between digits, write \
                 decimal=\",\" and thousands=\".\""
            ));
        }
        notes
    }
}

/// A warning.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its code.
    pub code: String,
    /// What it says.
    pub text: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn direction<S: Serializer>(direction: &Direction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match direction {
        Direction::Below => "below",
        Direction::Above => "above",
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Critical => "critical",
    })
}
