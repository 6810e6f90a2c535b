//! What a run comes to: is the constraint on its goal, what is done, what waits for a person.

use std::collections::BTreeMap;

use cpl_model::{
    program::Level,
    report::{Alert, Decision, RunReport, State},
    value::Value,
};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    amounts::{number, sum},
    page::{count, row_name},
};

/// A run, at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Whether the constraint is on its goal; none where it has none, or is unknown.
    pub on_goal: Option<bool>,
    /// What is changed, by column and target.
    pub changes: Vec<ChangedColumn>,
    /// How often targets are called with no change of a column.
    pub calls: BTreeMap<String, usize>,
    /// What waits for a person, gravest first.
    pub needs: Vec<Need>,
}

/// All changes of a column by one target, together.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedColumn {
    /// The column.
    pub column: String,
    /// The target.
    pub target: String,
    /// How many values rise.
    pub raised: usize,
    /// How many fall.
    pub lowered: usize,
    /// How many become another value that is no amount, or come from an unknown one.
    pub set: usize,
    /// The sum of all that are changed, before; unknown where they are no amounts of one unit.
    pub from: Value,
    /// And after.
    pub to: Value,
}

/// What waits for a person.
#[derive(Clone, Debug, Serialize)]
pub struct Need {
    /// Of which kind it is.
    pub kind: NeedKind,
    /// It.
    pub text: String,
}

/// The kinds of what waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedKind {
    /// A check is broken.
    BrokenData,
    /// A critical alert.
    Critical,
    /// Nobody knows whether effects arrived.
    Unconfirmed,
    /// Decisions are held until somebody approves.
    Approval,
    /// What was decided in this window would be otherwise by now.
    Restated,
    /// Decisions expired.
    Expired,
    /// A warning.
    Warning,
    /// Worth knowing.
    Info,
    /// Alerts that were reported before.
    StillFiring,
    /// What could not be decided: a row, or the constraint.
    Undecided,
}

impl Summary {
    /// Of a report.
    #[must_use]
    pub fn of(report: &RunReport) -> Self {
        let (changes, calls) = done(report.decisions.iter().filter(|decision| decision.state == State::Fires));
        let on_goal = report.constraint.as_ref().and_then(|constraint| constraint.met);
        Self { on_goal, changes, calls, needs: needs(report) }
    }
}

fn done<'d>(decisions: impl Iterator<Item = &'d Decision>) -> (Vec<ChangedColumn>, BTreeMap<String, usize>) {
    let (mut columns, mut calls): (Vec<ChangedColumn>, BTreeMap<String, usize>) = Default::default();
    for change in decisions.flat_map(|decision| &decision.changes) {
        let Some(column) = &change.column else {
            *calls.entry(change.target.clone()).or_default() += 1;
            continue;
        };
        let of_column = |before: &&mut ChangedColumn| {
            before.column == *column && before.target == change.target && alike(&before.to, &change.to)
        };
        if let Some(before) = columns.iter_mut().find(of_column) {
            before.add(&change.from, &change.to);
        } else {
            let zero = nothing(&change.to);
            let (from, to) = (zero.clone(), zero);
            let (column, target) = (column.clone(), change.target.clone());
            let mut first = ChangedColumn { column, target, raised: 0, lowered: 0, set: 0, from, to };
            first.add(&change.from, &change.to);
            columns.push(first);
        }
    }
    (columns, calls)
}

impl ChangedColumn {
    fn add(&mut self, from: &Value, to: &Value) {
        match number(from).zip(number(to)) {
            None => self.set += 1,
            Some((was, now)) if now > was => self.raised += 1,
            Some((was, now)) if now < was => self.lowered += 1,
            Some(_) => {}
        }
        self.from = sum(&self.from, from);
        self.to = sum(&self.to, to);
    }
}

/// Zero of a value's unit; unknown of what is no amount.
fn nothing(value: &Value) -> Value {
    match value {
        Value::Money(_, of) => Value::Money(Decimal::ZERO, *of),
        Value::Integer(_) => Value::Integer(0),
        Value::Number(_) => Value::Number(0.0),
        _ => Value::Unknown,
    }
}

/// Whether two values add up.
fn alike(a: &Value, b: &Value) -> bool {
    nothing(a) == nothing(b)
}

/// Whether an alert fires that was not reported before.
fn is_news(alert: &Alert) -> bool {
    alert.state == State::Fires && !alert.is_still()
}

fn needs(report: &RunReport) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |kind, text: String| needs.push(Need { kind, text });
    for check in report.checks.iter().filter(|check| check.broken && !check.watched) {
        add(NeedKind::BrokenData, format!("{}: {} is broken", check.table, check.check));
    }
    let alerts = |level| report.alerts.iter().filter(move |alert| is_news(alert) && alert.severity == level);
    alerts(Level::Critical).for_each(|alert| add(NeedKind::Critical, alert.text.clone()));
    for one in &report.unconfirmed {
        add(NeedKind::Unconfirmed, format!("{} of {} may not have arrived", count(one.effects, "effect"), one.target));
    }
    let waiting = report.decisions.iter().filter(|decision| decision.awaits_approval).count();
    if waiting > 0 {
        let wait = if waiting == 1 { "waits" } else { "wait" };
        add(NeedKind::Approval, format!("{} {wait} for approval", count(waiting, "decision")));
    }
    for one in &report.restated {
        let row = if one.row.is_empty() { String::new() } else { format!(" {}", one.row) };
        add(NeedKind::Restated, format!("{}{row} would be otherwise by now", one.rule));
    }
    for one in &report.expired {
        add(NeedKind::Expired, format!("{} of {} expired", count(one.decisions, "decision"), one.rule));
    }
    alerts(Level::Warning).for_each(|alert| add(NeedKind::Warning, alert.text.clone()));
    alerts(Level::Info).for_each(|alert| add(NeedKind::Info, alert.text.clone()));
    let still = report.alerts.iter().filter(|alert| alert.is_still()).count();
    if still > 0 {
        let fire = if still == 1 { "fires" } else { "fire" };
        add(NeedKind::StillFiring, format!("{} {fire} still", count(still, "alert")));
    }
    if let Some(constraint) = report.constraint.as_ref().filter(|constraint| constraint.value.is_unknown()) {
        add(NeedKind::Undecided, format!("{} is unknown", constraint.metric));
    }
    let decisions = report.decisions.iter().filter(|one| one.state == State::Undecided);
    let rows = report.alerts.iter().filter(|one| one.state == State::Undecided).map(|one| (&one.alert, &one.key));
    for (rule, key) in decisions.map(|one| (&one.rule, &one.key)).chain(rows) {
        add(NeedKind::Undecided, format!("{} can't be decided", row_name(rule, key)));
    }
    needs
}
