//! How sure it is that a true value lies below a bound.

use cdflib::special::{cumnor, dinvnr, psi, try_beta_inc, try_gamma_inc};
use cpl_model::program::Direction;

use crate::{Dispersion, special::trigamma};

/// What was seen of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// An amount for each counted thing: a cost per customer.
    PerCount {
        /// The amount.
        amount: f64,
        /// The count.
        count: f64,
    },
    /// A share of a count: customers of clicks.
    Share {
        /// The count.
        count: f64,
        /// What it is a share of.
        of: f64,
    },
    /// A count.
    Count {
        /// It.
        count: f64,
    },
    /// A mean of values.
    Mean {
        /// It.
        mean: f64,
        /// The standard deviation of the values.
        deviation: f64,
        /// How many values.
        count: f64,
    },
}

/// What is known of a true value: what was seen, how far days scatter, and what it is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub(crate) evidence: Evidence,
    dispersion: Dispersion,
    pub(crate) factor: f64,
}

/// How sure it is that a true value lies on one side of a bound. Both numbers keep their digits where they are small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// How sure it is, from 0 to 1.
    pub sure: f64,
    /// What is left to 1.
    pub doubt: f64,
}

impl Chance {
    const NONE: Self = Self { sure: 0.0, doubt: 1.0 };
    const CERTAIN: Self = Self { sure: 1.0, doubt: 0.0 };

    /// What a distribution says; nothing is sure where its numbers are beyond what can be computed.
    fn of(found: Option<(f64, f64)>) -> Self {
        found.filter(|(sure, doubt)| sure + doubt > 0.0).map_or(Self::NONE, |(sure, doubt)| Self { sure, doubt })
    }

    /// The other side of it.
    fn not(found: Option<(f64, f64)>) -> Self {
        Self::of(found.map(|(doubt, sure)| (sure, doubt)))
    }

    /// To a billionth, or to nine digits where it is smaller: the last bits of logarithms are not the same on every machine, and a
    /// decision must be.
    pub(crate) fn rounded(self) -> Self {
        Self { sure: rounded(self.sure), doubt: rounded(self.doubt) }
    }
}

impl Estimate {
    /// An estimate, `factor` times what was seen. None where nothing can be said: nothing was spent or counted in, more was
    /// counted than there is, an amount is negative, all values of a mean are the same, or something is no finite number.
    #[must_use]
    pub fn new(evidence: Evidence, dispersion: Dispersion, factor: f64) -> Option<Self> {
        let is_something = match evidence {
            Evidence::PerCount { amount, count } => amount > 0.0 && count >= 0.0,
            Evidence::Share { count, of } => count >= 0.0 && of > 0.0 && count <= of,
            Evidence::Count { count } => count >= 0.0,
            Evidence::Mean { deviation, count, .. } => deviation > 0.0 && count > 1.0,
        };
        let is_finite = evidence.numbers().into_iter().all(f64::is_finite) && factor.is_finite();
        (is_something && is_finite && factor > 0.0).then_some(Self { evidence, dispersion, factor })
    }

    /// What was seen.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// How far days scatter.
    #[must_use]
    pub fn dispersion(&self) -> Dispersion {
        self.dispersion
    }

    /// How sure it is that the true value lies below a bound, or above it.
    #[must_use]
    pub fn chance(&self, direction: Direction, bound: f64) -> Chance {
        let bound = bound / self.factor;
        let chance = match (self.evidence, direction) {
            (Evidence::Mean { mean, deviation, count }, _) => {
                let t = (bound - mean) / deviation * count.sqrt();
                return student(if direction == Direction::Below { t } else { -t }, count - 1.0);
            }
            (_, Direction::Below) if bound <= 0.0 => return Chance::NONE,
            (_, Direction::Above) if bound <= 0.0 => return Chance::CERTAIN,
            (Evidence::PerCount { amount, count }, Direction::Below) => self.rate_above(count, amount / bound),
            (Evidence::PerCount { amount, count }, Direction::Above) => self.rate_below(count, amount / bound),
            (Evidence::Count { count }, Direction::Below) => self.rate_below(count, bound),
            (Evidence::Count { count }, Direction::Above) => self.rate_above(count, bound),
            (Evidence::Share { .. }, Direction::Below) if bound >= 1.0 => return Chance::CERTAIN,
            (Evidence::Share { .. }, Direction::Above) if bound >= 1.0 => return Chance::NONE,
            (Evidence::Share { count, of }, Direction::Below) => self.share_below(count, of - count, bound),
            // That a share is above is that the rest is below.
            (Evidence::Share { count, of }, Direction::Above) => self.share_below(of - count, count, 1.0 - bound),
        };
        self.widened(chance)
    }

    /// That the true rate behind a count is above one by which so many were expected: Garwood's lower limit.
    fn rate_above(&self, count: f64, expected: f64) -> Chance {
        let by = self.dispersion.factor;
        if count > 0.0 { Chance::not(try_gamma_inc(count / by, expected / by).ok()) } else { Chance::NONE }
    }

