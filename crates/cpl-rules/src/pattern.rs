//! What is usual of a rule's values, in words.

use cpl_estimate::pattern::{LEAST_COUNT, Lookback};
use cpl_model::{clock::Grain, program::Program, report::Usual, types::Type, value::Value};
use cpl_plan::rule::PatternCheck;

use crate::sureness::{digits, float};

/// What a row tells of a pattern, for machines.
pub fn usual(check: &PatternCheck, values: &[Value], program: &Program) -> Usual {
    let [usual, low, high, known, count] = shown_values(check, values);
    Usual { condition: program.written(check.span), usual, low, high, known, count }
}

/// The usual value, the bounds, how many periods and how many things a period they rest on; amounts with as many digits as tell something.
fn shown_values(check: &PatternCheck, values: &[Value]) -> [Value; 5] {
    let [usual, low, high, known, count] = check.shown.map(|at| values[at.0].clone());
    let amount = |value: Value| match (float(&value), check.pattern.of.value.ty) {
        (Some(number), ty @ Type::Money(_)) => digits(number, ty),
        _ => value,
    };
    [amount(usual), amount(low), amount(high), known, count]
}

/// `cac $61.20 breaks its pattern: usually $40.10, normal from $33.30 to $48.30`; `value` is the value as it is shown. None where nothing can
/// be said.
pub fn shown(check: &PatternCheck, values: &[Value], value: &str) -> Option<String> {
    let Value::Bool(is_broken) = values[check.outcome.0] else { return None };
    let [usual, low, high, ..] = shown_values(check, values);
    let does = if is_broken { "breaks its pattern" } else { "keeps to its pattern" };
    let to = match high {
        Value::Unknown => String::new(),
        high => format!(" to {high}"),
    };
    Some(format!("{value} {does}: usually {usual}, normal from {low}{to}"))
}

/// A longer time by which to ask, where there is one that makes a series.
fn longer(grain: Grain) -> &'static str {
    match grain {
        Grain::Hour => "; ask by day",
        Grain::Day => "; ask by week",
        Grain::Week => "; ask by month",
        Grain::Month => "",
    }
}

/// Why nothing can be said, where the value is known.
pub fn why_unknown(check: &PatternCheck, values: &[Value], program: &Program) -> Option<String> {
    if values[check.value.0].is_unknown() || !values[check.outcome.0].is_unknown() {
        return None;
    }
    let value = program.written(check.pattern.of.value.span);
    let period = check.pattern.grain.word();
    let [usual, _, _, known, count] = check.shown.map(|at| &values[at.0]);
    if !usual.is_unknown() && !count.is_unknown() {
        let rests = match &check.pattern.of.estimate {
            Some(estimate) => format!("usually rests on {count} {} a {period}", estimate.counted),
            None => format!("is usually {count} a {period}"),
        };
        return Some(format!(
            "{value} {rests}, too few to tell a break from chance: {} are needed{}",
            Value::Number(LEAST_COUNT),
            longer(check.pattern.grain)
        ));
    }
    let known = match known {
        Value::Integer(known) => *known,
        _ => 0,
    };
    let least = Lookback::of(check.pattern.grain, check.pattern.over).least();
    if usize::try_from(known).is_ok_and(|known| known >= least) {
        return Some(format!("{value} has too few values just before for a pattern: after a gap it takes a while"));
    }
    let s = if known == 1 { "" } else { "s" };
    Some(format!("{value} has too short a history for a pattern: {known} {period}{s} with a value, {least} are needed"))
}
