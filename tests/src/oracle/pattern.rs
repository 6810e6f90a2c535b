//! What is usual in a series, and what breaks its pattern: each forecast is made anew from the rows, as `patterns.md` says.

use std::collections::BTreeMap;

use cpl_model::{
    program::{ExprKind, Grain, Pattern, PatternValue},
    types::Type,
};
use jiff::civil::Date;
use num_traits::ToPrimitive;

use super::{
    Val,
    surely::{Evidence, evidence_of},
};

/// Where a row lies in time.
type Period = i64;

/// The earlier values of a series, and what each is counted in.
struct Earlier {
    values: BTreeMap<Period, f64>,
    counts: BTreeMap<Period, f64>,
    /// How many periods are looked back on.
    over: i64,
    level: i64,
    season: i64,
    /// Whether values are taken as logarithms.
    is_log: bool,
}

/// The number of a period.
pub(super) fn period(time: &Val, grain: Grain) -> Option<Period> {
    let days = |date: Date| i64::from((date - Date::constant(1970, 1, 1)).get_days());
    match (time, grain) {
        (Val::Date(date), Grain::Day) => Some(days(*date)),
        (Val::Date(date), Grain::Week) => Some(days(*date).div_euclid(7)),
        _ => None,
    }
}

/// What a pattern gives of a row, by what came before it.
pub(super) fn given(
    pattern: &Pattern,
    at: Period,
    value: &Val,
    values: BTreeMap<Period, f64>,
    counts: BTreeMap<Period, f64>,
) -> Val {
    let (over, level, season) = match pattern.grain {
        Grain::Day => (56, 14, 7),
        _ => (56, 14, 1),
    };
    let over = pattern.over.and_then(|over| over.periods(pattern.grain)).map_or(over, i64::from);
    let level = level.min(over);
    let recent: Vec<f64> = values.range(at - over - level..at).map(|(_, value)| *value).collect();
    let positive = recent.iter().filter(|value| **value > 0.0).count();
    let is_log = positive * 20 >= recent.len() * 19;
    let earlier = Earlier { values, counts, over, level, season, is_log };
    if recent.len() < 14 {
        return Val::Unknown;
    }
    let Some((forecast, deviation)) = earlier.forecast_and_deviation(at) else { return Val::Unknown };
    let usual = if is_log { forecast.exp() } else { forecast };
    if pattern.gives == PatternValue::Usual {
        return Val::Float(usual);
    }
    let count = earlier.usual_count(at);
    let (Some(value), true) = (value.float(), count.is_none_or(|count| count >= 25.0)) else { return Val::Unknown };
    let least = count.map_or(0.05, |count| (1.0 / count).sqrt().max(0.05));
    let least = if is_log { least } else { least * usual.abs() };
    let by = pattern.deviations.and_then(|by| by.to_f64()).unwrap_or(3.5);
    let far = by * deviation.max(least);
    let is_far = match (is_log, value > 0.0) {
        (true, true) => (value.ln() - usual.ln()).abs() > far + 1e-9,
        (true, false) => usual > 0.0,
        (false, _) => (value - usual).abs() > far * (1.0 + 1e-9),
    };
    Val::Bool(is_far && (value - usual).abs() > 0.15 * usual.abs() * (1.0 + 1e-9))
}

/// What the value of a row is counted in.
pub(super) fn count(pattern: &Pattern, row: &super::Row, value: &Val) -> Option<f64> {
    let evidence = match &pattern.of.value.kind {
        ExprKind::Column(name) => row.get(&evidence_of(name)),
        _ => None,
    };
    let Some(Val::Evidence(evidence)) = evidence else {
        return value.float().filter(|_| pattern.of.value.ty == Type::Count);
    };
    match &**evidence {
        Evidence::Cost(days) | Evidence::Share(days) | Evidence::Count(days) => days.count(),
        Evidence::Mean(_) => None,
    }
}

impl Earlier {
    fn measured(&self, at: Period) -> Option<f64> {
        let value = *self.values.get(&at)?;
        Some(match self.is_log {
            true if value > 0.0 => value.ln(),
            true => f64::NEG_INFINITY,
            false => value,
        })
    }

    fn usual_count(&self, at: Period) -> Option<f64> {
        middle(self.counts.range(at - self.level..at).map(|(_, count)| *count).collect())
    }

    fn forecast_and_deviation(&self, at: Period) -> Option<(f64, f64)> {
        let errors = (at - self.over..at).filter_map(|at| Some((self.measured(at)? - self.forecast(at)?).abs()));
        let mut errors: Vec<f64> = errors.filter(|error| !error.is_nan()).collect();
        if errors.len() < 7 {
            return None;
        }
        let mut deviation = 1.4826 * middle(errors.clone())?;
        let reach = 2 * self.over + self.level + self.season;
        if !self.is_log || self.values.range(at - reach..=at - self.over - self.level).next().is_none() {
            errors.retain(|error| error.is_finite());
            errors.sort_by(f64::total_cmp);
            // Nine tenths of the others lie below it.
            let place = errors.len().checked_sub(1)? * 9 / 10;
            deviation = deviation.max(errors.get(place)? / 1.644_853_626_951_472_2);
        }
        let forecast = self.forecast(at)?;
        deviation.is_finite().then_some((forecast, deviation))
    }

    fn forecast(&self, at: Period) -> Option<f64> {
        let known = (at - self.level..at).filter_map(|before| Some(self.measured(before)? - self.season(before, at)));
        let known: Vec<f64> = known.filter(|value| !value.is_nan()).collect();
        let enough = i64::try_from(known.len()).ok()? >= 7;
        Some(middle(known).filter(|_| enough)? + self.season(at, at))
    }

    /// How far the part of the season that a period is lies from the level, as seen from another.
    fn season(&self, of: Period, at: Period) -> f64 {
        if self.season < 2 {
            return 0.0;
        }
        let alike = (at - self.over..=at - (self.season + 1) / 2).filter(|other| (other - of) % self.season == 0);
        let known: Vec<f64> = alike.filter_map(|other| self.distance(other)).collect();
        if known.len() < 2 { 0.0 } else { middle(known).unwrap_or(0.0) }
    }

    fn distance(&self, at: Period) -> Option<f64> {
        let around = at - self.season / 2..at + (self.season + 1) / 2;
        let known: Vec<f64> = around.filter_map(|at| self.measured(at)).collect();
        let enough = i64::try_from(known.len()).ok()? * 2 > self.season;
        let centre = middle(known).filter(|centre| enough && centre.is_finite())?;
        Some(self.measured(at)? - centre)
    }
}

/// The median: of two in the middle of which one is infinite, the other.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (a, b) = (*values.get(values.len().checked_sub(1)? / 2)?, values[values.len() / 2]);
    Some(match (a.is_finite(), b.is_finite()) {
        (true, true) => f64::midpoint(a, b),
        (true, false) => a,
        (false, _) => b,
    })
}
