//! Queries on nodes: the rows of a rule, the check of a table, the metrics of the dashboard.

use cpl_model::{
    clock::Start,
    program::{Day, Expr, Grain, Periods, TableId},
    types::Type,
};
use cpl_syntax::Span;

pub use crate::ids::QueryId;
use crate::{
    ids::NodeId,
    rule::{CompiledAlert, CompiledRule, RowLayout, ValueRef},
};

/// One query; its answer is a list of rows of plain values.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its place.
    pub id: QueryId,
    /// The node whose rows it looks at.
    pub of: NodeId,
    /// What it computes.
    pub kind: QueryKind,
    /// What the query is for.
    pub requester: Requester,
    /// What it is computed for, in the file.
    pub span: Span,
    /// The stage in which it is answered.
    pub stage: usize,
}

/// The forms of a query.
#[derive(Clone, Debug)]
pub enum QueryKind {
    /// One row a group, its keys first, then the items; one row where there are no keys.
    Aggregate {
        /// Which rows; none for all.
        filter: Option<Expr>,
        /// The columns that group, with their types.
        keys: Vec<(String, Type)>,
        /// What is computed, under names that meet no column's.
        items: Vec<(String, Expr)>,
    },
    /// The rows of a rule.
    Rows(RowQuery),
    /// All rows: these columns.
    Table {
        /// Names and types.
        columns: Vec<(String, Type)>,
        /// The sort columns; none if the rows keep their own order.
        order: Vec<String>,
    },
    /// The first of the rows for which the filter is true, by an order of columns.
    FirstRows {
        /// Which rows.
        filter: Expr,
        /// Names and types.
        columns: Vec<(String, Type)>,
        /// The sort columns.
        order: Vec<String>,
    },
    /// The first keys that several rows share, by their order: the key, how many rows that are, how many such keys there
    /// are. No row where there is none.
    Duplicates {
        /// The key's columns, with their types.
        key: Vec<(String, Type)>,
        /// Keys with unknown parts match nothing, and are not looked at.
        known_only: bool,
    },
    /// Of each series that lacks a period: its names, the period after its first gap, the one before, how many gaps.
    FirstGap(Gaps),
    /// Of a join: how many rows of the left and of the right side have no match, and how many of the right have one.
    Unmatched,
}

/// The series in which gaps are looked for.
#[derive(Clone, Debug)]
pub struct Gaps {
    /// The series.
    pub periods: Periods,
    /// The types of its columns: those that name a series, then that of the time.
    pub types: Vec<Type>,
}

/// The rows of a rule that are not quiet: all conditions are true, or none is false and one is unknown.
#[derive(Clone, Debug)]
pub struct RowQuery {
    /// What is computed of each row.
    pub layout: RowLayout,
    /// The conditions: their positions in the row.
    pub conditions: Vec<ValueRef>,
    /// Of a series: its newest complete period, and no other row.
    pub newest: Option<NewestPeriod>,
    /// Quiet rows come too: totals count them, and tests show them.
    pub all_rows: bool,
    /// Rows whose period is left out come too: what was reported of them is not over.
    pub left_out_rows: bool,
    /// Else the first of them come, by how much is missing; none where nobody asks for them.
    pub nearest: Option<Nearest>,
}

/// An order of quiet rows.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// How much is missing: 0 where nothing is.
    pub missing: ValueRef,
    /// What names the rows: of two that lack as much the first comes.
    pub key: Vec<ValueRef>,
}

/// The newest complete period of each series: a row of unknown values where a series has none.
#[derive(Clone, Debug)]
pub struct NewestPeriod {
    /// The columns that name a series.
    pub key: Vec<String>,
    /// The column of the periods' starts.
    pub time: String,
    /// How long a period is.
    pub grain: Grain,
    /// The days it may be; none for all.
    pub on: Vec<Day>,
    /// The start of that period; known once the plan is bound to a clock.
    pub start: Option<Start>,
    /// The position of the flag that the series has that period: true, or unknown.
    pub present: ValueRef,
    /// Of a rule that leaves periods out: the position of the flag that its period is not.
    pub is_judged: Option<ValueRef>,
}

/// What the query is for.
#[derive(Clone, Debug)]
pub enum Requester {
    /// The report, of a fetch: rows, rows dated after `now`, the newest time.
    Source(TableId),
    /// A check of a table, by its place there.
    Check {
        /// The table.
        table: TableId,
        /// The place.
        at: usize,
    },
    /// The first rows that break a check of a table.
    BrokenRows {
        /// The table.
        table: TableId,
        /// The check's place there.
        at: usize,
    },
    /// A join, whose second input must be unique on its keys: an answer of a row stops the run.
    Uniqueness {
        /// The join.
        join: NodeId,
    },
    /// The report, of a join's rows without a match.
    Unmatched {
        /// The table that joins.
        table: TableId,
        /// The table that is joined.
        with: TableId,
        /// Rows of the left side without a match stay.
        left: bool,
        /// A join of which no row has a match holds what depends on it.
        holds: bool,
    },
    /// The report, of the rows of a table over whose unknown values a sum passes.
    PassedOver {
        /// The table that sums.
        table: TableId,
        /// What is summed, in the file.
        of: Span,
    },
    /// The dashboard, of its window.
    Dashboard(DashboardPart),
    /// A rule that acts, by its place in the program.
    Decide(usize, Box<CompiledRule>),
    /// An alert, by its place in the program.
    Alert(usize, Box<CompiledAlert>),
    /// A person, of a table.
    Show(TableId),
}

/// The parts of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardPart {
    /// The metrics over its window, then their goals.
    Now,
    /// The metrics over the window before.
    Before,
    /// The metrics over its window, by a column; then the sums of which the constraint is a quotient.
    By,
    /// The constraint over the window before, by that column; then those sums.
    ByBefore,
}

/// How many rows that break a check are shown, with their values.
pub const SHOWN_ROWS: u32 = 3;
/// Statistics of a fetch: the number of its rows.
pub const ROWS: &str = "rows";
/// The number of rows dated after `now`; absent if rows have no time column or future rows are kept.
pub const FUTURE_ROWS: &str = "future rows";
/// The number of rows, without those of [`FUTURE_ROWS`], of days outside the window that was requested of an endpoint; absent if
/// none was, or no single day dates a row.
pub const OUTSIDE_ROWS: &str = "rows outside the window";
/// Ahead of the name of a column of weeks: how many of its values begin a week.
pub const WEEK_STARTS: &str = "week starts of ";
/// The newest past time; absent if rows have no time column.
pub const NEWEST: &str = "newest";

impl QueryKind {
    /// The types of the answer's columns.
    #[must_use]
    pub fn types(&self) -> Vec<Type> {
        let of = |columns: &[(String, Type)]| columns.iter().map(|(_, ty)| *ty).collect::<Vec<_>>();
        match self {
            Self::Aggregate { keys, items, .. } => {
                of(keys).into_iter().chain(items.iter().map(|(_, value)| value.ty)).collect()
            }
            Self::Rows(rows) => rows.layout.types(),
            Self::Table { columns, .. } | Self::FirstRows { columns, .. } => of(columns),
            Self::Duplicates { key, .. } => of(key).into_iter().chain([Type::Count; 2]).collect(),
            Self::FirstGap(gaps) => {
                let time = gaps.types.last().copied().unwrap_or(Type::Date);
                gaps.types.iter().copied().chain([time, Type::Count]).collect()
            }
            Self::Unmatched => vec![Type::Count; 3],
        }
    }
}
