//! A file and its smaller items.

use std::collections::{BTreeSet, HashSet};

use super::rule::TargetRef;
use super::setting::Setting;
use super::{Alert, Call, ColumnType, Day, Decide, Direction, Expr, Fetch, Test, Transform, Window};
use crate::{
    comments::Comment,
    span::{Name, Span, Spanned},
};

/// One `.cpl` file. Items are grouped by kind, in source order.
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
    /// Names of items and clauses that could not be parsed. A lookup of one of them reports no further error.
    pub missing_names: HashSet<String>,
}

impl File {
    /// Shrinks its lists to their lengths.
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

    /// The entry in `missing_names` for an item whose name could not be parsed: it may have any name.
    pub const ANY_NAME: &str = "";

    /// Whether an item of that name may exist that could not be parsed.
    #[must_use]
    pub fn is_missing_name(&self, name: &str) -> bool {
        self.missing_names.contains(name) || self.missing_names.contains(Self::ANY_NAME)
    }

    /// The key in `missing_names` of a rule's clause that could not be parsed. The dot keeps it apart from names.
    #[must_use]
    pub fn missing_clause(rule: &str, clause: &str) -> String {
        format!("{rule}.{clause}")
    }

    /// The connectors that fetches, targets and rules use.
    #[must_use]
    pub fn connectors(&self) -> BTreeSet<&str> {
        let fetched = self.fetches.iter().filter_map(|fetch| fetch.source.callee.table.as_deref());
        let targets = self.targets.iter().filter_map(|target| target.call.callee.table.as_deref());
        let actions = self.decides.iter().flat_map(|rule| &rule.actions);
        let action_connectors = actions.filter_map(|action| action.value.via().target.connector.as_ref());
        let alert_connectors = self.pipelines.iter().filter_map(|pipeline| pipeline.alerts.as_ref()).map(|(to, _)| to);
        let alert_connectors = alert_connectors.chain(self.alerts.iter().filter_map(|alert| alert.to.as_ref()));
        let alert_connectors = alert_connectors.filter_map(|to| to.connector.as_ref());
        fetched.chain(targets).chain(action_connectors).chain(alert_connectors).map(Name::as_str).collect()
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
    /// `weeks start on WEEKDAY`
    pub weeks_start: Option<Day>,
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
    /// The call's span.
    pub call_span: Span,
    /// The settings in braces.
    pub settings: Vec<Setting>,
}

/// `PARAM: TYPE key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub kind: Spanned<ColumnType>,
    /// It identifies the resource that is changed.
    pub key: bool,
}

/// An argument's type in a connector file: `window`, `text? key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentType {
    /// The type of its values; none for a window such as `last 35 days`.
    pub kind: Option<Spanned<ColumnType>>,
    /// It may be left out.
    pub optional: bool,
    /// It identifies the resource that is changed.
    pub key: bool,
}
