//! The dashboard: its metrics over the window, over the one before, and by a column.

use cpl_plan::{
    program::{self, Direction, Expr, Program, Table},
    report::{By, ByRow, Goal, Metric, Pairs},
    types::Type,
    value::Value,
};
use jiff::{civil::Date, tz::TimeZone};
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    expr::{Translate, day},
    frames::{Grouping, Split},
    rows::rows,
    trouble::Trouble,
};

/// What the dashboard asks of the engine.
pub struct Asked {
    /// One row: the metrics, then their goals.
    pub now: Split<'static>,
    /// One row: the metrics over the window before.
    pub before: Option<Split<'static>>,
    /// One row for each value of the column: it, then the metrics.
    pub by: Option<Split<'static>>,
}

/// What is computed for the dashboard, out of its table's rows.
pub fn ask(
    dashboard: &program::Dashboard,
    table: &Table,
    rows: &LazyFrame,
    translate: &Translate<'_>,
) -> Result<Asked, jiff::Error> {
    let within = |(first, last): (Date, Date)| -> Result<LazyFrame, jiff::Error> {
        let Some(time) = table.time.as_deref().and_then(|time| table.column(time)) else { return Ok(rows.clone()) };
        let date = translate.date_of(&Expr::column(&time.name, time.ty, time.unknown, time.span))?;
        Ok(rows.clone().filter(date.clone().gt_eq(day(first)).and(date.lt_eq(day(last)))))
    };
    let (now, before) = match dashboard.over {
        None => (rows.clone(), None),
        Some(over) => {
            let before = within(translate.clock.days_before(over.kind)?)?;
            (within(translate.clock.days(over.kind)?)?, Some(before))
        }
    };
    let metrics = metrics(dashboard);
    let goals = dashboard
        .metrics
        .iter()
        .enumerate()
        .filter_map(|(at, metric)| metric.goal.as_ref().map(|goal| (format!("goal {at}"), goal.bound.clone())));
    let with_goals: Vec<(String, Expr)> = metrics.iter().cloned().chain(goals).collect();
    let grouped = |rows: LazyFrame, by: &[&String], items: &[(String, Expr)]| {
        let by = by.iter().map(|column| (*column).clone()).collect();
        Ok::<_, jiff::Error>(Split::asked(rows, Grouping::of(by, items, translate)?))
    };
    let by = dashboard.by.as_ref().map(|by| grouped(now.clone(), &[by], &metrics)).transpose()?;
    let before = before.map(|before| grouped(before, &[], &metrics)).transpose()?;
    Ok(Asked { now: grouped(now, &[], &with_goals)?, before, by })
}

/// The metrics under names that can't meet a column's.
fn metrics(dashboard: &program::Dashboard) -> Vec<(String, Expr)> {
    let named = |(at, metric): (usize, &program::DashboardMetric)| (format!("metric {at}"), metric.value.clone());
    dashboard.metrics.iter().enumerate().map(named).collect()
}

/// What the engine answered.
pub struct Answered {
    pub now: pl::DataFrame,
    pub before: Option<pl::DataFrame>,
    pub by: Option<pl::DataFrame>,
}

/// The constraint and the drivers with their goals, and the metrics by a column.
pub fn told(
    dashboard: &program::Dashboard,
    program: &Program,
    answered: &Answered,
) -> Result<(Vec<Metric>, Option<By>), Trouble> {
    let zone = &program.timezone;
    let types: Vec<Type> = dashboard.metrics.iter().map(|metric| metric.value.ty).collect();
    let goal_types = dashboard.metrics.iter().filter_map(|metric| Some(metric.goal.as_ref()?.bound.ty));
    let now = one_row(&answered.now, &types.iter().copied().chain(goal_types).collect::<Vec<_>>(), zone)?;
    let before = match &answered.before {
        Some(before) => one_row(before, &types, zone)?,
        None => vec![Value::Unknown; types.len()],
    };
    let mut goals = now[types.len()..].iter();
    let metrics = dashboard.metrics.iter().zip(now.iter().zip(before)).map(|(metric, (value, before))| {
        let goal = metric.goal.as_ref().and_then(|goal| {
            let multiple = program.is_multiple(&goal.bound);
            goals.next().map(|bound| Goal { direction: goal.direction, bound: bound.clone(), multiple })
        });
        let met = goal.as_ref().and_then(|goal| met(value, goal));
        Metric { metric: metric.name.clone(), value: value.clone(), goal, met, before }
    });
    Ok((metrics.collect(), by(dashboard, program, answered, &types)?))
}

fn by(
    dashboard: &program::Dashboard,
    program: &Program,
    answered: &Answered,
    types: &[Type],
) -> Result<Option<By>, Trouble> {
    let (Some(column), Some(frame)) = (&dashboard.by, &answered.by) else { return Ok(None) };
    let key = program.table(dashboard.table).column(column).map_or(Type::Text, |column| column.ty);
    let types: Vec<Type> = std::iter::once(key).chain(types.iter().copied()).collect();
    let rows = rows(frame, &types, &program.timezone)?.into_iter().map(|mut row| {
        let value = row.remove(0);
        let names = dashboard.metrics.iter().map(|metric| metric.name.clone());
        ByRow { value, metrics: Pairs(names.zip(row).collect()) }
    });
    Ok(Some(By { column: column.clone(), rows: rows.collect() }))
}

fn one_row(frame: &pl::DataFrame, types: &[Type], zone: &TimeZone) -> Result<Vec<Value>, Trouble> {
    Ok(rows(frame, types, zone)?.pop().unwrap_or_else(|| vec![Value::Unknown; types.len()]))
}

/// Whether a value is on the good side; none where it is unknown.
fn met(value: &Value, goal: &Goal) -> Option<bool> {
    let order = match (value, &goal.bound) {
        (Value::Money(a, _), Value::Money(b, _)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (a, b) => compared(float(a)?, float(b)?)?,
    };
    Some(match goal.direction {
        Direction::Below => order.is_lt(),
        Direction::Above => order.is_gt(),
    })
}

/// Two floats that differ by less than one part in a billion are equal, as in every comparison.
fn compared(a: f64, b: f64) -> Option<std::cmp::Ordering> {
    let near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    if near { Some(std::cmp::Ordering::Equal) } else { a.partial_cmp(&b) }
}

#[expect(clippy::cast_precision_loss, reason = "counts are held against goals, not added up")]
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(value) | Value::Ratio(value) => Some(*value),
        Value::Integer(value) => Some(*value as f64),
        _ => None,
    }
}
