//! Money × and ÷ by a float: exact, then rounded once to a millionth, half to even.
//!
//! A computed ratio counts as the shortest decimal that stands for its float.

use std::collections::BTreeMap;

use cpl_syntax::tree::Currency;
use polars::prelude as pl;

use crate::engine::{Failure, MONEY_SCALE, PRECISION, elementwise, money, raise};

/// A whole share, in the smallest parts that differ.
const BILLION: i128 = 1_000_000_000;

/// The digits of a float: it is `mantissa` × 10^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digits {
    mantissa: i128,
    exponent: i32,
}

impl Digits {
    /// The shortest decimal that stands for the float; none for infinities and NaN.
    fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mantissa = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Self { mantissa, exponent })
    }
}

/// `amount` in millionths × `factor`; none where it is too large.
fn times(amount: i128, factor: Digits) -> Option<i128> {
    let product = amount.checked_mul(factor.mantissa)?;
    match factor.exponent {
        up @ 0.. => product.checked_mul(10i128.checked_pow(up.unsigned_abs())?),
        down => Some(match 10i128.checked_pow(down.unsigned_abs()) {
            Some(divisor) => half_even(product, divisor),
            None => 0,
        }),
    }
}

/// `amount` in millionths ÷ `divisor`, which is not zero; none where it is too large.
fn divided(amount: i128, divisor: Digits) -> Option<i128> {
    let (mut above, mut below) = (amount, divisor.mantissa);
    match divisor.exponent {
        up @ 0.. => match 10i128.checked_pow(up.unsigned_abs()).and_then(|power| below.checked_mul(power)) {
            Some(larger) => below = larger,
            None => return Some(0),
        },
        down => above = above.checked_mul(10i128.checked_pow(down.unsigned_abs())?)?,
    }
    Some(half_even(above, below))
}

/// The quotient, rounded half to even.
fn half_even(above: i128, below: i128) -> i128 {
    let (above, below) = if below < 0 { (-above, -below) } else { (above, below) };
    let (quotient, rest) = (above.div_euclid(below), above.rem_euclid(below));
    let up = match rest.cmp(&(below - rest)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    quotient + i128::from(up)
}

/// Money × a float column.
pub fn multiply(amount: pl::Expr, factor: pl::Expr) -> pl::Expr {
    with_float(amount, factor, times)
}

/// Money ÷ a float column that holds no zero.
pub fn divide(amount: pl::Expr, divisor: pl::Expr) -> pl::Expr {
    with_float(amount, divisor, divided)
}

/// How an amount is taken to fewer digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Halves to the even neighbour.
    Even,
    /// Halves away from zero.
    Away,
    /// The next below.
    Below,
    /// The next above.
    Above,
}

/// Money with so many digits, at most six. The engine's own rounding looks at what stands under missing values too.
pub fn rounded(amount: pl::Expr, digits: u32, to: To) -> pl::Expr {
    let step = 10i128.pow(6u32.saturating_sub(digits));
    elementwise([amount], money(), move |columns| {
        let amounts = columns[0].as_materialized_series().decimal()?.physical();
        let each = amounts.iter().map(|amount| amount.map(|amount| stepped(amount, step, to) * step));
        amounts_of(amounts.name(), each)
    })
}

/// How many steps.
fn stepped(amount: i128, step: i128, to: To) -> i128 {
    let floor = amount.div_euclid(step);
    let rest = amount.rem_euclid(step);
    match to {
        To::Even => half_even(amount, step),
        To::Away => floor + i128::from(rest * 2 > step || (rest * 2 == step && amount > 0)),
        To::Below => floor,
        To::Above => floor + i128::from(rest > 0),
    }
}

/// The amount so many billionths of the way from one to another, rounded once. The engine may divide floats by a
/// product, which tips digits.
pub fn between(low: pl::Expr, high: pl::Expr, part: pl::Expr) -> pl::Expr {
    elementwise([low, high, part], money(), |columns| {
        let amounts = |at: usize| columns[at].as_materialized_series().decimal().map(pl::DecimalChunked::physical);
        let (lows, highs, parts) = (amounts(0)?, amounts(1)?, columns[2].i64()?);
        let each = lows.iter().zip(highs.iter()).zip(parts.iter());
        let each = each.map(|((low, high), part)| {
            let Some(((low, high), part)) = low.zip(high).zip(part) else { return Ok(None) };
            on_the_way(low, high, i128::from(part)).map(Some).ok_or_else(|| raise(Failure::TooLarge))
        });
        amounts_of(lows.name(), each.collect::<pl::PolarsResult<Vec<_>>>()?.into_iter())
    })
}

