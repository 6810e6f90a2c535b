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
    let sign = match now.total_cmp(&was) {
        _ if same(now, was) => "=",
        std::cmp::Ordering::Greater => "▲",
        _ => "▼",
    };
    match value {
        Value::Ratio(_) if !multiple && sign != "=" => format!("{sign} {}", points((now - was).abs())),
        _ if sign == "=" => sign.to_owned(),
        _ if was == 0.0 => String::new(),
        _ => format!("{sign} {}", Value::Ratio((((now - was) / was.abs()).abs() * 1000.0).round() / 1000.0)),
    }
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
    let by = (now - was) / was.abs();
    Some(format!("{}{}", if by > 0.0 { "+" } else { "−" }, Value::Ratio((by.abs() * 1000.0).round() / 1000.0)))
}

/// `0.3 pt`: how far apart two rates are, to a hundredth of a point.
pub fn points(apart: f64) -> String {
    let text = format!("{:.2}", apart * 100.0);
    format!("{} pt", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `+$0.60`, `−0.3 pt`: what was added to a value, or taken from it; and none where that is too little to be shown.
pub fn signed(change: &Value) -> Option<String> {
    let (size, is_negative) = match change {
        Value::Money(amount, of) => (Value::Money(amount.abs(), *of).to_string(), *amount < Decimal::ZERO),
        Value::Ratio(value) => (points(value.abs()), *value < 0.0),
        Value::Number(value) => (Value::Number(value.abs()).to_string(), *value < 0.0),
        Value::Integer(value) => (Value::Integer(value.saturating_abs()).to_string(), *value < 0),
        _ => return None,
    };
    let is_nothing = !size.chars().any(|letter| letter.is_ascii_digit() && letter != '0');
    (!is_nothing).then(|| format!("{}{size}", if is_negative { "−" } else { "+" }))
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
        '▼' | '−' => false,
        _ => return None,
    };
    Some(if up == (goal?.direction == Direction::Above) { Ink::Good } else { Ink::Bad })
}

/// Cells of one column with as many digits behind the point each: `4%` beside `3.25%` is `4.00%`.
pub fn same_digits(cells: &mut [String]) {
    let digits = |cell: &str| {
        let (_, behind) = cell.split_once('.')?;
        Some(behind.chars().take_while(char::is_ascii_digit).count())
    };
    let most = cells.iter().filter_map(|cell| digits(cell)).max().unwrap_or(0);
    for cell in cells.iter_mut().filter(|cell| cell.chars().any(|letter| letter.is_ascii_digit())) {
        let missing = most - digits(cell).unwrap_or(0);
        if missing == 0 {
            continue;
        }
        let end = cell.rfind(|letter: char| letter.is_ascii_digit()).map_or(cell.len(), |at| at + 1);
        let point = if digits(cell).is_none() { "." } else { "" };
        cell.insert_str(end, &format!("{point}{}", "0".repeat(missing)));
    }
}
