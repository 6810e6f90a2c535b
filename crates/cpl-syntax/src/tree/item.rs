//! A file and its smaller items.

use std::collections::{BTreeSet, HashSet};

use super::rule::TargetRef;
use super::setting::Setting;
use super::{Alert, Call, ColumnType, Decide, Direction, Expr, Fetch, Test, Transform, Window};
use crate::{
    comments::Comment,
    span::{Name, Span, Spanned},
};

/// One `.cpl` file, items by kind in the order they stand in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// `pipeline …`: exactly one in a right file.
    pub pipelines: Vec<Pipeline>,
    /// `let …`
    pub lets: Vec<Let>,
    /// `fetch …`
    pub fetches: Vec<Fetch>,
    /// `transform …`
    pub transforms: Vec<Transform>,
    /// `metric …`
    pub metrics: Vec<Metric>,
    /// `dashboard …`: at most one in a right file.
    pub dashboards: Vec<Dashboard>,
    /// `decide …`
    pub decides: Vec<Decide>,
    /// `alert …`
    pub alerts: Vec<Alert>,
    /// `target …`
    pub targets: Vec<Target>,
    /// `test …`
    pub tests: Vec<Test>,
    /// Comments, in order.
    pub comments: Vec<Comment>,
    /// Names of what could not be read, and such clauses of the pipeline: who looks for one says nothing more.
    pub lost: HashSet<String>,
}

impl File {
    /// Gives back the room that its lists were given ahead of need.
    pub(crate) fn shrink(&mut self) {
        self.lets.shrink_to_fit();
        self.fetches.shrink_to_fit();
        self.transforms.shrink_to_fit();
        self.metrics.shrink_to_fit();
        self.decides.shrink_to_fit();
        self.alerts.shrink_to_fit();
        self.targets.shrink_to_fit();
        self.tests.shrink_to_fit();
    }

    /// What stands among the lost where a name itself could not be read.
    pub const LOST_ANY: &str = "";

    /// Whether something of that name may be there, and could not be read.
    #[must_use]
    pub fn has_lost(&self, name: &str) -> bool {
        self.lost.contains(name) || self.lost.contains(Self::LOST_ANY)
    }

    /// How a clause of a rule that could not be read stands among the lost: no name has a dot.
    #[must_use]
    pub fn lost_clause(rule: &str, clause: &str) -> String {
        format!("{rule}.{clause}")
    }

    /// The connectors that it names: in fetches, targets and rules.
    #[must_use]
    pub fn connectors(&self) -> BTreeSet<&str> {
        let fetched = self.fetches.iter().filter_map(|fetch| fetch.source.callee.table.as_deref());
        let targets = self.targets.iter().filter_map(|target| target.call.callee.table.as_deref());
        let actions = self.decides.iter().flat_map(|rule| &rule.actions);
        let called = actions.filter_map(|action| action.value.via().target.connector.as_ref());
        let told = self.pipelines.iter().filter_map(|pipeline| pipeline.alerts.as_ref()).map(|(to, _)| to);
        let told = told.chain(self.alerts.iter().filter_map(|alert| alert.to.as_ref()));
        let told = told.filter_map(|to| to.connector.as_ref());
        fetched.chain(targets).chain(called).chain(told).map(Name::as_str).collect()
    }
}

/// `pipeline NAME { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Its name.
    pub name: Name,
    /// `question TEXT`
    pub question: Option<Name>,
    /// `owner TEXT`
    pub owner: Option<Name>,
    /// `every CADENCE`
    pub every: Option<Spanned<Cadence>>,
    /// `timezone TEXT`
    pub timezone: Option<Name>,
    /// `currency CODE`
    pub currency: Option<Name>,
    /// `retire DATE`
    pub retire: Option<Name>,
    /// `alerts to TARGET at most N per week`
    pub alerts: Option<(TargetRef, Option<Spanned<u32>>)>,
    /// The whole item.
    pub span: Span,
}

/// How often a decision falls due. Clock times are as written: `07:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// `hour`
    Hour,
    /// `day at 07:00`
    Day(Option<Name>),
    /// `weekday at 07:00`
    Weekday(Option<Name>),
    /// `week on monday at 07:00`
    Week(super::Day, Option<Name>),
    /// `month on 1 at 07:00`
    Month(Spanned<u32>, Option<Name>),
}

/// `let NAME = EXPR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Let {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// `metric NAME = AGG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: Name,
    /// The aggregate.
    pub value: Expr,
}

/// `dashboard from TABLE { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// The table.
    pub from: Name,
    /// `constraint METRIC below EXPR`: exactly one in a right file.
    pub constraints: Vec<Driver>,
    /// `driver METRIC [below EXPR]`: exactly three.
    pub drivers: Vec<Driver>,
    /// `over WINDOW`
    pub over: Option<Window>,
    /// `by COLUMN`
    pub by: Option<Name>,
    /// The whole item.
    pub span: Span,
}

/// One metric shown, with its goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The metric's name.
    pub metric: Name,
    /// What it should be.
    pub goal: Option<Goal>,
}

/// `below $47`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The good side.
    pub direction: Direction,
    /// The bound.
    pub bound: Expr,
}

/// `target NAME(PARAM: TYPE key) = KIND(…) { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: Name,
    /// What its actions pass on.
    pub parameters: Vec<Parameter>,
    /// `file("…")`, `slack(secret("…"))`, `google_ads.set_daily_budget`.
    pub call: Call,
    /// Where the call stands.
    pub call_span: Span,
    /// What stands in braces behind it.
    pub settings: Vec<Setting>,
}

/// `PARAM: TYPE key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub kind: Spanned<ColumnType>,
    /// It names the thing that is changed.
    pub key: bool,
}

/// What a connector file says of an argument: `window`, `text? key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentType {
    /// The type of its values; none for a window such as `last 35 days`.
    pub kind: Option<Spanned<ColumnType>>,
    /// It may be left out.
    pub optional: bool,
    /// It names the thing that is changed.
    pub key: bool,
}
