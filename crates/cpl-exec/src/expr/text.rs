//! Texts with holes.

use cpl_model::{
    program::{Expr, Piece},
    types::Type,
    value::Value,
};
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray, StringChunked};

use super::Translator;
use crate::engine::{Failure, data_type, decode_value, elementwise, raise};
use crate::error::ExecError;

impl Translator<'_> {
    /// Unknown where a hole is.
    pub(super) fn text(&self, pieces: &[Piece]) -> pl::Expr {
        pieces.iter().fold(pl::lit(""), |text, piece| {
            text + match piece {
                Piece::Letters(letters) => pl::lit(letters.as_str()),
                Piece::Hole(hole) => self.shown(hole),
            }
        })
    }

    /// A value as the report shows it; a text as it is.
    fn shown(&self, hole: &Expr) -> pl::Expr {
        let found = self.as_type(hole, hole.ty);
        if data_type(hole.ty) == DataType::String {
            return found;
        }
        let (ty, zone) = (hole.ty, self.zone.clone());
        let show = move |columns: &[pl::Column]| {
            let column = &columns[0];
            let shown = (0..column.len()).map(|row| {
                let found = cell(column, row, ty, &zone)?;
                Ok((!found.is_unknown()).then(|| found.to_string()))
            });
            let shown = shown.collect::<pl::PolarsResult<Vec<_>>>()?;
            Ok(StringChunked::from_iter_options(column.name().clone(), shown.into_iter()).into_column())
        };
        elementwise([found], DataType::String, show)
    }
}

/// A value of a column.
pub fn cell(column: &pl::Column, row: usize, ty: Type, zone: &TimeZone) -> pl::PolarsResult<Value> {
    decode_value(&column.get(row)?, ty, zone).map_err(|error| raise(failure(&error)))
}

/// A value that can't be decoded is too large, or outside the calendar.
fn failure(error: &ExecError) -> Failure {
    match error {
        ExecError::OutsideCalendar { .. } => Failure::OutsideCalendar,
        _ => Failure::TooLarge,
    }
}
