//! `test` blocks: rows that are given, and what must come of them.

use cpl_syntax::{Span, tree::RowState};

use super::TableId;
use crate::{clock::AsOf, value::Value};

/// A test.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it shows.
    pub title: String,
    /// Where the title stands.
    pub span: Span,
    /// When it plays.
    pub as_of: AsOf,
    /// The rows of fetches; the others are empty.
    pub given: Vec<Given>,
    /// What rules decided before.
    pub past: Vec<PastDecision>,
    /// What must come out.
    pub expect: Vec<Expected>,
}

/// A decision of an earlier run, as a test gives it.
#[derive(Clone, Debug)]
pub struct PastDecision {
    /// The rule, by its name.
    pub rule: String,
    /// Where it is given.
    pub span: Span,
    /// The values that name the row, in the key's order.
    pub key: Vec<Value>,
    /// When it was carried out; unknown where the cell is empty.
    pub at: Value,
    /// The changed column before, where it is given.
    pub before: Option<Value>,
    /// The changed column afterwards, likewise.
    pub after: Option<Value>,
}

/// Rows of a fetch.
#[derive(Clone, Debug)]
pub struct Given {
    /// The fetch.
    pub table: TableId,
    /// Where it stands.
    pub span: Span,
    /// Its rows.
    pub rows: GivenRows,
}

/// Where given rows come from.
#[derive(Clone, Debug)]
pub enum GivenRows {
    /// Written out: the names of columns, and their values in each row.
    Written(Vec<String>, Vec<Vec<Value>>),
    /// A CSV file at a path relative to the pipeline's file, its header the columns' names.
    File(String),
}

/// One `expect`.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Where it stands.
    pub span: Span,
    /// What.
    pub kind: ExpectedKind,
}

/// The forms of an `expect`.
#[derive(Clone, Debug)]
pub enum ExpectedKind {
    /// The rule fires for that row, and changes columns or passes arguments to those values.
    Fires(String, Vec<Value>, Vec<(String, Value)>),
    /// The rule does not fire, for that row where one is named.
    Not(String, Option<Vec<Value>>),
    /// That is what becomes of the row.
    Is(RowState, String, Vec<Value>),
    /// All rows of a table, in any order: the named columns, each compared at the digits that are written.
    Table(TableId, Vec<String>, Vec<Vec<Cell>>),
}

/// A value as it is written in a table.
#[derive(Clone, Debug)]
pub struct Cell {
    /// As it is written.
    pub text: String,
    /// What it is.
    pub value: Value,
    /// Digits after its point.
    pub digits: u32,
}
