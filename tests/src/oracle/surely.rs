//! How sure values are, from the counts of each day: each distribution is computed by hand, slowly.

use cpl_model::program::{AggFunc, ArithOp, Direction, Expr, ExprKind, Operand, Surely, SurelyValue};
use cpl_model::types::Type;
use num_traits::ToPrimitive;

use super::{
    Oracle, Row, Val,
    expr::Seen,
    value::{float_of, rational},
};

/// What was counted, and in what, an amount or clicks: in all and on each day; unknown where all of it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Days {
    all: (Option<f64>, Option<f64>),
    each: Vec<(Option<f64>, Option<f64>)>,
}

/// What a value of a group was made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// A cost per count, by day.
    Cost(Days),
    /// A share of a count, by day.
    Share(Days),
    /// A count, by day.
    Count(Days),
    /// The values of a mean.
    Mean(Vec<f64>),
}

/// Under which name a row holds the evidence of a column.
pub fn evidence_of(column: &str) -> String {
    format!("evidence of {column}")
}

/// What a row holds of a column that is another one by a new name.
pub fn carried(from: &Row, (name, value): (&str, &Expr)) -> Option<(String, Val)> {
    let ExprKind::Column(before) = &value.kind else { return None };
    Some((evidence_of(name), from.get(&evidence_of(before))?.clone()))
}

impl Oracle<'_> {
    /// What a value of a group is made of; none where nothing tells how sure it is.
    pub(super) fn evidence(&self, value: &Expr, day: Option<&Expr>, rows: &[&Row]) -> Option<Val> {
        let is_sum = |value: &Expr, ty: fn(Type) -> bool| matches!(&value.kind, ExprKind::Aggregate(of) if ty(value.ty) && matches!(of.func, AggFunc::Sum | AggFunc::Count));
        let is_count = |value: &Expr| is_sum(value, |ty| ty == Type::Count);
        let is_money = |value: &Expr| is_sum(value, |ty| matches!(ty, Type::Money(_)));
        let by_day = |count: &Expr, of: Option<&Expr>| self.by_day(count, of, day, rows);
        let found = match &value.kind {
            ExprKind::Arith(ArithOp::Divide, of, count) if is_money(of) && is_count(count) => {
                Evidence::Cost(by_day(count, Some(of)))
            }
            ExprKind::Arith(ArithOp::Divide, count, of) if is_count(count) && is_count(of) => {
                Evidence::Share(by_day(count, Some(of)))
            }
            ExprKind::Aggregate(mean) if mean.func == AggFunc::Mean => {
                let chosen = |row: &&&Row| {
                    mean.filter.as_ref().is_none_or(|filter| self.value(filter, row, &[]) == Val::Bool(true))
                };
                let values =
                    rows.iter().filter(chosen).filter_map(|row| float(&self.value(mean.of.as_ref()?, row, &[])));
                Evidence::Mean(values.collect())
            }
            _ if is_count(value) => Evidence::Count(by_day(value, None)),
            _ => return None,
        };
        Some(Val::Evidence(Box::new(found)))
    }

    fn by_day(&self, count: &Expr, of: Option<&Expr>, day: Option<&Expr>, rows: &[&Row]) -> Days {
        let mut days: Vec<(Val, Vec<&Row>)> = Vec::new();
        for row in rows {
            let on = day.map_or(Val::Unknown, |day| self.value(day, row, &[]));
            match days.iter_mut().find(|(before, _)| *before == on) {
                Some((_, of_day)) => of_day.push(row),
                None => days.push((on, vec![row])),
            }
        }
        let none = Row::new();
        let total =
            |value: &Expr, rows: &[&Row]| float(&self.eval(value, &Seen { row: &none, rows: &[], group: Some(rows) }));
        let both = |rows: &[&Row]| (total(count, rows), of.map_or(Some(1.0), |of| total(of, rows)));
        Days { all: both(rows), each: days.iter().map(|(_, rows)| both(rows)).collect() }
    }

    pub(super) fn surely(&self, surely: &Surely, seen: &Seen<'_>) -> Val {
        assert_eq!(surely.gives, SurelyValue::Outcome, "no generated rule orders by it");
        let sure = match (self.known(&surely.left, seen), self.known(&surely.right, seen)) {
            (Some(Known::Evidence(left, by)), Some(Known::Exact(bound))) => left.sure(surely.direction, bound / by),
            (Some(Known::Evidence(left, by)), Some(Known::Evidence(right, times))) => {
                compared(&left, surely.direction, &right, times / by)
            }
            _ => None,
        };
        let least: f64 = surely.least.to_string().parse().unwrap_or(1.0);
        sure.map_or(Val::Unknown, |sure| Val::Bool(sure >= least - 1e-9))
    }

    /// A side of a condition: what a column is made of, and how many times it is taken; else its value.
    fn known(&self, side: &Operand, seen: &Seen<'_>) -> Option<Known> {
        let (by, rest) = match &side.value.kind {
            ExprKind::Arith(ArithOp::Multiply, rest, by) => (float(&self.eval(by, seen))?, &**rest),
            _ => (1.0, &side.value),
        };
        if let ExprKind::Column(name) = &rest.kind
            && let Some(Val::Evidence(evidence)) = seen.row.get(&evidence_of(name))
        {
            return Some(Known::Evidence((**evidence).clone(), by));
        }
        float(&self.eval(&side.value, seen)).map(Known::Exact)
    }
}

