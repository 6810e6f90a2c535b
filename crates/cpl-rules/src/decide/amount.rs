//! Exact arithmetic on what a rule changes: every amount is a decimal until it is reported.

use cpl_model::{types::Type, value::Value};
use rust_decimal::{Decimal, RoundingStrategy};

/// Digits after the point that money keeps.
const MONEY_DIGITS: u32 = 6;

/// The value as a decimal; a float counts as the shortest decimal that stands for it.
#[must_use]
pub fn of(value: &Value) -> Option<Decimal> {
    match value {
        Value::Money(amount, _) => Some(*amount),
        Value::Integer(value) => Some(Decimal::from(*value)),
        Value::Number(value) | Value::Ratio(value) => {
            let text = format!("{value:e}");
            Decimal::from_scientific(&text).ok()
        }
        _ => None,
    }
}

/// An amount at full precision, as [`Value::raw`] writes it.
#[must_use]
pub fn parsed(raw: &str) -> Option<Decimal> {
    raw.parse().or_else(|_| Decimal::from_scientific(raw)).ok()
}

/// The decimal as a value of that type.
pub fn value(amount: Decimal, ty: Type) -> Value {
    match ty {
        Type::Money(currency) => Value::Money(amount, currency),
        Type::Count | Type::Integer => amount.to_string().parse().map_or(Value::Unknown, Value::Integer),
        Type::Ratio => float(amount).map_or(Value::Unknown, Value::Ratio),
        _ => float(amount).map_or(Value::Unknown, Value::Number),
    }
}

fn float(amount: Decimal) -> Option<f64> {
    amount.to_string().parse().ok()
}

/// `share` of `amount`; money is rounded once to a millionth, half to even. None where it is too large.
pub fn share(amount: Decimal, share: Decimal, ty: Type) -> Option<Decimal> {
    let product = amount.checked_mul(share)?;
    Some(match ty {
        Type::Money(_) => product.round_dp_with_strategy(MONEY_DIGITS, RoundingStrategy::MidpointNearestEven),
        _ => product,
    })
}

/// The smallest step of a type's amounts: cents, whole things, none for floats.
pub fn smallest_step(ty: Type) -> Option<Decimal> {
    match ty {
        Type::Money(currency) => Some(Decimal::new(1, currency.minor_digits())),
        Type::Count | Type::Integer => Some(Decimal::ONE),
        _ => None,
    }
}

/// `new` rounded towards `current` to a whole number of steps.
pub fn towards(current: Decimal, new: Decimal, step: Option<Decimal>) -> Decimal {
    let Some(steps) = step.and_then(|step| new.checked_div(step)) else { return new };
    let whole = if new > current { steps.floor() } else { steps.ceil() };
    let rounded = whole * step.unwrap_or(Decimal::ONE);
    // Between two steps there is none: the value stays.
    let passed = if new > current { rounded < current } else { rounded > current };
    if passed { current } else { rounded }
}
