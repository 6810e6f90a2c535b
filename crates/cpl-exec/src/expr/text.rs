//! Texts with holes.

use cpl_plan::program::{Expr, Piece};
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray, StringChunked};

use super::Translate;
use crate::{by_row::by_row, rows::value, types::data_type};

impl Translate<'_> {
    /// Unknown where a hole is.
    pub(super) fn text(&self, pieces: &[Piece]) -> Result<pl::Expr, jiff::Error> {
        pieces.iter().try_fold(pl::lit(""), |text, piece| {
            Ok(text
                + match piece {
                    Piece::Letters(letters) => pl::lit(letters.as_str()),
                    Piece::Hole(hole) => self.shown(hole)?,
                })
        })
    }

    /// A value as the report shows it; a text as it is.
    fn shown(&self, hole: &Expr) -> Result<pl::Expr, jiff::Error> {
        let found = self.as_type(hole, hole.ty)?;
        if data_type(hole.ty) == DataType::String {
            return Ok(found);
        }
        let (ty, zone) = (hole.ty, self.zone.clone());
        let show = move |columns: &[pl::Column]| {
            let column = &columns[0];
            let shown = (0..column.len()).map(|row| {
                let found = value(&column.get(row)?, ty, &zone);
                let found =
                    found.map_err(|_| pl::polars_err!(ComputeError: "overflow: an amount too large to show"))?;
                Ok((!found.is_unknown()).then(|| found.to_string()))
            });
            let shown = shown.collect::<pl::PolarsResult<Vec<_>>>()?;
            Ok(StringChunked::from_iter_options(column.name().clone(), shown.into_iter()).into_column())
        };
        Ok(by_row([found], DataType::String, show))
    }
}