enum Known {
    Exact(f64),
    Evidence(Evidence, f64),
}

impl Days {
    /// The count of all days.
    pub(super) fn count(&self) -> Option<f64> {
        self.all.0
    }
}

impl Evidence {
    /// Counts and what they are counted in, all days together, and how far those scatter, with their number less one.
    fn totals(&self) -> Option<(f64, f64, f64, f64)> {
        let (Self::Cost(days) | Self::Share(days) | Self::Count(days)) = self else { return None };
        let (count, of) = (days.all.0?, days.all.1?);
        let some: Vec<(f64, f64)> =
            days.each.iter().filter_map(|(k, s)| Some(((*k)?, (*s)?))).filter(|(_, s)| *s > 0.0).collect();
        let (k, s) = some.iter().fold((0.0, 0.0), |(k, s), day| (k + day.0, s + day.1));
        #[expect(clippy::cast_precision_loss, reason = "a few days")]
        let freedom = some.len() as f64 - 1.0;
        let rate = k / s;
        let spread = if matches!(self, Self::Share(_)) { 1.0 - rate } else { 1.0 };
        if freedom < 1.0 || k <= 0.0 || spread <= 0.0 {
            return Some((count, of, 1.0, 0.0));
        }
        let chi = some.iter().map(|(k, s)| (k - s * rate).powi(2) / (s * rate * spread));
        let scatter = ((chi.sum::<f64>() / freedom * 1e9).round() / 1e9).max(1.0);
        Some((count, of, scatter, freedom))
    }

