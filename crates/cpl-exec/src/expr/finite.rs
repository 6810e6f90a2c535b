//! Floats that are numbers: what grew beyond all is refused, and 0 has no sign.

use polars::prelude::{self as pl, DataType, IntoColumn, arity};

use crate::engine::{Failure, elementwise, raise};

/// A value that is a number. Two zeros that are equal are one in keys and in what is written.
pub(super) fn number(value: f64) -> pl::PolarsResult<f64> {
    if !value.is_finite() {
        return Err(raise(Failure::TooLarge));
    }
    Ok(value + 0.0)
}

/// The values; an error where one is infinite or no number.
pub fn finite(value: pl::Expr) -> pl::Expr {
    elementwise([value], DataType::Float64, |columns| {
        let floats = columns[0].f64()?;
        let as_it_is = |value: &f64| value.is_finite() && value.to_bits() != (-0f64).to_bits();
        if floats.downcast_iter().all(|part| part.values_iter().all(as_it_is)) {
            return Ok(columns[0].clone());
        }
        // What stands under missing values may be anything.
        let numbers: pl::Float64Chunked = arity::try_unary_elementwise(floats, |value| value.map(number).transpose())?;
        Ok(numbers.into_column())
    })
}