    /// That it is below: Garwood's upper limit.
    fn rate_below(&self, count: f64, expected: f64) -> Chance {
        let by = self.dispersion.factor;
        Chance::of(try_gamma_inc(count / by + 1.0, expected / by).ok())
    }

    /// That the true share behind a count is below a bound: the upper limit of Clopper and Pearson.
    fn share_below(&self, count: f64, rest: f64, bound: f64) -> Chance {
        let by = self.dispersion.factor;
        if rest > 0.0 {
            Chance::of(try_beta_inc(count / by + 1.0, rest / by, bound, 1.0 - bound).ok())
        } else {
            Chance::NONE
        }
    }

    /// Where days scatter more than dice, how far is known from those few days alone: Student's t takes the place of the normal.
    fn widened(&self, chance: Chance) -> Chance {
        let Chance { sure, doubt } = chance;
        match self.dispersion.freedom {
            Some(freedom) if self.dispersion.factor > 1.0 && sure > 0.0 && doubt > 0.0 => {
                student(dinvnr(sure, doubt), freedom)
            }
            _ => chance,
        }
    }

    /// The same of that many times as much of it.
    #[must_use]
    pub(crate) fn times(&self, more: f64) -> Self {
        let evidence = match self.evidence {
            Evidence::PerCount { amount, count } => Evidence::PerCount { amount: amount * more, count: count * more },
            Evidence::Share { count, of } => Evidence::Share { count: count * more, of: of * more },
            Evidence::Count { count } => Evidence::Count { count: count * more },
            Evidence::Mean { mean, deviation, count } => Evidence::Mean { mean, deviation, count: count * more },
        };
        Self { evidence, ..*self }
    }

    /// The mean of the logarithm of the true value, and its variance; none where a mean is not above 0. A rate with Jeffreys' prior, of
    /// half an event, is Gamma distributed and a share Beta distributed, of which these are the moments (Johnson, Kotz and Balakrishnan,
    /// *Continuous Univariate Distributions*, chapters 17 and 25).
    fn log(&self) -> Option<(f64, f64)> {
        const PRIOR: f64 = 0.5;
        let by = self.dispersion.factor;
        let (log, variance) = match self.evidence {
            Evidence::PerCount { amount, count } => {
                let count = count / by + PRIOR;
                ((amount / by).ln() - psi(count), trigamma(count))
            }
            Evidence::Count { count } => {
                let count = count / by + PRIOR;
                (by.ln() + psi(count), trigamma(count))
            }
            Evidence::Share { count, of } => {
                let (count, of) = (count / by + PRIOR, of / by + 2.0 * PRIOR);
                (psi(count) - psi(of), trigamma(count) - trigamma(of))
            }
            Evidence::Mean { mean, .. } if mean <= 0.0 => return None,
            Evidence::Mean { mean, deviation, count } => (mean.ln(), (deviation / mean).powi(2) / count),
        };
        Some((log + self.factor.ln(), variance))
    }
}

/// How sure it is that one true value lies below another one, or above it: the logarithm of their quotient is taken as normal. None where
/// a mean is not above 0.
#[must_use]
pub fn compare(left: &Estimate, direction: Direction, right: &Estimate) -> Option<Chance> {
    let ((left, its), (right, other)) = (left.log()?, right.log()?);
    let z = (right - left) / (its + other).sqrt();
    let (sure, doubt) = cumnor(if direction == Direction::Below { z } else { -z });
    z.is_finite().then_some(Chance { sure, doubt })
}

/// Student's t: that a number of so much freedom is below `t`.
fn student(t: f64, freedom: f64) -> Chance {
    let square = t * t;
    // Each argument is divided out by itself, so that neither loses its digits.
    let (near_zero, far_out) = (freedom / (freedom + square), square / (freedom + square));
    let Ok((outside, inside)) = try_beta_inc(freedom / 2.0, 0.5, near_zero, far_out) else { return Chance::NONE };
    let (far, near) = (outside / 2.0, 0.5 + inside / 2.0);
    if t < 0.0 { Chance { sure: far, doubt: near } } else { Chance { sure: near, doubt: far } }
}

fn rounded(chance: f64) -> f64 {
    const DIGITS: i32 = 9;
    // Smaller ones are as good as none.
    if chance < f64::MIN_POSITIVE * 1e10 {
        return 0.0;
    }
    let (mut scale, mut places) = (10f64.powi(DIGITS), DIGITS);
    while chance * scale < 10f64.powi(DIGITS - 1) && places < 300 {
        scale *= 10.0;
        places += 1;
    }
    (chance * scale).round() / scale
}

impl Evidence {
    fn numbers(self) -> [f64; 3] {
        match self {
            Self::PerCount { amount, count } => [amount, count, 0.0],
            Self::Share { count, of } => [count, of, 0.0],
            Self::Count { count } => [count, 0.0, 0.0],
            Self::Mean { mean, deviation, count } => [mean, deviation, count],
        }
    }
}
