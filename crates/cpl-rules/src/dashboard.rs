//! The dashboard: its metrics over the window, over the one before, and by a column.

use std::{cmp::Ordering, collections::BTreeMap};

use cpl_model::{
    program::{self, Direction, Expr, ExprKind, Program, Quotient},
    report::{By, ByRow, Goal, Metric, Moved, Pairs},
    value::Value,
};

use crate::moved::moved;

/// The answers to the dashboard's queries.
#[derive(Default)]
pub struct Answered<'a> {
    /// The metrics, then their goals.
    pub now: Option<&'a [Value]>,
    /// The metrics over the window before.
    pub before: Option<&'a [Value]>,
    /// By a column: its value, the metrics, then the sums of which the constraint is a quotient.
    pub by: Option<&'a [Vec<Value>]>,
    /// The same of the window before, of the constraint alone.
    pub by_before: Option<&'a [Vec<Value>]>,
}

/// What the dashboard shows.
#[derive(Default)]
pub struct Shown {
    /// The constraint and the drivers.
    pub metrics: Vec<Metric>,
    /// The same by a column.
    pub by: Option<By>,
    /// What moved the constraint.
    pub moved: Option<Moved>,
}

/// The constraint and the drivers with their goals, the metrics by a column, and what moved the constraint.
pub fn shown(dashboard: &program::Dashboard, answered: &Answered<'_>, program: &Program) -> Shown {
    let count = dashboard.metrics.len();
    let unknown = vec![Value::Unknown; count * 2];
    let now = answered.now.unwrap_or(&unknown);
    let before = answered.before.unwrap_or(&unknown);
    let mut goals = now[count..].iter();
    let metrics = dashboard.metrics.iter().zip(now.iter().zip(before)).map(|(metric, (value, before))| {
        let goal = metric.goal.as_ref().and_then(|goal| {
            let multiple = goal.bound.is_multiple();
            goals.next().map(|bound| Goal { direction: goal.direction, bound: bound.clone(), multiple })
        });
        let met = goal.as_ref().and_then(|goal| met(value, goal));
        Metric { metric: metric.name.clone(), value: value.clone(), goal, met, before: before.clone() }
    });
    let metrics: Vec<Metric> = metrics.collect();
    let moved = moved(dashboard, &metrics, answered.by, answered.by_before, program);
    let by = by(dashboard, answered, metrics.first().and_then(|constraint| constraint.goal.as_ref()), program);
    Shown { metrics, by, moved }
}

fn by(dashboard: &program::Dashboard, answered: &Answered<'_>, goal: Option<&Goal>, program: &Program) -> Option<By> {
    let (column, rows) = (dashboard.by.as_ref()?, answered.by?);
    let quotient = Quotient::of(&dashboard.metrics.first()?.value);
    // A goal of a sum is that of the whole.
    let is_sum = quotient.as_ref().is_some_and(|quotient| quotient.below.is_none());
    let divided = quotient.filter(|_| matches!(dashboard.metrics[0].value.kind, ExprKind::Arith(..)));
    let of = divided.map(|quotient| summed(&quotient.above, program));
    let name = |value: &Value| (value.is_unknown(), value.raw());
    let before: BTreeMap<_, &Value> =
        answered.by_before.into_iter().flatten().filter_map(|row| Some((name(row.first()?), row.get(1)?))).collect();
    let rows = rows.iter().filter_map(|row| {
        let (value, values) = row.split_first()?;
        let names = dashboard.metrics.iter().map(|metric| metric.name.clone());
        Some(ByRow {
            value: value.clone(),
            met: goal.filter(|_| !is_sum).and_then(|goal| met(values.first()?, goal)),
            before: before.get(&name(value)).map_or(Value::Unknown, |value| (*value).clone()),
            of: values.get(dashboard.metrics.len()).filter(|_| of.is_some()).cloned().unwrap_or(Value::Unknown),
            metrics: Pairs(names.zip(values.iter().cloned()).collect()),
        })
    });
    let rows = rows.collect();
    Some(By { column: column.clone(), of, rows })
}

/// What a sum sums up: `spend`.
fn summed(sum: &Expr, program: &Program) -> String {
    let of = match &sum.kind {
        ExprKind::Aggregate(aggregate) => aggregate.of.as_ref(),
        _ => None,
    };
    of.map_or_else(|| "rows".to_owned(), |of| program.written(of.span))
}

/// Whether a value is on the good side; none where it is unknown.
fn met(value: &Value, goal: &Goal) -> Option<bool> {
    let order = match (value, &goal.bound) {
        (Value::Money(a, _), Value::Money(b, _)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (a, b) => compare(float(a)?, float(b)?)?,
    };
    Some(match goal.direction {
        Direction::Below => order.is_lt(),
        Direction::Above => order.is_gt(),
    })
}

/// Two floats that differ by less than one part in a billion are equal, as in every comparison.
fn compare(a: f64, b: f64) -> Option<Ordering> {
    let near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    if near { Some(Ordering::Equal) } else { a.partial_cmp(&b) }
}

#[expect(clippy::cast_precision_loss, reason = "counts are compared with goals, not added up")]
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(value) | Value::Ratio(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        _ => None,
    }
}
