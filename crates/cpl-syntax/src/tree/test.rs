//! `test` as written.

use super::{Call, Expr};
use crate::keywords;
use crate::span::{Name, Span, Spanned};

/// `test TEXT { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What it shows.
    pub title: Name,
    /// `today DATE`, `now DATETIME`
    pub clock: Option<TestClock>,
    /// The rows it runs on.
    pub given: Vec<Given>,
    /// What must come out.
    pub expect: Vec<Expectation>,
    /// The whole item.
    pub span: Span,
}

/// When a test plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestClock {
    /// `today DATE`
    Today(Name),
    /// `now DATETIME`
    Now(Name),
}

/// Rows of a fetch, or past decisions of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The fetch or rule.
    pub name: Name,
    /// Its rows.
    pub rows: GivenRows,
}

/// Where given rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenRows {
    /// Written out.
    Table(Table),
    /// `from csv("…")`
    From(Box<Call>),
}

/// Rows of `| … |`; cells are trimmed, quoted text is unescaped, an empty cell is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The first row.
    pub header: Vec<Name>,
    /// The others.
    pub rows: Vec<Vec<Spanned<Option<String>>>>,
}

/// One `expect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `expect RULE for KEY with COLUMN = VALUE`
    Fires(Name, Vec<Name>, Vec<(Name, Expr)>),
    /// `expect no RULE for KEY`
    Not(Name, Vec<Name>),
    /// `expect held|undecided RULE for KEY`
    Is(RowState, Name, Vec<Name>),
    /// `expect TABLE { … }`
    Table(Name, Table),
}

keywords! {
    /// Why a row of a rule does not act.
    RowState {
        /// A guard or a broken check held it.
        Held "held",
        /// A value was unknown.
        Undecided "undecided",
    }
}
