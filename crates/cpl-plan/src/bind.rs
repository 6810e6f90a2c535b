//! A plan bound to a clock and to what rules did before: `now`, `today`, windows and counts of the past become constants, once,
//! for every engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::Arc,
};

use cpl_model::{
    clock::{Clock, Start, offset},
    program::{
        Applied, AppliedCounts, ArithOp, CompareOp, Constant, Day, Expr, ExprKind, Function, Length, Logic, PastWindow,
        Unsupported, WindowKind,
    },
    types::Type,
};
use cpl_syntax::{Code, Diagnostic, Span, tree::Unit};
use jiff::civil::Date;

use crate::{
    plan::Plan,
    query::{DashboardPart, Query, QueryId, QueryKind, Requester},
};

/// A plan that no longer depends on a clock and contains nothing unsupported.
#[derive(Clone, Debug)]
pub struct BoundPlan {
    plan: Plan,
    clock: Clock,
}

impl Deref for BoundPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

impl BoundPlan {
    /// The window that the plan is bound to.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// An expression that stands outside the plan, such as a part of a request, bound to the same window.
    ///
    /// # Errors
    /// A day outside the calendar.
    pub fn bound(&self, expr: Expr) -> Result<Expr, BindError> {
        Binder { clock: &self.clock, past: &PastCounts::new(), before: false }.expr(expr)
    }
}

/// What keeps a plan from being bound.
#[derive(Clone, Debug)]
pub enum BindError {
    /// It needs what this version can't run.
    Unsupported(Vec<Unsupported>),
    /// A window lies outside the calendar.
    OutsideCalendar(String),
}

impl BindError {
    /// Its diagnostics.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Unsupported(all) => all.iter().map(Unsupported::diagnostic).collect(),
            Self::OutsideCalendar(_) => vec![Diagnostic::new(Code::E1104, self.to_string())],
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(all) => {
                let what: Vec<&str> = all.iter().map(|one| one.what.as_str()).collect();
                write!(f, "not supported yet: {}", what.join(", "))
            }
            Self::OutsideCalendar(why) => write!(f, "a window lies outside the calendar: {why}"),
        }
    }
}

impl From<jiff::Error> for BindError {
    fn from(error: jiff::Error) -> Self {
        Self::OutsideCalendar(error.to_string())
    }
}

/// How often rules acted on each row, by their names and in how long a time.
pub type PastCounts = BTreeMap<(String, Length), Arc<AppliedCounts>>;

/// Binds a plan to a window of time, and to how often rules acted before it; in a test, what has no effect there may be
/// unsupported.
///
/// # Errors
/// What the plan needs and this version can't run; a window outside the calendar.
pub fn bind(mut plan: Plan, clock: Clock, past: &PastCounts, in_test: bool) -> Result<BoundPlan, BindError> {
    let unsupported = plan.unsupported(in_test);
    if !unsupported.is_empty() {
        return Err(BindError::Unsupported(unsupported.to_vec()));
    }
    let before: Vec<QueryId> =
        plan.queries().iter().filter(|query| is_previous_window(query)).map(|query| query.id).collect();
    for id in before {
        if let QueryKind::Aggregate { filter: Some(filter), .. } = &mut plan.query_mut(id).kind {
            *filter = Binder { clock: &clock, past, before: true }.expr(filter.clone())?;
        }
    }
    let binder = Binder { clock: &clock, past, before: false };
    plan.change_exprs(&mut |expr| {
        let taken = expr.clone();
        *expr = binder.expr(taken)?;
        Ok::<_, BindError>(())
    })?;
    plan.bind_patterns(&clock)?;
    for id in (0..plan.queries().len()).map(QueryId) {
        if let QueryKind::Rows(rows) = &mut plan.query_mut(id).kind
            && let Some(newest) = &mut rows.newest
        {
            newest.start = Some(clock.newest(newest.grain, &newest.on)?);
        }
    }
    Ok(BoundPlan { plan, clock })
}

/// The dashboard's window before this one.
fn is_previous_window(query: &Query) -> bool {
    matches!(query.requester, Requester::Dashboard(DashboardPart::Before | DashboardPart::ByBefore))
}

impl Plan {
    /// How often rules acted, and in how long a time, as far as the plan asks for it.
    #[must_use]
    pub fn applied(&self) -> BTreeSet<(String, Length)> {
        let mut asked = BTreeSet::new();
        let exprs = self.nodes().flat_map(|node| node.op.exprs());
        for expr in exprs.chain(self.queries().iter().flat_map(|query| query.kind.exprs())) {
            expr.walk(&mut |part| {
                if let ExprKind::Applied(applied) = &part.kind {
                    asked.insert((applied.rule.clone(), applied.over));
                }
            });
        }
        asked
    }

    /// What the plan needs and this version can't run: nothing in a test, nor of a table that is shown.
    #[must_use]
    pub fn unsupported(&self, in_test: bool) -> &[Unsupported] {
        let shown = self.queries().iter().any(|query| matches!(query.requester, Requester::Show(_)));
        if in_test || shown { &[] } else { &self.program().unsupported }
    }
}

