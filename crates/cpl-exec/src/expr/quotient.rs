//! One number ÷ another: whole numbers and amounts exactly, rounded once to the nearest float.

use polars::prelude::{self as pl, DataType, IntoColumn, arity};

use super::finite::number;
use crate::engine::elementwise;

/// Whole numbers up to 2^53 are floats without a loss.
const EXACT: u128 = 1 << 53;

/// The quotient, unknown where the divisor is zero. Not the engine's: it divides amounts as floats, and multiplies by the
/// inverse of a constant, or divides by it, as many rows as there are, which differ in the last bit.
pub fn quotient(above: pl::Expr, below: pl::Expr) -> pl::Expr {
    elementwise([above, below], DataType::Float64, |columns| {
        let both = [columns[0].dtype(), columns[1].dtype()];
        let name = columns[0].name().clone();
        let values = match both {
            [DataType::Int64, DataType::Int64] => by_row(columns[0].i64()?, columns[1].i64()?, whole),
            [DataType::Decimal(_, above), DataType::Decimal(_, below)] if above == below => {
                by_row(columns[0].decimal()?.physical(), columns[1].decimal()?.physical(), whole)
            }
            [a, b] if a.is_integer() && b.is_integer() => {
                let wide = |column: &pl::Column| column.strict_cast(&DataType::Int128);
                by_row(wide(&columns[0])?.i128()?, wide(&columns[1])?.i128()?, whole)
            }
            _ => {
                let float = |column: &pl::Column| column.cast(&DataType::Float64);
                by_row(float(&columns[0])?.f64()?, float(&columns[1])?.f64()?, |above, below| {
                    (below != 0.0).then(|| above / below)
                })
            }
        };
        Ok(values?.with_name(name).into_column())
    })
}

/// The quotient of each row; either side may be one value for all rows.
fn by_row<T: pl::PolarsNumericType>(
    above: &pl::ChunkedArray<T>,
    below: &pl::ChunkedArray<T>,
    divide: impl Fn(T::Native, T::Native) -> Option<f64>,
) -> pl::PolarsResult<pl::Float64Chunked> {
    arity::broadcast_try_binary_elementwise(above, below, |above: Option<T::Native>, below: Option<T::Native>| {
        above.zip(below).and_then(|(above, below)| divide(above, below)).map(number).transpose()
    })
}

/// The float nearest to the quotient, halves to even; none where the divisor is zero.
#[expect(clippy::cast_precision_loss, reason = "what is cast is rounded once, here")]
fn whole(above: impl Into<i128>, below: impl Into<i128>) -> Option<f64> {
    let (above, below): (i128, i128) = (above.into(), below.into());
    let (a, b) = (above.unsigned_abs(), below.unsigned_abs());
    if b == 0 {
        return None;
    }
    let quotient = if a <= EXACT && b <= EXACT { a as f64 / b as f64 } else { long_division(a, b) };
    Some(if (above < 0) == (below < 0) { quotient } else { -quotient })
}

/// Long division in base 2, until there are more bits than a float has; what is left then only says on which side of a
/// half it lies. Neither number is beyond 2^127.
#[expect(clippy::cast_precision_loss, reason = "the one rounding, to the nearest, halves to even")]
fn long_division(above: u128, below: u128) -> f64 {
    let (mut quotient, mut rest, mut exponent) = (above / below, above % below, 0);
    while quotient < EXACT << 2 && rest != 0 {
        (quotient, rest, exponent) = (quotient << 1, rest << 1, exponent - 1);
        if rest >= below {
            (quotient, rest) = (quotient | 1, rest - below);
        }
    }
    (quotient | u128::from(rest != 0)) as f64 * 2f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotients() {
        // Above, below, the quotient in decimal digits, of which the nearest float is taken.
        let table = [
            (300_000, 100_000, Some("3")),
            (92_800_000, 58_000_000, Some("1.6")),
            (1, 3, Some("0.333333333333333333333333")),
            (-1, 3, Some("-0.333333333333333333333333")),
            (1, -3, Some("-0.333333333333333333333333")),
            (0, 7, Some("0")),
            (0, -7, Some("0")),
            (7, 0, None),
            // As floats both are 2^53.
            (9_007_199_254_740_993, 9_007_199_254_740_992, Some("1")),
            // Halfway between two floats: to the even one.
            (9_007_199_254_740_995, 9_007_199_254_740_992, Some("1.00000000000000044")),
            (3_000_000_000_000_000_000_000_000_000_000, 1_000_000_000_000_000_000_000_000_000_000, Some("3")),
            (1, 1_000_000_000_000_000_000_000_000_000_000, Some("1e-30")),
            (i128::MIN, 1, Some("-170141183460469231731687303715884105728")),
            (i128::MAX, i128::MIN, Some("-1")),
            (1, i128::MIN, Some("-5.877471754111437539843682686111228e-39")),
        ];
        for (above, below, wanted) in table {
            let found = whole(above, below).map(|value| value + 0.0);
            let wanted = wanted.and_then(|digits| digits.parse::<f64>().ok());
            assert_eq!(found.map(f64::to_bits), wanted.map(f64::to_bits), "{above} ÷ {below}: {found:?}");
        }
    }

    /// The quotient's first digits, as a person divides, and whether more follow.
    fn digits(above: u128, below: u128) -> String {
        let (mut text, mut rest) = (format!("{}.", above / below), above % below);
        for _ in 0..80 {
            rest *= 10;
            text.push_str(&(rest / below).to_string());
            rest %= below;
        }
        format!("{text}{}", u8::from(rest != 0))
    }

    proptest! {
        /// The nearest float to the decimal that long division by ten gives.
        #[test]
        fn the_nearest_float(above in 0u128..1 << 120, below in 1u128..1 << 120, cut in 0u32..100) {
            let (above, below) = (above >> cut, (below >> cut).max(1));
            let wanted: f64 = digits(above, below).parse().unwrap_or(f64::NAN);
            let found = whole(i128::try_from(above).unwrap_or(0), i128::try_from(below).unwrap_or(1));
            prop_assert_eq!(found.map(f64::to_bits), Some(wanted.to_bits()));
        }

        /// n times x, divided by x, is n.
        #[test]
        fn a_multiple_is_whole(n in -1_000_000i32..1_000_000, x in 1i128..1 << 80) {
            prop_assert_eq!(whole(i128::from(n) * x, x).map(|value| value + 0.0), Some(f64::from(n)));
        }
    }
}
