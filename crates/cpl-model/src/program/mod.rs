//! The program: what a pipeline means. Every name is resolved, every expression has its type.

mod action;
mod constant;
mod endpoint;
mod estimate;
mod expr;
mod function;
mod ids;
mod internal;
mod length;
mod origin;
mod pattern;
mod quotient;
mod remote;
mod rule;
mod series;
mod store_address;
mod sums;
mod surely;
mod table;
mod test;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use action::{ActionCall, ActionRead, Dedupe, Learning, ServerAction};
pub use constant::Constant;
pub use cpl_syntax::tree::{ArithOp, CompareOp, Day, Direction, Extreme, Level, Logic, Unit, Window, WindowKind};
use cpl_syntax::{Code, Diagnostic, Span, tree::Currency};
pub use endpoint::{
    ConnectorLimits, Endpoint, EndpointCall, ErrorInside, Job, JobResult, JobState, PageBy, PageParameter, Paging,
    ResultFormat,
};
pub use estimate::{EstimateAggregate, EstimateSource, NoEstimate, NoEstimateReason, PassedBy};
pub use expr::{
    Aggregate, Applied, AppliedCounts, ByDay, EstimateParts, Expr, ExprKind, Margin, NEW, Operand, Pattern, Piece,
    Series, SeriesOf, Surely,
};
pub use function::{AggFunc, Function};
pub use ids::TableId;
pub use internal::{EstimateId, InternalColumn, ProvenanceId};
use jiff::{civil::Date, tz::TimeZone};
pub use length::{Length, PastWindow};
pub use origin::{Item, Origin, Place};
pub use pattern::{Judged, PatternValue};
pub use quotient::Quotient;
pub use remote::{Auth, CallArgument, ConnectorCall, Credential, DatabaseQuery, HeaderValue, Request, Template};
pub use rule::{
    Action, Alert, Approval, AtMost, Bound, Dashboard, DashboardMetric, Decision, Except, FilePath, Goal, KeepBound,
    KeepChange, KeepTotal, MessageBudget, Newest, Parameter, PathPiece, Rows, Step, Target, TargetKind, Via,
};
pub use store_address::{StoreAddress, StoreProvider};
pub use surely::{EstimateForm, SurelyValue};
pub use table::{
    Check, CheckKind, Column, ColumnLocator, CsvFormat, Days, Encoding, Fetch, FetchColumn, Format, Join, Latest,
    NumberNotation, Order, Periods, SheetFormat, SourceKind, Stage, Table, TableRole, TableSource, TextEncoding, Union,
    Unpivot,
};

pub use test::{Cell, Expected, ExpectedKind, Given, GivenRows, PastDecision, Test};

use crate::clock::Cadence;
pub use crate::clock::Grain;

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
    /// The day on which its weeks begin.
    pub week_start: Day,
    /// When it is thrown away.
    pub retire: Option<Date>,
    /// `alerts to TARGET at most N per week`
    pub messages: Option<MessageBudget>,
    /// Values of `let`s that the command line set, by name, as they were written there.
    pub settings: BTreeMap<String, String>,
    /// Tables; one comes after those it is made of.
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
    pub unsupported: Vec<Unsupported>,
}

/// Something that is checked and that this version can't run: of a message that is sent. Tests and shown tables send none.
#[derive(Clone, Debug)]
pub struct Unsupported {
    /// What it is, in words.
    pub what: String,
    /// Where it stands.
    pub span: Span,
}

impl Unsupported {
    /// The warning of a check: it is right, and a run that needs it is refused (W0901).
    #[must_use]
    pub fn warning(&self) -> Diagnostic {
        Diagnostic::new(Code::W0901, format!("a run is refused: this version of cpl can't do {} yet", self.what))
            .at(self.span, "comes with a later version")
            .help("take it out to run the pipeline today")
    }

    /// The error of a run that needs it (E0901).
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(Code::E0901, format!("this version of cpl can't do {} yet", self.what))
            .at(self.span, "comes with a later version")
            .help("take it out to run the pipeline today")
    }
}

impl Program {
    /// Whether its runs are recorded: what a rule did before, or an alert reported, matters to the next run.
    #[must_use]
    pub fn remembers(&self) -> bool {
        !self.decisions.is_empty() || !self.alerts.is_empty()
    }

    /// The table of that id.
    #[must_use]
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }

    /// The fetch whose rows a table begins with.
    #[must_use]
    pub fn beginning(&self, table: TableId) -> TableId {
        match &self.table(table).source {
            TableSource::Fetch(_) => table,
            TableSource::Transform { from, .. } => self.beginning(*from),
        }
    }

    /// The tables that a table is made of, itself included, however far back.
    #[must_use]
    pub fn upstream(&self, table: TableId) -> BTreeSet<TableId> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![table];
        while let Some(next) = waiting.pop() {
            if seen.insert(next) {
                waiting.extend(self.table(next).inputs());
            }
        }
        seen
    }

    /// A table, the one it begins with, and so on to a fetch.
    pub fn table_line(&self, table: TableId) -> impl Iterator<Item = TableId> {
        std::iter::successors(Some(table), |id| match self.table(*id).source {
            TableSource::Transform { from, .. } => Some(from),
            TableSource::Fetch(_) => None,
        })
    }

    /// The tables that a decision, an alert or the dashboard reads, however far back.
    #[must_use]
    pub fn read_by_rules(&self) -> BTreeSet<TableId> {
        let dashboard = self.dashboard.iter().map(Dashboard::inputs);
        let rules = self.decisions.iter().map(Decision::inputs).chain(self.alerts.iter().map(Alert::inputs));
        dashboard.chain(rules).flat_map(|inputs| self.made_of(inputs)).collect()
    }

    /// A target, by its name.
    ///
    /// # Panics
    /// Where the pipeline has none of that name.
    #[must_use]
    pub fn target(&self, name: &str) -> &Target {
        let found = self.targets.iter().find(|target| target.name == name);
        found.unwrap_or_else(|| unreachable!("a target of the pipeline"))
    }

    /// Tables and all that they are made of.
    #[must_use]
    pub fn made_of(&self, tables: Vec<TableId>) -> BTreeSet<TableId> {
        tables.into_iter().flat_map(|id| self.upstream(id)).collect()
    }

    /// How a value is computed: as its metric is written, else as it is.
    #[must_use]
    pub fn definition(&self, expr: &Expr) -> String {
        self.written(expr.defined.unwrap_or(expr.span))
    }

    /// What stands at `span`, on one line.
    #[must_use]
    pub fn written(&self, span: Span) -> String {
        span.of(&self.text).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::AggFunc;

    /// The parser names them in messages.
    #[test]
    fn the_parser_knows_the_aggregates() {
        let (mut here, mut there) = (AggFunc::WORDS.to_vec(), cpl_syntax::AGGREGATES.to_vec());
        here.sort_unstable();
        there.sort_unstable();
        assert_eq!(here, there);
    }
}
