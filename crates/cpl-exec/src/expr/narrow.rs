//! Whole numbers are computed in a wider type than they are kept in.

use polars::{
    chunked_array::cast::CastOptions,
    prelude::{self as pl, IntoColumn},
};

use crate::engine::{Failure, elementwise, raise};

/// Whole numbers of 64 bits in 128. Each fits: the cast that looks at none is twice as fast.
pub fn widen(value: pl::Expr) -> pl::Expr {
    value.cast_with_options(pl::DataType::Int128, CastOptions::Overflowing)
}

/// Whole numbers, amounts or floats as whole numbers of 64 bits, towards zero; what does not fit is an error, and never another number. The
/// engine's own cast says only by its words what went wrong.
pub fn narrow(value: pl::Expr) -> pl::Expr {
    elementwise([value], pl::DataType::Int64, |values| {
        let name = values[0].name().clone();
        let narrow: pl::PolarsResult<pl::Int64Chunked> = match values[0].dtype() {
            pl::DataType::Int128 => values[0].i128()?.iter().map(|value| value.map(of_wide).transpose()).collect(),
            pl::DataType::Float64 => values[0].f64()?.iter().map(|value| value.map(of_float).transpose()).collect(),
            pl::DataType::Decimal(_, scale) => {
                let unit = 10i128.pow(u32::try_from(*scale).unwrap_or_default());
                let whole = |value: i128| of_wide(value / unit);
                values[0].decimal()?.physical().iter().map(|value| value.map(whole).transpose()).collect()
            }
            _ => return values[0].strict_cast(&pl::DataType::Int64),
        };
        Ok(narrow?.with_name(name).into_column())
    })
}

fn of_wide(value: i128) -> pl::PolarsResult<i64> {
    i64::try_from(value).map_err(|_| raise(Failure::TooLarge))
}

#[expect(clippy::cast_possible_truncation, reason = "it is in range")]
fn of_float(value: f64) -> pl::PolarsResult<i64> {
    /// 2^63: the first float beyond what 64 bits hold.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&value) { Ok(value as i64) } else { Err(raise(Failure::TooLarge)) }
}
