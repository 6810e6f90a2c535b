//! Aggregates over a group's rows, and what other rows of a series say.

use std::collections::BTreeMap;

use cpl_model::{
    program::{AggFunc, Aggregate, Expr, ExprKind, Length, Series, SeriesOf, Unit},
    types::Type,
};
use jiff::{Span, ToSpan, tz::AmbiguousOffset};
use num_traits::Zero;

use super::{
    Oracle, Rational, Row, Val,
    expr::Seen,
    pattern,
    value::{exactly, float_of, float_of_whole, millionth, rational},
};

impl Oracle<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, ty: Type, group: &[&Row]) -> Val {
        let value = |expr: &Expr, row: &Row| self.eval(expr, &Seen { row, rows: &[], group: None });
        let taken = |row: &Row| aggregate.filter.as_ref().is_none_or(|filter| value(filter, row) == Val::Bool(true));
        let rows: Vec<&Row> = group.iter().copied().filter(|row| taken(row)).collect();
        let Some(of) = &aggregate.of else { return Val::Whole(rows.len() as i128) };
        let values: Vec<Val> = rows.iter().map(|row| value(of, row)).collect();
        let known: Vec<Val> = values.iter().filter(|value| !value.is_unknown()).cloned().collect();
        match aggregate.func {
            AggFunc::Count => Val::Whole(known.len() as i128),
            AggFunc::CountDistinct => {
                let mut distinct: Vec<&Val> = Vec::new();
                for value in &known {
                    if !distinct.contains(&value) {
                        distinct.push(value);
                    }
                }
                Val::Whole(distinct.len() as i128)
            }
            // Over nothing but unknowns it is unknown, over no rows at all 0.
            AggFunc::Sum if known.is_empty() && !values.is_empty() => Val::Unknown,
            AggFunc::Sum => of_kind(&sum(&known), ty),
            AggFunc::Min => known.into_iter().min_by(Val::order).unwrap_or(Val::Unknown),
            AggFunc::Max => known.into_iter().max_by(Val::order).unwrap_or(Val::Unknown),
            AggFunc::First | AggFunc::Last => self.at_end(aggregate, &rows, &values),
            _ if known.is_empty() => Val::Unknown,
            AggFunc::Mean => of_kind(&(sum(&known) / rational(known.len() as i128, 1)), ty),
            AggFunc::Median => quantile(known, &rational(1, 2), ty),
            AggFunc::Quantile => quantile(known, &share(aggregate.share.unwrap_or(0.5)), ty),
            AggFunc::Std => std(&known, ty),
        }
    }

    /// The known value of the first or last time; unknown where rows of that time differ.
    fn at_end(&self, aggregate: &Aggregate, rows: &[&Row], values: &[Val]) -> Val {
        let Some(by) = &aggregate.by else { return Val::Unknown };
        let time = |row| self.eval(by, &Seen { row, rows: &[], group: None });
        let all = rows.iter().zip(values).map(|(row, value)| (time(row), value));
        let known: Vec<(Val, &Val)> = all.filter(|(time, value)| !time.is_unknown() && !value.is_unknown()).collect();
        let first = aggregate.func == AggFunc::First;
        let end = known.iter().map(|(time, _)| time).min_by(|a, b| if first { a.order(b) } else { b.order(a) });
        let Some(end) = end else { return Val::Unknown };
        let mut there = known.iter().filter(|(time, _)| time == end).map(|(_, value)| *value);
        let Some(first) = there.next() else { return Val::Unknown };
        if there.all(|value| value == first) { first.clone() } else { Val::Unknown }
    }

    pub(super) fn series(&self, series: &Series, ty: Type, seen: &Seen<'_>) -> Val {
        let name = |expr: &Expr| match &expr.kind {
            ExprKind::Column(name) => name.clone(),
            _ => String::new(),
        };
        let time = series.time.as_ref().map(name);
        let keys: Vec<String> = series.key.iter().map(name).collect();
        let row = seen.row;
        let mine = |other: &&Row| keys.iter().all(|key| other[key] == row[key]);
        let value = |expr: &Expr, row| self.eval(expr, &Seen { row, ..*seen });
        match (&series.of, &time) {
            (SeriesOf::Lag(of, back), Some(time)) => {
                let Some(before) = self.moved(&row[time], *back) else { return Val::Unknown };
                let found: Vec<&Row> = seen.rows.iter().filter(mine).filter(|other| other[time] == before).collect();
                match found.as_slice() {
                    [one] => value(of, one),
                    _ => Val::Unknown,
                }
            }
            (SeriesOf::Over(of, length, before), Some(time)) => {
                let now = &row[time];
                let Some(start) = self.moved(now, *length) else { return Val::Unknown };
                let twins = seen.rows.iter().filter(mine).filter(|other| other[time] == *now).count();
                let ExprKind::Aggregate(aggregate) = &of.kind else { return Val::Unknown };
                if twins != 1 {
                    return Val::Unknown;
                }
                let inside = |other: &&Row| {
                    let at = &other[time];
                    let (from, to) = (at.order(&start), at.order(now));
                    !at.is_unknown() && if *before { from.is_ge() && to.is_lt() } else { from.is_gt() && to.is_le() }
                };
                let rows: Vec<&Row> = seen.rows.iter().filter(mine).filter(inside).collect();
                self.aggregate(aggregate, of.ty, &rows)
            }
            (SeriesOf::Share(of), time) => {
                if time.as_ref().is_some_and(|time| row[time].is_unknown()) {
                    return Val::Unknown;
                }
                let beside = |other: &&Row| time.as_ref().is_none_or(|time| other[time] == row[time]);
                let values: Vec<Val> = seen.rows.iter().filter(beside).map(|other| value(of, other)).collect();
                let known: Vec<Val> = values.into_iter().filter(|value| !value.is_unknown()).collect();
                let (own, all) = (value(of, row), sum(&known));
                match own.exact() {
                    Some(own) if !all.is_zero() => of_kind(&(own / all), ty),
                    _ => Val::Unknown,
                }
            }
            (SeriesOf::Pattern(of), Some(time)) => {
                let at = |row: &Row| pattern::period(&row[time], of.grain);
                let Some(now) = at(row) else { return Val::Unknown };
                let rows: Vec<&Row> = seen.rows.iter().filter(mine).collect();
                let is_alone = |row: &&&Row| rows.iter().filter(|other| at(other) == at(row)).count() == 1;
                if !is_alone(&&row) {
                    return Val::Unknown;
                }
                let before = rows.iter().filter(is_alone).filter(|other| at(other).is_some_and(|at| at < now));
                let (mut values, mut counts) = (BTreeMap::new(), BTreeMap::new());
                for other in before {
                    let Some(at) = at(other) else { continue };
                    values.extend(value(&of.of.value, other).float().map(|value| (at, value)));
                    counts.extend(pattern::count(of, other, &value(&of.of.value, other)).map(|count| (at, count)));
                }
                pattern::given(of, now, &value(&of.of.value, row), values, counts)
            }
            _ => Val::Unknown,
        }
    }

    /// A time so long before, by the calendar; of a moment days are those of the clock on the wall.
    fn moved(&self, time: &Val, back: Length) -> Option<Val> {
        let n = i64::from(back.length);
        let span: Span = match back.unit {
            Unit::Second => n.seconds(),
            Unit::Minute => n.minutes(),
            Unit::Hour => n.hours(),
            Unit::Day => n.days(),
            Unit::Week => n.weeks(),
            Unit::Month => n.months(),
        };
        match time {
            Val::Date(date) => date.checked_sub(span).ok().map(Val::Date),
            Val::Moment(moment) if matches!(back.unit, Unit::Day | Unit::Week | Unit::Month) => {
                let zone = &self.program.timezone;
                let clock = zone.to_datetime(*moment).checked_sub(span).ok()?;
                let ambiguous = zone.to_ambiguous_timestamp(clock);
                match ambiguous.offset() {
                    AmbiguousOffset::Gap { .. } => None,
                    _ => ambiguous.earlier().ok().map(Val::Moment),
                }
            }
            Val::Moment(moment) => moment.checked_sub(span).ok().map(Val::Moment),
            _ => None,
        }
    }
}