/// None where it is too large. What is between is no more than twice the larger of both.
fn on_the_way(low: i128, high: i128, billionths: i128) -> Option<i128> {
    let way = high.checked_sub(low)?;
    // Whole and rest of the way apart: their products with billionths stay within 128 bits.
    let (whole, rest) = (way.div_euclid(BILLION), way.rem_euclid(BILLION));
    let whole = whole.checked_mul(billionths)?;
    low.checked_add(whole)?.checked_add(half_even_from(low.checked_add(whole)?, rest * billionths))
}

/// `above` billionths, rounded half to even, where they are added to `base`.
fn half_even_from(base: i128, above: i128) -> i128 {
    let (quotient, rest) = (above.div_euclid(BILLION), above.rem_euclid(BILLION));
    let odd = (base + quotient) % 2 != 0;
    quotient + i128::from(rest * 2 > BILLION || (rest * 2 == BILLION && odd))
}

fn with_float(amount: pl::Expr, float: pl::Expr, op: fn(i128, Digits) -> Option<i128>) -> pl::Expr {
    elementwise([amount, float], money(), move |columns| {
        // One value stands for all rows, of which there may be none.
        let length = if columns[0].len() == 1 { columns[1].len() } else { columns[0].len() };
        apply(columns[0].as_materialized_series().decimal()?, columns[1].f64()?, length, op)
    })
}

/// Row by row; either side may be one value for all rows.
fn apply(
    amounts: &pl::DecimalChunked,
    floats: &pl::Float64Chunked,
    length: usize,
    op: fn(i128, Digits) -> Option<i128>,
) -> pl::PolarsResult<pl::Column> {
    let at = |len: usize, row: usize| if len == 1 { 0 } else { row };
    let (amounts, name) = (amounts.physical(), amounts.name().clone());
    // The same factor comes again and again: its digits are kept.
    let mut last: Option<(u64, Option<Digits>)> = None;
    let mut result = Vec::with_capacity(length);
    for row in 0..length {
        let (Some(amount), Some(float)) = (amounts.get(at(amounts.len(), row)), floats.get(at(floats.len(), row)))
        else {
            result.push(None);
            continue;
        };
        let digits = match last {
            Some((bits, digits)) if bits == float.to_bits() => digits,
            _ => Digits::of(float),
        };
        last = Some((float.to_bits(), digits));
        match digits.and_then(|digits| op(amount, digits)) {
            Some(value) => result.push(Some(value)),
            None => return Err(raise(Failure::TooLarge)),
        }
    }
    amounts_of(&name, result.into_iter())
}

/// A column of amounts, in millionths.
fn amounts_of(name: &pl::PlSmallStr, each: impl Iterator<Item = Option<i128>>) -> pl::PolarsResult<pl::Column> {
    use pl::{IntoColumn, NewChunkedArray};
    let values = pl::Int128Chunked::from_iter_options(name.clone(), each);
    Ok(values.into_decimal(PRECISION, MONEY_SCALE)?.into_column())
}

/// An amount read in minor units, in whole ones: how many make one depends on its row's currency. Unknown where the
/// text names no currency.
pub fn whole_units(amount: &pl::Expr, currency: &pl::Expr, digits: cpl_model::types::MinorDigits) -> pl::Expr {
    let units_of = move |code: &str| {
        let usual = || Currency::of_code(code).map(|currency| currency.minor_digits());
        digits.get(code).copied().or_else(usual).map(|digits| 10i128.pow(digits))
    };
    elementwise([amount.clone(), currency.clone()], money(), move |columns| {
        let amounts = columns[0].as_materialized_series().decimal()?.physical();
        let codes = columns[1].str()?;
        // A file has few currencies: each is looked up once.
        let mut known: BTreeMap<&str, Option<i128>> = BTreeMap::new();
        let each = amounts.iter().zip(codes.iter()).map(|(amount, code)| {
            let (amount, code) = amount.zip(code)?;
            let minor_units = known.entry(code).or_insert_with(|| units_of(code));
            minor_units.map(|units| half_even(amount, units))
        });
        amounts_of(amounts.name(), each)
    })
}