    /// How sure it is that the true value is on that side of a bound; none where nothing can be said.
    fn sure(&self, side: Direction, bound: f64) -> Option<f64> {
        if let Self::Mean(values) = self {
            let (mean, deviation, count) = mean_of(values)?;
            let t = (bound - mean) / deviation * count.sqrt();
            return Some(student(if side == Direction::Below { t } else { -t }, count - 1.0));
        }
        let (count, of, scatter, freedom) = self.totals()?;
        let is_below = side == Direction::Below;
        if bound <= 0.0 {
            return self.is_something(count, of).then_some(if is_below { 0.0 } else { 1.0 });
        }
        let (k, sure) = (count / scatter, self.is_something(count, of));
        let some = |chance: Chance| if count > 0.0 { chance } else { Chance { so: 0.0, not: 1.0 } };
        let chance = sure.then(|| match self {
            Self::Cost(_) if is_below => some(gamma_above(k, of / bound / scatter)),
            Self::Cost(_) => gamma_above(k + 1.0, of / bound / scatter).turned(),
            Self::Count(_) if is_below => gamma_above(k + 1.0, bound / scatter).turned(),
            Self::Count(_) => some(gamma_above(k, bound / scatter)),
            _ if bound >= 1.0 => {
                let so = if is_below { 1.0 } else { 0.0 };
                Chance { so, not: 1.0 - so }
            }
            _ if is_below => share_below(k, (of - count) / scatter, bound),
            _ => share_below((of - count) / scatter, k, 1.0 - bound),
        })?;
        let is_inside = chance.so > 1e-300 && chance.not > 1e-300 && bound.is_finite();
        Some(if scatter > 1.0 && is_inside { student(normal_quantile(chance), freedom) } else { chance.so })
    }

    fn is_something(&self, count: f64, of: f64) -> bool {
        match self {
            Self::Cost(_) => of > 0.0,
            Self::Share(_) => of > 0.0 && count <= of,
            _ => true,
        }
    }

    /// The mean of the logarithm, and its variance.
    fn log(&self) -> Option<(f64, f64)> {
        if let Self::Mean(values) = self {
            let (mean, deviation, count) = mean_of(values)?;
            return (mean > 0.0).then(|| (mean.ln(), (deviation / mean).powi(2) / count));
        }
        let (count, of, scatter, _) = self.totals()?;
        if !self.is_something(count, of) {
            return None;
        }
        let a = count / scatter + 0.5;
        match self {
            Self::Cost(_) if of <= 0.0 => None,
            Self::Cost(_) => Some(((of / scatter).ln() - psi(a, 1), psi(a, 2))),
            Self::Share(_) => {
                let b = of / scatter + 1.0;
                Some((psi(a, 1) - psi(b, 1), psi(a, 2) - psi(b, 2)))
            }
            _ => Some((scatter.ln() + psi(a, 1), psi(a, 2))),
        }
    }
}

fn compared(left: &Evidence, side: Direction, right: &Evidence, times: f64) -> Option<f64> {
    let ((left, its), (right, other)) = (left.log()?, right.log()?);
    let z = (right + times.ln() - left) / (its + other).sqrt();
    Some(normal(if side == Direction::Below { z } else { -z }))
}

/// The mean, the sample's deviation and how many; none of fewer than two, or where all are the same.
fn mean_of(values: &[f64]) -> Option<(f64, f64, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (square / (count - 1.0)).sqrt();
    (count > 1.0 && deviation > 1e-12 * mean.abs()).then_some((mean, deviation, count))
}

/// Simpson's rule.
fn integral(from: f64, to: f64, density: impl Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 4_000;
    let h = (to - from) / f64::from(STEPS);
    let inner = (1..STEPS).map(|at| {
        let weight = if at % 2 == 1 { 4.0 } else { 2.0 };
        weight * density(from + h * f64::from(at))
    });
    (density(from) + inner.sum::<f64>() + density(to)) * h / 3.0
}

fn normal(z: f64) -> f64 {
    0.5 + integral(0.0, z.clamp(-40.0, 40.0), |x| (-x * x / 2.0).exp()) / std::f64::consts::TAU.sqrt()
}

/// A chance and what it lacks, each to its own digits.
#[derive(Clone, Copy)]
struct Chance {
    so: f64,
    not: f64,
}

impl Chance {
    fn turned(self) -> Self {
        Self { so: self.not, not: self.so }
    }
}

/// Where the normal is so, by halves of the smaller tail.
fn normal_quantile(chance: Chance) -> f64 {
    let tail = chance.so.min(chance.not);
    let (mut low, mut high) = (0.0, 38.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let above = integral(middle, middle + 12.0, |x| (-x * x / 2.0).exp()) / std::f64::consts::TAU.sqrt();
        if above > tail { low = middle } else { high = middle }
    }
    if chance.so > chance.not { low } else { -low }
}