/// Exact, whatever the order; floats by what they stand for to the last bit.
fn sum(values: &[Val]) -> Rational {
    let exact = |value: &Val| match value {
        Val::Float(value) => exactly(*value),
        other => other.exact().unwrap_or_else(Rational::zero),
    };
    values.iter().map(exact).fold(Rational::zero(), |sum, value| sum + value)
}

/// A number as a value of a type.
fn of_kind(value: &Rational, ty: Type) -> Val {
    match ty {
        Type::Money(_) => Val::Money(millionth(value)),
        Type::Count | Type::Integer => Val::Whole(value.to_integer().try_into().unwrap_or(0)),
        Type::Duration => Val::Length(value.to_integer().try_into().unwrap_or(0)),
        _ => Val::Float(float_of(value)),
    }
}

/// In billionths, as the language tells shares apart.
#[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
fn share(share: f64) -> Rational {
    rational((share * 1e9).round() as i128, 1_000_000_000)
}

/// By linear interpolation between the two values next to the place.
fn quantile(mut values: Vec<Val>, share: &Rational, ty: Type) -> Val {
    values.sort_by(Val::order);
    let place = rational(values.len() as i128 - 1, 1) * share;
    let low: usize = place.to_integer().try_into().unwrap_or(0);
    let high = (low + 1).min(values.len() - 1);
    let exact = |at: usize| match &values[at] {
        Val::Float(value) => exactly(*value),
        other => other.exact().unwrap_or_else(Rational::zero),
    };
    let value = exact(low) + (exact(high) - exact(low)) * place.fract();
    of_kind(&value, ty)
}

/// Of the sample: unknown for fewer than two values.
fn std(values: &[Val], ty: Type) -> Val {
    if values.len() < 2 {
        return Val::Unknown;
    }
    let n = float_of_whole(values.len() as i128);
    let floats: Vec<f64> = values.iter().filter_map(Val::exact).map(|value| float_of(&value)).collect();
    let mean = floats.iter().sum::<f64>() / n;
    let std = (floats.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    match ty {
        Type::Money(_) => Val::Money(millionth(&exactly(std))),
        _ => Val::Float(std),
    }
}
