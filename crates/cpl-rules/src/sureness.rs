//! How sure a rule's values are, in words.

use cpl_estimate::{Estimate, Evidence, Judgement, Known};
use cpl_model::{
    program::{EstimateForm, Operand, Program},
    report::{Pairs, Sure},
    types::Type,
    value::Value,
};
use cpl_plan::rule::Sureness;
use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive, ToPrimitive},
};

/// From how many times as much on it is told that days scatter.
const SCATTERS: f64 = 1.25;

/// What the values of a row tell of a condition; none where nothing can be said.
pub fn judge(sureness: &Sureness, values: &[Value]) -> Option<Judgement> {
    let row: Vec<Option<f64>> = sureness.columns.iter().map(|at| float(&values[at.0])).collect();
    Judgement::of(&sureness.surely, &row)
}

/// The same for machines.
pub fn sure(sureness: &Sureness, judgement: &Judgement, program: &Program) -> Sure {
    let surely = &sureness.surely;
    let least = surely.least.to_f64().unwrap_or(1.0);
    let range = judgement.left.range(least);
    let value = |number| value(number, surely.left.value.ty);
    let from = match judgement.right {
        Known::Exact(bound) if !judgement.is_so(surely) => judgement.left.count_needed(surely.direction, bound, least),
        _ => None,
    };
    Sure {
        condition: program.written(sureness.span),
        sure: judgement.chance.sure,
        least,
        low: value(range.low),
        high: range.high.map_or(Value::Unknown, value),
        counted: counts(&surely.left, &judgement.left),
        from: from.and_then(whole),
        scatter: judgement.left.dispersion().factor,
    }
}

/// What was counted, by name.
fn counts(operand: &Operand, estimate: &Estimate) -> Pairs {
    let Some(parts) = &operand.estimate else { return Pairs(Vec::new()) };
    let (count, of) = match estimate.evidence() {
        Evidence::Share { count, of } => (count, Some(of)),
        Evidence::PerCount { count, .. } | Evidence::Count { count } | Evidence::Mean { count, .. } => (count, None),
    };
    let of = of.zip(parts.of.clone()).map(|(of, name)| (name, of));
    let all = std::iter::once((parts.counted.clone(), count)).chain(of);
    Pairs(all.filter_map(|(name, of)| Some((name, Value::Integer(whole(of)?)))).collect())
}

/// `cac $41.00 is surely below $47: 97% sure, between $33.10 and $45.20 on 60 customers`; `left` and `right` are the sides as they are shown.
pub fn shown(sureness: &Sureness, judgement: &Judgement, (left, right): (&str, &str), program: &Program) -> String {
    let surely = &sureness.surely;
    let Sure { sure, low, high, counted, from, .. } = self::sure(sureness, judgement, program);
    let (is_so, direction) = (judgement.is_so(surely), surely.direction.word());
    let is = if is_so { "is surely" } else { "is not surely" };
    let on: Vec<String> = counted.0.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let on = on.join(" of ");
    let range = match high {
        Value::Unknown => format!("above {low}"),
        high => format!("between {low} and {high}"),
    };
    let from = match (from, surely.left.estimate.as_ref()) {
        (Some(from), Some(parts)) => format!("; sure from {} {} on", Value::Integer(from), parts.counted),
        _ => String::new(),
    };
    // Less is not worth a word.
    let scatter = match judgement.left.dispersion().factor {
        scatter if scatter >= SCATTERS => {
            format!(" (its days scatter {} times as much as by chance)", Value::Number(scatter))
        }
        _ => String::new(),
    };
    format!("{left} {is} {direction} {right}: {} sure, {range} on {on}{scatter}{from}", percent(sure, is_so))
}

/// Why nothing can be said, where all values are known.
pub fn why_unknown(sureness: &Sureness, values: &[Value]) -> Option<String> {
    let numbers: Vec<Option<f64>> = sureness.columns.iter().map(|at| float(&values[at.0])).collect();
    let mut at = 0;
    for operand in sureness.surely.operands() {
        let Some(parts) = &operand.estimate else {
            at += 1;
            continue;
        };
        let seen = numbers.get(at..at + parts.form.seen())?;
        at += parts.parts.len();
        let why = match (parts.form, seen) {
            (EstimateForm::Share, [Some(count), Some(of)]) if count > of => Some(format!(
                "{} {} of {} {}: a share can't pass 1",
                Value::Number(*count),
                parts.counted,
                Value::Number(*of),
                parts.of.as_deref().unwrap_or_default()
            )),
            (EstimateForm::PerCount, [Some(amount), _]) if *amount < 0.0 => {
                Some(format!("{} is below 0", parts.of.as_deref().unwrap_or("the amount")))
            }
            (EstimateForm::Mean, [_, _, Some(count)]) if *count < 2.0 => {
                Some("one value tells nothing of how far they scatter".to_owned())
            }
            (EstimateForm::Mean, [_, Some(deviation), _]) if *deviation == 0.0 => {
                Some("all its values are the same, which tells nothing of how far they scatter".to_owned())
            }
            _ => None,
        };
        if why.is_some() {
            return why;
        }
    }
    None
}

/// A chance in percent, rounded down: one that falls short of what is asked for never looks as if it did not.
fn percent(sure: f64, is_so: bool) -> String {
    let percent = (sure * 1000.0).floor() / 10.0;
    match percent {
        _ if percent >= 99.9 && is_so => "over 99.9%".to_owned(),
        _ => format!("{percent}%"),
    }
}

fn whole(number: f64) -> Option<i64> {
    number.round().to_i64()
}

fn float(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a count of more than 2^53 things is known to 16 digits")]
        Value::Integer(value) => Some(*value as f64),
        Value::Number(value) | Value::Ratio(value) => Some(*value),
        Value::Money(amount, _) => amount.to_f64(),
        _ => None,
    }
}

/// A bound in the unit of what it bounds.
fn value(number: f64, ty: Type) -> Value {
    match ty {
        Type::Money(of) => Decimal::from_f64(number)
            .map_or(Value::Unknown, |amount| Value::Money(amount.round_dp(of.minor_digits().max(2)), of)),
        Type::Ratio => Value::Ratio(number),
        _ => Value::Number(number),
    }
}
