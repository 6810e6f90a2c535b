//! Reproducible sums of floats: each float is split into two limbs, whole numbers of steps of 2^-17 and, for the rest,
//! of 2^-114, both towards zero. Limbs are summed in 128 bits, so that a sum is exact and depends on no order of rows or
//! threads. A sum holds 2^30 values of up to 2^80.

use polars::prelude::{self as pl, DataType, IntoColumn, arity};

use crate::engine::{Failure, elementwise, raise};

/// 2^80.
const MOST: f64 = 1_208_925_819_614_629_174_706_176.0;
/// How many steps make 1: 2^17.
const HIGH_STEPS: f64 = 131_072.0;
/// How many steps of the low limb make one of the high: 2^97.
const LOW_STEPS: f64 = 158_456_325_028_528_675_187_087_900_672.0;
/// The bits of a float's fraction, and what is to be taken from its exponent to have it in steps of 2^-17.
const FRACTION: u32 = 52;
const BIAS: i32 = 1023 + 52 - 17;

/// The steps of 2^-17 of each value.
pub fn high_limb(value: pl::Expr) -> pl::Expr {
    steps_of(value, |mantissa, shift| match shift {
        0.. => i128::from(mantissa).checked_shl(shift.unsigned_abs()).unwrap_or(0),
        _ => i128::from(mantissa.checked_shr(shift.unsigned_abs()).unwrap_or(0)),
    })
}

/// What is left of each value, in steps of 2^-114.
pub fn low_limb(value: pl::Expr) -> pl::Expr {
    steps_of(value, |mantissa, shift| {
        let rest = match shift {
            0.. => 0,
            -63..0 => mantissa & ((1 << shift.unsigned_abs()) - 1),
            _ => mantissa,
        };
        match 97 + shift {
            up @ 0.. => i128::from(rest).checked_shl(up.unsigned_abs()).unwrap_or(0),
            down => i128::from(rest.checked_shr(down.unsigned_abs()).unwrap_or(0)),
        }
    })
}

/// The value of sums of both.
pub fn value(high_limb: pl::Expr, low_limb: pl::Expr) -> pl::Expr {
    (high_limb.cast(DataType::Float64) + low_limb.cast(DataType::Float64) / pl::lit(LOW_STEPS)) / pl::lit(HIGH_STEPS)
}

/// Steps of a float that is mantissa · 2^shift of them.
fn steps_of(value: pl::Expr, steps: impl Fn(u64, i32) -> i128 + Copy + Send + Sync + 'static) -> pl::Expr {
    elementwise([value], DataType::Int128, move |columns| {
        let floats = columns[0].f64()?;
        // A value that leaves no room in a sum is none; NaN is no number at all. What stands under missing values is
        // neither.
        let fits = |value: f64| value.abs() <= MOST;
        if !floats.downcast_iter().all(|part| part.values_iter().all(|value| fits(*value)))
            && floats.iter().flatten().any(|value| !fits(value))
        {
            return Err(raise(Failure::TooLarge));
        }
        let steps: pl::Int128Chunked = arity::unary_elementwise_values(floats, |value| of_float(value, steps));
        Ok(steps.into_column())
    })
}

/// See IEEE 754, binary64: a sign, an exponent of 11 bits, a fraction of 52 with a 1 before it where the exponent is
/// not 0.
fn of_float(value: f64, steps: impl Fn(u64, i32) -> i128) -> i128 {
    let bits = value.abs().to_bits();
    let (exponent, fraction) = (bits >> FRACTION, bits & ((1 << FRACTION) - 1));
    let (exponent, mantissa) = if exponent == 0 { (1, fraction) } else { (exponent, fraction | 1 << FRACTION) };
    #[expect(clippy::cast_possible_truncation, reason = "11 bits")]
    let steps = steps(mantissa, exponent as i32 - BIAS);
    if value < 0.0 { -steps } else { steps }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoLazy, df};

    use super::*;

    /// The sum of both parts is the value, to its last bit.
    #[test]
    fn a_float_is_its_steps() {
        let mut floats =
            vec![0.0, -0.0, 1.0, -1.5, 0.1, -0.1, 1e-9, 3e-14, 2.5e-30, -MOST, MOST, 123_456_789.987_654_32];
        floats.extend((0..2_000).map(|n| f64::from(n * 7_919 % 1_000_003 - 500_000) * 1.1f64.powi(n % 300 - 200)));
        let found = df!["x" => &floats].map(|frame| {
            let sums = value(high_limb(pl::col("x")), low_limb(pl::col("x")));
            frame.lazy().select([sums]).collect()
        });
        let found = found.and_then(|found| found).map(|found| found.columns()[0].f64().cloned());
        let Ok(Ok(found)) = found else { panic!("{found:?}") };
        for (float, found) in floats.iter().zip(found.iter()) {
            let found = found.unwrap_or(f64::NAN);
            let most = (float.abs() * f64::EPSILON).max(2f64.powi(-114));
            assert!((float - found).abs() <= most, "{float:e} {found:e}");
        }
    }

    #[test]
    fn what_is_too_large_is_told() {
        for value in [2.0 * MOST, f64::NAN, f64::INFINITY] {
            let frame = df!["x" => [1.0, value]].map(IntoLazy::lazy);
            assert!(frame.and_then(|frame| frame.select([high_limb(pl::col("x"))]).collect()).is_err());
        }
    }
}