/// Student's t, on a scale on which its tails end: x = √freedom · tan u.
fn student(t: f64, freedom: f64) -> f64 {
    let power = |u: f64| u.cos().powf(freedom - 1.0);
    let quarter = std::f64::consts::FRAC_PI_2;
    let whole = integral(0.0, quarter, power);
    0.5 + integral(0.0, (t / freedom.sqrt()).atan(), power) / whole / 2.0
}

/// The chance that a number of Gamma's is above x: by Kummer's series below its mean, by Legendre's continued fraction above it.
fn gamma_above(shape: f64, x: f64) -> Chance {
    if x <= 0.0 {
        return Chance { so: 1.0, not: 0.0 };
    }
    let front = (shape * x.ln() - x - ln_gamma(shape)).exp();
    if x > shape + 1.0 {
        let inner =
            (1..2_000).rev().map(f64::from).fold(0.0, |rest, n| n * (n - shape) / (x + 2.0 * n + 1.0 - shape - rest));
        let so = front / (x + 1.0 - shape - inner);
        return Chance { so, not: 1.0 - so };
    }
    let (mut term, mut sum, mut n) = (1.0 / shape, 1.0 / shape, shape);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    let not = front * sum;
    Chance { so: 1.0 - not, not }
}

/// The chance that a share of Beta(k + 1, rest) is below a bound, by the density of its odds' logarithm, which has no poles; in parts, on
/// which it is smooth.
fn share_below(count: f64, rest: f64, bound: f64) -> Chance {
    if rest <= 0.0 {
        return Chance { so: 0.0, not: 1.0 };
    }
    let (a, b) = (count + 1.0, rest);
    let weight = |u: f64| a * -(-u).exp().ln_1p() + b * -u.exp().ln_1p();
    let top = (a / b).ln();
    let density = |u: f64| (weight(u) - weight(top)).exp();
    // Where less than a billionth of a billionth is left.
    let (end, at) = (50.0 / a.min(b) + 50.0 / (a + b).sqrt(), (bound / (1.0 - bound)).ln());
    let (low, high) = (top.min(at) - end, top.max(at) + end);
    let part = |from: f64, to: f64| {
        let each = (to - from) / 8.0;
        (0..8).map(|n| integral(from + each * f64::from(n), from + each * f64::from(n + 1), density)).sum::<f64>()
    };
    let (below, above) = (part(low, at), part(at, high));
    Chance { so: below / (below + above), not: above / (below + above) }
}

/// The logarithm of the gamma function, by Stirling's series.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 20.0 {
        shift += x.ln();
        x += 1.0;
    }
    (x - 0.5) * x.ln() - x + std::f64::consts::TAU.ln() / 2.0 + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
        + 1.0 / (1260.0 * x.powi(5))
        - shift
}

/// Its first or second derivative, as differences of what is far enough out.
fn psi(mut x: f64, order: u8) -> f64 {
    let mut sum = 0.0;
    while x < 30.0 {
        sum += if order == 1 { -1.0 / x } else { 1.0 / (x * x) };
        x += 1.0;
    }
    let series = if order == 1 {
        x.ln() - 0.5 / x - 1.0 / (12.0 * x * x) + 1.0 / (120.0 * x.powi(4))
    } else {
        1.0 / x + 0.5 / (x * x) + 1.0 / (6.0 * x.powi(3)) - 1.0 / (30.0 * x.powi(5))
    };
    sum + series
}

fn float(value: &Val) -> Option<f64> {
    match value {
        Val::Whole(whole) => Some(float_of(&rational(*whole, 1))),
        Val::Float(value) => Some(*value),
        Val::Money(amount) => amount.to_f64(),
        _ => None,
    }
}
