//! How amounts, and how far they moved, are written.

use cpl_model::{
    program::Direction,
    report::{Goal, Metric},
    value::Value,
};
use rust_decimal::Decimal;

use crate::paint::Ink;

/// An amount as a float; none of what is no amount, or unknown.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(value) | Value::Ratio(value) => Some(*value),
        Value::Integer(_) | Value::Money(..) => value.raw().parse().ok(),
        _ => None,
    }
}

/// `▲ 4.2%`: how far a value is from the one before; of rates in points.
pub fn change(value: &Value, before: &Value, multiple: bool) -> String {
    let (Some(now), Some(was)) = (number(value), number(before)) else { return String::new() };
    let sign = if now > was { "▲" } else { "▼" };
    let apart = match value {
        Value::Ratio(_) if !multiple => points((now - was).abs()),
        _ if was == 0.0 && now != 0.0 => return String::new(),
        _ => share(now, was),
    };
    // Too little to be shown.
    if same(now, was) || is_nothing(&apart) { "=".to_owned() } else { format!("{sign} {apart}") }
}

/// `4.2%`: how far a value is from the one before, as a share of that.
pub fn share(now: f64, was: f64) -> String {
    Value::Ratio((((now - was) / was).abs() * 1000.0).round() / 1000.0).to_string()
}

fn is_nothing(shown: &str) -> bool {
    !shown.chars().any(|letter| letter.is_ascii_digit() && letter != '0')
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// `+17.1%`: how far a new value lies from the one before.
pub fn relative(from: &Value, to: &Value) -> Option<String> {
    let (was, now) = (number(from)?, number(to)?);
    if was == 0.0 || same(was, now) {
        return None;
    }
    Some(format!("{}{}", if now > was { "+" } else { "-" }, share(now, was)))
}

/// `0.3 pt`: how far apart two rates are, to a hundredth of a point.
pub fn points(apart: f64) -> String {
    let text = format!("{:.2}", apart * 100.0);
    format!("{} pt", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `+$0.60`, `-0.3 pt`: what was added to a value, or taken from it; and none where that is too little to be shown.
pub fn signed(change: &Value, multiple: bool) -> Option<String> {
    let (size, is_negative) = match change {
        Value::Money(amount, of) => (Value::Money(amount.abs(), *of).to_string(), *amount < Decimal::ZERO),
        Value::Ratio(value) if multiple => (Value::Ratio(value.abs()).shown(true), *value < 0.0),
        Value::Ratio(value) => (points(value.abs()), *value < 0.0),
        Value::Number(value) => (Value::Number(value.abs()).to_string(), *value < 0.0),
        Value::Integer(value) => (Value::Integer(value.saturating_abs()).to_string(), *value < 0),
        _ => return None,
    };
    (!is_nothing(&size)).then(|| format!("{}{size}", if is_negative { "-" } else { "+" }))
}

/// `below $47.00`
pub fn goal(goal: &Goal) -> String {
    format!("{} {}", goal.direction.word(), goal.bound.shown_exact(goal.multiple))
}

/// A metric's value; where rounding would hide which side of its goal it is on, with all its digits.
pub fn shown(metric: &Metric) -> String {
    let multiple = is_multiple(metric);
    let value = metric.value.shown(multiple);
    match &metric.goal {
        Some(goal) if goal.bound != metric.value && goal.bound.shown(multiple) == value => {
            metric.value.shown_exact(multiple)
        }
        _ => value,
    }
}

pub fn is_multiple(metric: &Metric) -> bool {
    metric.goal.as_ref().is_some_and(|goal| goal.multiple)
}

/// Whether a change is for the better; no colour where nobody says which side is good.
pub fn ink(goal: Option<&Goal>, change: &str) -> Option<Ink> {
    let up = match change.chars().next()? {
        '▲' | '+' => true,
        '▼' | '-' => false,
        _ => return None,
    };
    Some(if up == (goal?.direction == Direction::Above) { Ink::Good } else { Ink::Bad })
}

/// The values of one column with as many digits behind the point each: `4.00%` beside `3.25%`.
pub fn of_one_column(values: &[&Value], multiple: bool) -> Vec<String> {
    let known: Vec<f64> = values.iter().filter_map(|value| number(value)).collect();
    let least = known.iter().fold(f64::INFINITY, |least, value| least.min(value.abs()));
    let most = known.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let digits = |from: f64| if least < from { 2 } else { 1 };
    values
        .iter()
        .map(|value| match value {
            // Beyond that they are multiples.
            Value::Ratio(ratio) if !multiple && most < 10.0 => format!("{:.*}%", digits(0.1), ratio * 100.0),
            Value::Number(_) if values.iter().all(|value| is_whole(value)) => value.to_string(),
            Value::Number(value) if most < 1_000.0 => format!("{value:.*}", digits(10.0)),
            value => value.shown(multiple),
        })
        .collect()
}

fn is_whole(value: &Value) -> bool {
    number(value).is_none_or(|value| value.fract() == 0.0)
}

/// The sum of two amounts of one unit; unknown of others, and of what grows too large.
pub fn sum(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Money(a, of), Value::Money(b, other)) if of == other => {
            a.checked_add(*b).map_or(Value::Unknown, |sum| Value::Money(sum, *of))
        }
        (Value::Integer(a), Value::Integer(b)) => a.checked_add(*b).map_or(Value::Unknown, Value::Integer),
        (Value::Number(a), Value::Number(b)) => Value::Number(a + b),
        (Value::Ratio(a), Value::Ratio(b)) => Value::Ratio(a + b),
        _ => Value::Unknown,
    }
}
