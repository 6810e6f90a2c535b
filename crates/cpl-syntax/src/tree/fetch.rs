//! `fetch` as written.

use super::{Call, Currency, Expr, setting::Setting};
use crate::keywords;
use crate::span::{Name, Span, Spanned};

/// `fetch NAME from CONNECTOR(args) { clauses }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The table's name.
    pub name: Name,
    /// The connector and its arguments.
    pub source: Call,
    /// The source's span.
    pub source_span: Span,
    /// The columns that are declared.
    pub columns: Vec<Column>,
    /// The other clauses.
    pub clauses: Vec<FetchClause>,
}

/// A clause of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchClause {
    /// One that a transform may hold too.
    Check(Clause),
    /// `skip bad rows up to 1%`
    SkipBadRows(Expr),
    /// `keep future rows`
    KeepFuture(Span),
    /// `time COLUMN`
    Time(Name),
    /// `settles within DURATION`
    Settles(Expr, Span),
    /// `records "$.path" each "$.path"`
    Records(Name, Option<Name>),
    /// `missing "--", "n/a"`
    Missing(Vec<Name>),
    /// `rows until "Total"`
    RowsUntil(Name),
    /// `method POST`, `headers { … }`: a part of the HTTP request.
    Request(Setting),
}

/// A check on a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// `key A, B`
    Key(Vec<Name>),
    /// `no gaps for A`
    NoGaps(Vec<Name>, Span),
    /// `fresh COLUMN within DURATION for A`
    Fresh(Option<Name>, Expr, Vec<Name>, Span),
    /// `expect EXPR for A`
    Expect(Expr, Vec<Name>),
    /// `watch EXPR for A`: an expectation that holds nothing.
    Watch(Expr, Vec<Name>),
}

/// `NAME: TYPE? personal from "…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in the pipeline.
    pub name: Name,
    /// Its type.
    pub kind: Spanned<ColumnType>,
    /// `?`: a value may be missing.
    pub nullable: bool,
    /// A file may lack the column.
    pub optional: bool,
    /// It must not be kept or shown.
    pub personal: Option<Span>,
    /// Where it is found, if not under its own name.
    pub from: Option<ColumnFrom>,
    /// The whole column.
    pub span: Span,
}

/// Where a column is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnFrom {
    /// `from "Real Name"`, or a path.
    Named(Name),
    /// `from "name" at "$.path"`
    At(Name, Name),
    /// `from outer "$.path"`: of the record around one that `each` finds.
    Outer(Name),
    /// `from file`
    File(Span),
}

impl Column {
    /// The column that names its rows' currencies.
    #[must_use]
    pub fn currency(&self) -> Option<String> {
        match &self.kind.value {
            ColumnType::Money(_, MoneyOf::Column(name)) => Some(name.value.clone()),
            _ => None,
        }
    }
}

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A type of one word.
    Plain(Plain),
    /// `money in minor units in EUR`
    Money(MoneyScale, MoneyOf),
    /// `date "%d/%m/%Y" by week`
    Date(Option<Name>, Option<Spanned<Coarse>>),
    /// `datetime "…" in "Europe/Berlin" by hour`
    Datetime(Option<Name>, TimeIn, Option<Spanned<Coarse>>),
}

keywords! {
    /// Types of one word.
    Plain {
        Text "text",
        Bool "bool",
        /// `count`: whole, not negative.
        Count "count",
        Integer "integer",
        Number "number",
        Ratio "ratio",
        /// `percent`: a ratio stored as 3.2.
        Percent "percent",
        Weekday "weekday",
    }
}

/// The unit of the stored numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyScale {
    /// Whole units.
    Units,
    /// Cents, pence; yen.
    Minor,
    /// Millionths.
    Micros,
}

/// Which currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyOf {
    /// The pipeline's.
    Pipeline,
    /// This one.
    Fixed(Currency),
    /// The one the row's column names.
    Column(Name),
}

/// How a moment is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeIn {
    /// ISO 8601, the pipeline's zone where none is given.
    Pipeline,
    /// In that zone.
    Zone(Name),
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
}

keywords! {
    /// The period that a row covers.
    Coarse {
        /// Week.
        Week "week",
        /// Month.
        Month "month",
        /// Hour.
        Hour "hour",
    }
}
