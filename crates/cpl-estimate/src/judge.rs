//! A condition, and the row by which it is judged.

use cpl_model::program::{EstimateForm, EstimateParts, Operand, Surely};
use rust_decimal::prelude::ToPrimitive;

use crate::{Chance, Days, Dispersion, Estimate, Evidence, compare};

/// A side of a condition in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    /// A value that is known exactly.
    Exact(f64),
    /// One that is estimated.
    Estimate(Estimate),
}

/// What a row says of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The first side.
    pub left: Estimate,
    /// The second.
    pub right: Known,
    /// How sure the condition is.
    pub chance: Chance,
}

impl Judgement {
    /// What a row says, by the values of [`Surely::columns`]; none where one is unknown, or nothing can be said.
    #[must_use]
    pub fn of(surely: &Surely, row: &[Option<f64>]) -> Option<Self> {
        let (left, right) = row.split_at(row.len().min(width(&surely.left)));
        let Known::Estimate(left) = Known::of(&surely.left, left)? else { return None };
        let right = Known::of(&surely.right, right)?;
        let chance = match &right {
            Known::Exact(bound) => left.chance(surely.direction, *bound),
            Known::Estimate(right) => compare(&left, surely.direction, right)?,
        };
        Some(Self { left, right, chance: chance.rounded() })
    }

    /// Whether it is so.
    #[must_use]
    pub fn is_so(&self, surely: &Surely) -> bool {
        self.chance.sure >= surely.least.to_f64().unwrap_or(1.0)
    }
}

/// How many columns a side has.
fn width(operand: &Operand) -> usize {
    operand.estimate.as_ref().map_or(1, |estimate| estimate.parts.len())
}

impl Known {
    fn of(operand: &Operand, row: &[Option<f64>]) -> Option<Self> {
        let values = row.iter().copied().collect::<Option<Vec<f64>>>()?;
        match &operand.estimate {
            None => values.first().copied().map(Self::Exact),
            Some(parts) => estimate(parts, &values).map(Self::Estimate),
        }
    }
}

fn estimate(parts: &EstimateParts, values: &[f64]) -> Option<Estimate> {
    let (seen, days) = values.split_at_checked(parts.form.seen())?;
    let evidence = match (parts.form, seen) {
        (EstimateForm::PerCount, [amount, count]) => Evidence::PerCount { amount: *amount, count: *count },
        (EstimateForm::Share, [count, of]) => Evidence::Share { count: *count, of: *of },
        (EstimateForm::Count, [count]) => Evidence::Count { count: *count },
        (EstimateForm::Mean, [mean, deviation, count]) => {
            Evidence::Mean { mean: *mean, deviation: *deviation, count: *count }
        }
        _ => return None,
    };
    let dispersion = match days {
        [squares, count, of, days] => {
            let days = Days { squares: *squares, count: *count, of: *of, days: *days };
            Dispersion::of(days, parts.form == EstimateForm::Share)
        }
        _ => Dispersion::NONE,
    };
    Estimate::new(evidence, dispersion, parts.factor.to_f64()?)
}
