//! The dashboard: its metrics over the window, over the one before, and by a column.

use std::cmp::Ordering;

use cpl_model::{
    program::{self, Direction},
    report::{By, ByRow, Goal, Metric, Pairs},
    value::Value,
};

/// The answers to the dashboard's queries.
#[derive(Default)]
pub struct Answered<'a> {
    /// The metrics, then their goals.
    pub now: Option<&'a [Value]>,
    /// The metrics over the window before.
    pub before: Option<&'a [Value]>,
    /// By a column: its value, then the metrics.
    pub by: Option<&'a [Vec<Value>]>,
}

/// The constraint and the drivers with their goals, and the metrics by a column.
pub fn shown(dashboard: &program::Dashboard, answered: &Answered<'_>) -> (Vec<Metric>, Option<By>) {
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
    (metrics.collect(), by(dashboard, answered))
}

fn by(dashboard: &program::Dashboard, answered: &Answered<'_>) -> Option<By> {
    let (column, rows) = (dashboard.by.as_ref()?, answered.by?);
    let rows = rows.iter().filter_map(|row| {
        let (value, metrics) = row.split_first()?;
        let names = dashboard.metrics.iter().map(|metric| metric.name.clone());
        Some(ByRow { value: value.clone(), metrics: Pairs(names.zip(metrics.iter().cloned()).collect()) })
    });
    Some(By { column: column.clone(), rows: rows.collect() })
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
