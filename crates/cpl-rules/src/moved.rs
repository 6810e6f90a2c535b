//! What moved the constraint since the window before.
//!
//! **By groups.** The constraint is R = A ÷ B, sums over all groups g. With each group's rate r = a ÷ b and its share w = b ÷ B, R is the
//! sum of w·r, and its change splits without a rest into what each group's rate did, at its mean share, and what its share did, at how far
//! its mean rate lies from the mean of R: Kitagawa, "Components of a Difference Between Two Rates", *Journal of the American Statistical
//! Association* 50, 1955. It treats both windows alike, which is why it was chosen: the change back is the same with the other sign. Both
//! parts together are Δ(a ÷ B) − R̄·Δw, which is known too where a group has no rate, such as one that spent and won nobody.
//!
//! **By drivers.** Where R is a product or quotient of drivers, ln R is a sum of their logarithms, and each contributes its part of the
//! change times the logarithmic mean of R: Ang, "The LMDI approach to decomposition analysis", *Energy Policy* 33, 2005. No rest either.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::{
    program::{self, Program, Quotient},
    report::{Metric, Moved, MovedBy, MovedDriver},
    types::Type,
    value::Value,
};
use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive, ToPrimitive},
};

use crate::sureness::float;

/// The sums of a group, above and below; a plain sum is divided by 1.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    above: f64,
    below: f64,
}

/// A group's sums in both windows.
#[derive(Clone, Debug)]
struct Group {
    value: Value,
    now: Sums,
    before: Sums,
}

/// What moved the constraint, by the answers of both windows by a column, and by the drivers; none where it is unknown in one of them.
pub fn moved(
    dashboard: &program::Dashboard,
    metrics: &[Metric],
    now: Option<&[Vec<Value>]>,
    before: Option<&[Vec<Value>]>,
    program: &Program,
) -> Option<Moved> {
    let (constraint, drivers) = metrics.split_first()?;
    let ty = dashboard.metrics.first()?.value.ty;
    let change = float(&constraint.value)? - float(&constraint.before)?;
    let groups = match (now, before) {
        (Some(now), Some(before)) => by_groups(dashboard, now, before, ty),
        _ => Vec::new(),
    };
    let drivers = by_drivers(dashboard, constraint, drivers, program, ty);
    let mut moved = Moved { change: amount(change, ty), groups, drivers };
    if !with_no_rest(moved.groups.iter_mut().map(|group| &mut group.change).collect(), &moved.change) {
        moved.groups.clear();
    }
    if !with_no_rest(moved.drivers.iter_mut().map(|driver| &mut driver.change).collect(), &moved.change) {
        moved.drivers.clear();
    }
    Some(moved)
}

/// Amounts are rounded to a millionth, each by itself: the largest takes the rest, so that they add up to the change. Whether that was no
/// more than rounding leaves.
fn with_no_rest(mut parts: Vec<&mut Value>, change: &Value) -> bool {
    let Value::Money(change, _) = change else { return true };
    let amount = |part: &Value| if let Value::Money(amount, _) = part { *amount } else { Decimal::ZERO };
    let rest = *change - parts.iter().map(|part| amount(part)).sum::<Decimal>();
    let Some(Value::Money(largest, _)) = parts.iter_mut().max_by_key(|part| amount(part).abs()) else { return true };
    *largest += rest;
    // A millionth of each, and one of the change.
    rest.abs() <= Decimal::new(i64::try_from(parts.len()).unwrap_or(i64::MAX).saturating_add(1), 6)
}

fn by_groups(dashboard: &program::Dashboard, now: &[Vec<Value>], before: &[Vec<Value>], ty: Type) -> Vec<MovedBy> {
    let Some(quotient) = dashboard.metrics.first().and_then(|metric| Quotient::of(&metric.value)) else {
        return Vec::new();
    };
    let is_quotient = quotient.below.is_some();
    let factor = quotient.factor.to_f64().unwrap_or(1.0);
    // An unknown name is another one than an empty text.
    let mut groups: BTreeMap<(bool, String), Group> = BTreeMap::new();
    for (rows, is_now) in [(now, true), (before, false)] {
        for row in rows {
            let [value, .., above, below] = row.as_slice() else { continue };
            let (above, below) = if is_quotient { (above, float(below)) } else { (below, Some(1.0)) };
            // Sums pass over what is unknown.
            let sums = Sums { above: float(above).unwrap_or(0.0) * factor, below: below.unwrap_or(0.0) };
            let group = groups.entry((value.is_unknown(), value.raw())).or_insert_with(|| Group {
                value: value.clone(),
                now: Sums::default(),
                before: Sums::default(),
            });
            if is_now {
                group.now = sums;
            } else {
                group.before = sums;
            }
        }
    }
    let groups: Vec<Group> = groups.into_values().collect();
    let mut moved: Vec<(f64, MovedBy)> = if is_quotient {
        contributions(&groups, ty)
    } else {
        let plain = |group: &Group| {
            let change = group.now.above - group.before.above;
            let [rate, share] = [Value::Unknown, Value::Unknown];
            (change, MovedBy { value: group.value.clone(), change: amount(change, ty), rate, share })
        };
        groups.iter().map(plain).collect()
    };
    moved.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
    moved.into_iter().map(|(_, moved)| moved).collect()
}

