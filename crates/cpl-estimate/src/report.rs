//! What a person is told of an estimate.

use cpl_model::program::Direction;

use crate::{Estimate, Evidence};

/// How sure an estimate is, for a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// It is surely above this.
    pub low: f64,
    /// It is surely below this; none where it is not surely below anything.
    pub high: Option<f64>,
}

/// No count is followed further: nobody waits for so many.
const MOST: f64 = 1e9;
/// Enough for nine digits.
const BISECTIONS: u32 = 50;
/// No bound is looked for further.
const FAR: f64 = 1e30;

impl Estimate {
    /// Where the true value lies, as sure as is asked for on each side: between two bounds, to nine digits.
    #[must_use]
    pub fn range(&self, least: f64) -> Range {
        let is_below = |bound: f64| self.chance(Direction::Below, bound).sure >= least;
        let is_not_above = |bound: f64| self.chance(Direction::Above, bound).sure < least;
        Range { low: self.first(is_not_above).unwrap_or(FAR), high: self.first(is_below) }
    }

    /// From which count on it would be sure, at the same average; of a plain count, from which count on it would be above the bound. None
    /// where it would never be.
    #[must_use]
    pub fn count_needed(&self, direction: Direction, bound: f64, least: f64) -> Option<f64> {
        let count = self.count();
        // More of a count is never below what less is not.
        let is_never = matches!((self.evidence, direction), (Evidence::Count { .. }, Direction::Below));
        if count <= 0.0 || is_never {
            return None;
        }
        let is_sure = |wanted: f64| self.times(wanted / count).chance(direction, bound).sure >= least;
        let (mut low, mut high) = (0.0, 1.0);
        while !is_sure(high) {
            if high > MOST {
                return None;
            }
            (low, high) = (high, high * 2.0);
        }
        while high - low > 1.0 {
            let middle = (low + (high - low) / 2.0).floor();
            if is_sure(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// How much was counted; of a mean, how many values.
    #[must_use]
    pub fn count(&self) -> f64 {
        match self.evidence {
            Evidence::PerCount { count, .. }
            | Evidence::Share { count, .. }
            | Evidence::Count { count }
            | Evidence::Mean { count, .. } => count,
        }
    }

    /// The first bound of which something is true that is true of all behind it.
    fn first(&self, is_so: impl Fn(f64) -> bool) -> Option<f64> {
        let (middle, mut step) = self.middle();
        let least = if matches!(self.evidence, Evidence::Mean { .. }) { -FAR } else { 0.0 };
        let (mut low, mut high) = (middle, middle);
        while low > least && is_so(low) {
            (low, step) = ((low - step).max(least), step * 2.0);
        }
        if low <= least && is_so(low) {
            return Some(least);
        }
        step = self.middle().1;
        while !is_so(high) {
            if high > FAR {
                return None;
            }
            (high, step) = (high + step, step * 2.0);
        }
        for _ in 0..BISECTIONS {
            let middle = low + (high - low) / 2.0;
            if is_so(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// What was seen, as of one event where nothing was counted, and a length of its size.
    fn middle(&self) -> (f64, f64) {
        let (seen, size) = match self.evidence {
            Evidence::PerCount { amount, count } => (amount / count.max(1.0), amount / count.max(1.0)),
            Evidence::Share { count, of } => (count / of, 0.1),
            Evidence::Count { count } => (count, count.max(1.0)),
            Evidence::Mean { mean, deviation, .. } => (mean, deviation),
        };
        (seen * self.factor, (size * self.factor).max(f64::MIN_POSITIVE))
    }
}
