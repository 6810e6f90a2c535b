//! The program: what a pipeline means. Every name is resolved, every expression has its type.

mod expr;
mod origin;
mod rule;
mod table;
mod test;

use std::sync::Arc;

pub use cpl_syntax::tree::{ArithOp, CompareOp, Day, Direction, Extreme, Level, Logic, Unit, Window, WindowKind};
use cpl_syntax::{Span, tree::Currency};
pub use expr::{AggFunc, Aggregate, Constant, Expr, ExprKind, Function, Length, Margin, NEW, Piece, Series, SeriesOf};
use jiff::{civil::Date, tz::TimeZone};
pub use origin::{Origin, Place};
pub use rule::{
    Action, Alert, AtMost, Bound, Dashboard, DashboardMetric, Decision, Goal, KeepBound, KeepTotal, Newest, Parameter,
    Rows, Step, Target, TargetKind, Via,
};
pub use table::{
    Check, CheckKind, Column, Fetch, FetchColumn, Format, Found, Join, Latest, Order, Periods, Source, SourceKind,
    Stage, Stored, Table, TableId, Union, Unpivot,
};

pub use test::{Cell, Expected, ExpectedKind, Given, GivenRows, Test};

pub use crate::clock::Grain;
use crate::{clock::Cadence, types::Type};

/// One resolved pipeline.
#[derive(Clone, Debug)]
pub struct Program {
    /// The text it was read from; spans point into it.
    pub text: Arc<str>,
    /// Its name.
    pub name: String,
    /// The one question.
    pub question: Option<String>,
    /// Who decides.
    pub owner: Option<String>,
    /// How often.
    pub every: Cadence,
    /// Where its days begin and end.
    pub timezone: TimeZone,
    /// What its money is.
    pub currency: Currency,
    /// When it is thrown away.
    pub retire: Option<Date>,
    /// Tables; one comes behind those it is made of.
    pub tables: Vec<Table>,
    /// The constraint and its drivers.
    pub dashboard: Option<Dashboard>,
    /// Rules that act, in the order of the file.
    pub decisions: Vec<Decision>,
    /// Rules that tell, in the order of the file.
    pub alerts: Vec<Alert>,
    /// Where effects go.
    pub targets: Vec<Target>,
    /// Rows that are given, and what must come of them.
    pub tests: Vec<Test>,
    /// What is checked, and can't run yet.
    pub later: Vec<Later>,
}

/// Something that a later version runs.
#[derive(Clone, Debug)]
pub struct Later {
    /// What it is, in words.
    pub what: String,
    /// Where it stands.
    pub span: Span,
    /// The table it is of; none where it is of a rule, a target or the pipeline.
    pub table: Option<TableId>,
    /// Without a past, and where nothing leaves, it comes to nothing: a test can run.
    pub in_test: bool,
}

impl Program {
    /// The table of that id.
    #[must_use]
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }

    /// How a value is computed: as its metric is written, else as it is.
    #[must_use]
    pub fn definition(&self, expr: &Expr) -> String {
        self.written(expr.defined.unwrap_or(expr.span))
    }

    /// Whether it is a ratio that is written as `4x` is, here or in the `let` that it comes from.
    #[must_use]
    pub fn is_multiple(&self, expr: &Expr) -> bool {
        let constant = matches!(expr.kind, ExprKind::Constant(_)) && expr.ty == Type::Ratio;
        constant && self.written(expr.defined.unwrap_or(expr.span)).ends_with('x')
    }

    /// What stands at `span`, on one line.
    #[must_use]
    pub fn written(&self, span: Span) -> String {
        span.of(&self.text).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
