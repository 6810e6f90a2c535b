//! How sure a rule's values are, in words.

use cpl_estimate::{Estimate, Evidence, Judgement, Known};
use cpl_model::{
    program::{EstimateForm, Operand, Program, Surely},
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
    let value = |number| digits(number, surely.left.value.ty);
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

/// `cac $41.00 is surely below $47: 97% sure, likely between $33.10 and $45.20 on 60 customers`; `left` and `right` are the sides as they are shown.
pub fn shown(sureness: &Sureness, judgement: &Judgement, (left, right): (&str, &str), program: &Program) -> String {
    let surely = &sureness.surely;
    let Sure { sure, least, low, high, counted, from, scatter, .. } = self::sure(sureness, judgement, program);
    let (is_so, direction) = (judgement.is_so(surely), surely.direction.word());
    let (is, wanted) = if is_so {
        ("is surely", String::new())
    } else {
        ("is not surely", format!(" and not {}%", Value::Number(least * 100.0)))
    };
    let on = counted_words(&counted);
    let on = match &judgement.right {
        // The bounds of one alone would not tell how far the two are apart.
        Known::Estimate(right) => format!("on {on} against {}", counted_words(&counts(&surely.right, right))),
        Known::Exact(_) => match high {
            Value::Unknown => format!("likely above {}", bound(&low)),
            high => format!("likely between {} and {} on {on}", bound(&low), bound(&high)),
        },
    };
    // Less is not worth a word.
    let scatter = if scatter >= SCATTERS {
        let what = if matches!(judgement.right, Known::Exact(_)) { "widens the range" } else { "makes it less sure" };
        format!(" (its days vary {} times as much as chance explains, which {what})", Value::Number(scatter))
    } else {
        String::new()
    };
    let from = match (from, surely.left.estimate.as_ref()) {
        (Some(from), Some(parts)) => format!("; sure from {} {} on", Value::Integer(from), parts.counted),
        _ => String::new(),
    };
    let left = without_any(surely, judgement, left).unwrap_or_else(|| left.to_owned());
    format!("{left} {is} {direction} {right}: {} sure{wanted}, {on}{scatter}{from}", percent(sure, is_so))
}

/// `cac, $280.00 on no customers,`: of a cost of which there is none yet; none of another value.
fn without_any(surely: &Surely, judgement: &Judgement, left: &str) -> Option<String> {
    let Evidence::PerCount { amount, count } = judgement.left.evidence() else { return None };
    let parts = surely.left.estimate.as_ref().filter(|_| count <= 0.0)?;
    let name = left.strip_suffix(" unknown")?;
    let amount = digits(amount, surely.left.value.ty);
    Some(format!("{name}, {} on no {},", bound(&amount), parts.counted))
}

/// `40 customers of 1,024 clicks`
fn counted_words(counted: &Pairs) -> String {
    let each: Vec<String> = counted.0.iter().map(|(name, count)| format!("{count} {name}")).collect();
    each.join(" of ")
}

/// A bound as the report shows values, with all its digits where it is small.
fn bound(value: &Value) -> String {
    match value {
        Value::Money(amount, _) if amount.abs() < Decimal::ONE => value.exact(),
        _ => value.to_string(),
    }
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
            (EstimateForm::PerCount, [Some(amount), Some(count)]) if *amount == 0.0 => {
                Some(format!("nothing was spent on {} {}", Value::Number(*count), parts.counted))
            }
            #[expect(clippy::float_cmp, reason = "a count")]
            (EstimateForm::Mean, [_, _, Some(count)]) if *count == 1.0 => {
                Some("one value tells nothing of how far they scatter".to_owned())
            }
            (EstimateForm::Mean, [_, Some(deviation), _]) if *deviation == 0.0 => {
                Some("all its values are the same, which tells nothing of how far they scatter".to_owned())
            }
            (EstimateForm::Mean, [Some(mean), ..]) if *mean <= 0.0 => {
                Some("a mean that is not above 0 is compared with no other value that is estimated".to_owned())
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

pub fn float(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a count of more than 2^53 things is known to 16 digits")]
        Value::Integer(value) => Some(*value as f64),
        Value::Number(value) | Value::Ratio(value) => Some(*value),
        Value::Money(amount, _) => amount.to_f64(),
        _ => None,
    }
}

/// How many digits behind the point an amount is given with: those of its currency, and more where it is small.
fn decimals(number: f64, least: u32) -> u32 {
    const MOST: u32 = 6;
    let digits = [(1.0, 2), (0.1, 3), (0.01, 4), (0.001, 5)];
    let enough = digits.iter().find(|(from, _)| number.abs() >= *from).map_or(MOST, |(_, digits)| *digits);
    enough.max(least)
}

/// A bound in the unit of what it bounds.
pub fn digits(number: f64, ty: Type) -> Value {
    match ty {
        Type::Money(of) => Decimal::from_f64(number)
            .map_or(Value::Unknown, |amount| Value::Money(amount.round_dp(decimals(number, of.minor_digits())), of)),
        Type::Ratio => Value::Ratio(number),
        _ => Value::Number(number),
    }
}
