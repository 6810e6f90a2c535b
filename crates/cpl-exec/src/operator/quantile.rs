//! `median` and `quantile`.

use cpl_model::types::Type;
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray};

use super::accumulator::Accumulator;
use crate::engine::{data_type, elementwise};

/// A whole share, in billionths.
const BILLION: i64 = 1_000_000_000;

impl Accumulator {
    /// By linear interpolation between the two values next to the place (Hyndman and Fan's seventh definition).
    pub(super) fn quantile(&mut self, at: usize, row: &pl::Expr, share: f64, ty: Type) -> pl::Expr {
        let sorted = row.clone().drop_nulls().sort(pl::SortOptions::default());
        // The place in billionths, a whole number: no float decides between which values it lies.
        #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
        let share = (share * 1e9).round() as i64;
        let places = (row.clone().count().cast(DataType::Int64) - pl::lit(1i64)) * pl::lit(share);
        let (floor, rest) = (places.clone() / pl::lit(BILLION), places % pl::lit(BILLION));
        let above = rest.clone().gt(pl::lit(0i64)).cast(DataType::Int64);
        let low = self.whole(&format!("·{at}l"), sorted.clone().get(floor.clone(), true));
        let high = self.whole(&format!("·{at}h"), sorted.get(floor + above, true));
        let rest = self.whole(&format!("·{at}p"), rest);
        match ty {
            Type::Money(_) => crate::expr::between(low, high, rest),
            Type::Duration => {
                let micros = |value: pl::Expr| value.cast(DataType::Int64).cast(DataType::Float64);
                float_between(micros(low), micros(high), rest).cast(DataType::Int64).cast(data_type(ty))
            }
            _ => float_between(low.cast(DataType::Float64), high.cast(DataType::Float64), rest),
        }
    }
}

/// The float so many billionths of the way from one to another. By ourselves: the engine divides by a constant in one
/// way or another, as many rows as there are.
fn float_between(low: pl::Expr, high: pl::Expr, part: pl::Expr) -> pl::Expr {
    elementwise([low, high, part], DataType::Float64, |columns| {
        let (lows, highs, parts) = (columns[0].f64()?, columns[1].f64()?, columns[2].i64()?);
        let each = lows.iter().zip(highs.iter()).zip(parts.iter());
        let each = each.map(|((low, high), part)| Some(on_the_way(low?, high?, part?)));
        Ok(pl::Float64Chunked::from_iter_options(lows.name().clone(), each).into_column())
    })
}

#[expect(clippy::cast_precision_loss, reason = "a part of a billion")]
fn on_the_way(low: f64, high: f64, part: i64) -> f64 {
    low + (high - low) * (part as f64 / BILLION as f64)
}
