//! How sure values are: the chance of each row, from the columns that tell it.

use cpl_estimate::Judgement;
use cpl_model::program::{Surely, SurelyValue};
use polars::prelude::{self as pl, IntoColumn};
use rayon::prelude::*;

use super::Translator;
use crate::engine::elementwise;

impl Translator<'_> {
    /// Unknown where a part is, or where nothing can be said.
    pub(super) fn surely(&self, surely: &Surely) -> pl::Expr {
        let ty = match surely.gives {
            SurelyValue::Outcome => pl::DataType::Boolean,
            SurelyValue::Doubt => pl::DataType::Float64,
        };
        let columns: Vec<pl::Expr> = surely.columns().into_iter().map(|column| self.as_float(column)).collect();
        let surely = surely.clone();
        elementwise(columns, ty, move |columns| judged(&surely, columns))
    }
}

fn judged(surely: &Surely, columns: &[pl::Column]) -> pl::PolarsResult<pl::Column> {
    let name = columns[0].name().clone();
    // One value may stand for all rows, of which there may be none.
    let rows = columns.iter().map(pl::Column::len).find(|rows| *rows != 1).unwrap_or(1);
    let values = columns.iter().map(pl::Column::f64).collect::<pl::PolarsResult<Vec<_>>>()?;
    let judge = |row: &mut Vec<Option<f64>>, at: usize| {
        row.clear();
        row.extend(values.iter().map(|column| column.get(if column.len() == 1 { 0 } else { at })));
        Judgement::of(surely, row)
    };
    // A chance takes longer than the rest of a row's arithmetic.
    let each_row = (0..rows).into_par_iter().map_init(Vec::new, judge);
    Ok(match surely.gives {
        SurelyValue::Outcome => {
            let outcomes: Vec<Option<bool>> = each_row.map(|row| row.map(|row| row.is_so(surely))).collect();
            outcomes.into_iter().collect::<pl::BooleanChunked>().with_name(name).into_column()
        }
        SurelyValue::Doubt => {
            let doubts: Vec<Option<f64>> = each_row.map(|row| row.map(|row| row.chance.doubt)).collect();
            doubts.into_iter().collect::<pl::Float64Chunked>().with_name(name).into_column()
        }
    })
}