/// By Kitagawa's formula; none where a window has nothing to divide by.
fn contributions(groups: &[Group], ty: Type) -> Vec<(f64, MovedBy)> {
    let total = |of: fn(&Group) -> Sums| {
        let add = |sums: Sums, group: &Group| {
            let other = of(group);
            Sums { above: sums.above + other.above, below: sums.below + other.below }
        };
        groups.iter().fold(Sums::default(), add)
    };
    let (now, before) = (total(|group| group.now), total(|group| group.before));
    if now.below == 0.0 || before.below == 0.0 {
        return Vec::new();
    }
    let mean = f64::midpoint(now.above / now.below, before.above / before.below);
    let of = |group: &Group| {
        let (share, was) = (group.now.below / now.below, group.before.below / before.below);
        let change = group.now.above / now.below - group.before.above / before.below - mean * (share - was);
        let has_rate = group.now.below != 0.0 && group.before.below != 0.0;
        let parts = has_rate.then(|| {
            let (rate, earlier) = (group.now.above / group.now.below, group.before.above / group.before.below);
            let by_rate = f64::midpoint(share, was) * (rate - earlier);
            [by_rate, (f64::midpoint(rate, earlier) - mean) * (share - was)]
        });
        let [rate, share] = parts.map_or([Value::Unknown, Value::Unknown], |parts| parts.map(|part| amount(part, ty)));
        (change, MovedBy { value: group.value.clone(), change: amount(change, ty), rate, share })
    };
    groups.iter().map(of).collect()
}

/// The drivers whose product or quotient the constraint is, with what each contributed.
fn by_drivers(
    dashboard: &program::Dashboard,
    constraint: &Metric,
    drivers: &[Metric],
    program: &Program,
    ty: Type,
) -> Vec<MovedDriver> {
    let sums: Vec<Option<Terms>> = dashboard.metrics.iter().map(|metric| Terms::of(metric, program)).collect();
    let Some((Some(wanted), sums)) = sums.split_first() else { return Vec::new() };
    let Some(powers) = powers(wanted, sums) else { return Vec::new() };
    let both = |metric: &Metric| {
        let (now, before) = (float(&metric.value)?, float(&metric.before)?);
        (now > 0.0 && before > 0.0).then_some((now, before))
    };
    let Some((now, before)) = both(constraint) else { return Vec::new() };
    let logarithm = (now / before).ln();
    // The logarithmic mean of both.
    let mean = if logarithm.abs() < 1e-12 { now } else { (now - before) / logarithm };
    let moved = drivers.iter().zip(powers).filter(|(_, power)| *power != 0.0).map(|(driver, power)| {
        let (now, before) = both(driver)?;
        Some(MovedDriver { metric: driver.metric.clone(), change: amount(mean * power * (now / before).ln(), ty) })
    });
    moved.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// A quotient as the pipeline writes its two sums: each with its power, 1 or -1.
#[derive(Clone, Debug, PartialEq)]
struct Terms(BTreeMap<String, i32>);

impl Terms {
    fn of(metric: &program::DashboardMetric, program: &Program) -> Option<Self> {
        let quotient = Quotient::of(&metric.value)?;
        let mut terms = Self(BTreeMap::new());
        terms.add(&program.written(quotient.above.span), 1);
        terms.add(&program.written(quotient.below?.span), -1);
        Some(terms)
    }

    fn add(&mut self, name: &str, power: i32) {
        let sum = self.0.get(name).copied().unwrap_or(0) + power;
        if sum == 0 {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), sum);
        }
    }
}

/// The power of each driver, 1, 0 or -1, with which their product is what is wanted; of several ways the one with the fewest.
fn powers(wanted: &Terms, drivers: &[Option<Terms>]) -> Option<Vec<f64>> {
    let mut ways: BTreeSet<(usize, Vec<i32>)> = BTreeSet::from([(0, Vec::new())]);
    for _ in drivers {
        let longer = |(used, powers): (usize, Vec<i32>)| {
            [0, 1, -1].map(|power| (used + usize::from(power != 0), [powers.clone(), vec![power]].concat()))
        };
        ways = ways.into_iter().flat_map(longer).collect();
    }
    let makes = |powers: &[i32]| {
        let mut product = Terms(BTreeMap::new());
        for (terms, power) in drivers.iter().zip(powers).filter(|(_, power)| **power != 0) {
            let Some(terms) = terms else { return false };
            terms.0.iter().for_each(|(name, own)| product.add(name, own * power));
        }
        product == *wanted
    };
    // The constraint as a driver of its own would tell nothing.
    let found =
        ways.into_iter().filter(|(used, _)| *used > 1).map(|(_, powers)| powers).find(|powers| makes(powers))?;
    Some(found.into_iter().map(f64::from).collect())
}

/// A contribution in the constraint's unit: no value is rounded to less than a millionth.
fn amount(number: f64, ty: Type) -> Value {
    match ty {
        Type::Money(of) => {
            Decimal::from_f64(number).map_or(Value::Unknown, |amount| Value::Money(amount.round_dp(6), of))
        }
        Type::Ratio => Value::Ratio(number),
        _ => Value::Number(number),
    }
}
