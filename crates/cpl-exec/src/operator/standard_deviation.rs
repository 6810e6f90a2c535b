//! `std`.

use cpl_model::types::Type;
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray};

use super::accumulator::Accumulator;
use crate::engine::{Failure, data_type, elementwise, raise};

impl Accumulator {
    /// Of the sample. Sorted by ourselves, so that the order of rows is not seen: the engine leaves a sort out where
    /// it takes it to change nothing.
    pub(super) fn std(&mut self, at: usize, row: pl::Expr, ty: Type) -> pl::Expr {
        let float = match ty {
            Type::Duration => row.cast(DataType::Int64),
            _ => row,
        };
        let all = self.whole(&format!("·{at}d"), float.cast(DataType::Float64).drop_nulls().implode(false));
        let std = elementwise([all], DataType::Float64, |lists| stds(&lists[0]));
        match ty {
            Type::Duration => std.cast(DataType::Int64).cast(data_type(ty)),
            _ => std.cast(data_type(if ty.is_quantity() { Type::Number } else { ty })),
        }
    }
}

/// The standard deviation of each list of floats; none of fewer than two.
fn stds(lists: &pl::Column) -> pl::PolarsResult<pl::Column> {
    let name = lists.name().clone();
    let lists = lists.list()?.clone();
    let each = (0..lists.len()).map(|row| {
        let Some(list) = lists.get_as_series(row) else { return Ok(None) };
        match std(list.f64()?.iter().flatten().collect()) {
            Some(std) if !std.is_finite() => Err(raise(Failure::TooLarge)),
            std => Ok(std),
        }
    });
    let each = each.collect::<pl::PolarsResult<Vec<_>>>()?;
    Ok(pl::Float64Chunked::from_iter_options(name, each.into_iter()).into_column())
}

/// From one of the values first, and then from the mean: how far they are apart is not lost in how large they are, and
/// equal values deviate by nothing. (Chan, Golub and `LeVeque`, 1983: the
/// corrected algorithm of two passes.)
#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn std(mut values: Vec<f64>) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let (n, middle) = (values.len() as f64, values[values.len() / 2]);
    for value in &mut values {
        *value -= middle;
    }
    let mean = values.iter().sum::<f64>() / n;
    let (mut squares, mut rest) = (0.0, 0.0);
    for value in values {
        let apart = value - mean;
        squares += apart * apart;
        rest += apart;
    }
    Some(((squares - rest * rest / n).max(0.0) / (n - 1.0)).sqrt())
}