struct Binder<'c> {
    clock: &'c Clock,
    past: &'c PastCounts,
    /// Windows are those before the ones that are written.
    before: bool,
}

impl Binder<'_> {
    fn expr(&self, expr: Expr) -> Result<Expr, BindError> {
        let mut failed = None;
        let expr = self.everywhere(expr, &mut failed);
        failed.map_or(Ok(expr), Err)
    }

    fn everywhere(&self, mut expr: Expr, failed: &mut Option<BindError>) -> Expr {
        if let ExprKind::Aggregate(aggregate) = &mut expr.kind {
            for part in [&mut aggregate.of, &mut aggregate.filter, &mut aggregate.by] {
                *part = part.take().map(|part| self.everywhere(part, failed));
            }
            return expr;
        }
        let expr = expr.map_parts(&mut |part| self.everywhere(part, failed));
        let kept = expr.clone();
        self.one(expr).unwrap_or_else(|error| {
            *failed = Some(error);
            kept
        })
    }

    fn one(&self, expr: Expr) -> Result<Expr, BindError> {
        let constant = |constant| Expr { kind: ExprKind::Constant(constant), ..expr.clone() };
        Ok(match &expr.kind {
            ExprKind::Constant(Constant::Now) => constant(Constant::Moment(self.clock.now.timestamp())),
            ExprKind::Constant(Constant::Datetime(moment)) => {
                let zone = self.clock.now.time_zone().clone();
                constant(Constant::Moment(moment.to_zoned_datetime(zone)?.timestamp()))
            }
            ExprKind::Constant(Constant::Today(days)) => {
                let day = self.clock.today().checked_add(jiff::Span::new().try_days(*days)?)?;
                constant(Constant::Date(day))
            }
            ExprKind::Constant(Constant::Newest(grain, on)) => constant(match self.clock.newest(*grain, on)? {
                Start::Day(day) => Constant::Date(day),
                Start::Moment(moment) => Constant::Moment(moment),
            }),
            ExprKind::Function(Function::WeekStart, args) if self.clock.week_start != Day::Monday => {
                Expr { kind: week_start(&args[0], self.clock.week_start), ..expr }
            }
            ExprKind::Applied(applied) => {
                let counts = self.past.get(&(applied.rule.clone(), applied.over)).cloned();
                Expr { kind: ExprKind::Applied(Box::new(Applied { counts, ..(**applied).clone() })), ..expr }
            }
            ExprKind::InWindow(time, window) => Expr { kind: self.window(time, *window)?, ..expr },
            _ => expr,
        })
    }

    /// Complete periods before `now`: whole days, both ends included, or whole hours.
    fn window(&self, time: &Expr, window: PastWindow) -> Result<ExprKind, BindError> {
        let (clock, kind) = (self.clock.settled(window.settles), window.kind);
        if let WindowKind::Last(hours, Unit::Hour) = kind
            && !self.before
        {
            let (start, end) = clock.hours(hours)?;
            let moment = |moment| Box::new(Expr::constant(Constant::Moment(moment), Type::Datetime, time.span));
            let compare =
                |op, moment| Box::new(condition(ExprKind::Compare(op, Box::new(time.clone()), moment), time.span));
            let from = compare(CompareOp::GreaterOrEqual, moment(start));
            let to = compare(CompareOp::Less, moment(end));
            return Ok(ExprKind::Logic(Logic::And, from, to));
        }
        let (first, last) = if self.before { clock.days_before(kind)? } else { clock.days(kind)? };
        let day = |day: Date| Box::new(Expr::constant(Constant::Date(day), Type::Date, time.span));
        Ok(ExprKind::InRange(Box::new(date_of(time)), day(first), day(last)))
    }
}

/// The start of a week that begins on another day than Monday: that of the week from Monday on, so many days before, and
/// as many days later.
fn week_start(time: &Expr, start: Day) -> ExprKind {
    const DAY: i64 = 86_400_000_000;
    let days = Expr::constant(Constant::Duration(offset(start) * DAY), Type::Duration, time.span);
    let day = |kind| Box::new(Expr { kind, ty: Type::Date, ..time.clone() });
    let earlier = day(ExprKind::Arith(ArithOp::Subtract, Box::new(date_of(time)), Box::new(days.clone())));
    let monday = day(ExprKind::Function(Function::WeekStart, vec![*earlier]));
    ExprKind::Arith(ArithOp::Add, monday, Box::new(days))
}

fn condition(kind: ExprKind, span: Span) -> Expr {
    Expr::new(kind, Type::Bool, true, span)
}

/// The day of a time, in the pipeline's zone.
fn date_of(time: &Expr) -> Expr {
    if time.ty == Type::Date {
        return time.clone();
    }
    Expr { kind: ExprKind::Function(Function::DateOf, vec![time.clone()]), ty: Type::Date, ..time.clone() }
}
