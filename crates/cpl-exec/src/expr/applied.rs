//! How often a rule acted on a row: looked up by the row's key.

use std::sync::Arc;

use cpl_model::{
    program::{Applied, Constant},
    types::Type,
};
use polars::prelude::{self as pl, IntoColumn};

use super::{Translator, literal::constant, text::cell};
use crate::engine::elementwise;

impl Translator<'_> {
    /// Never unknown: a row that the past does not hold was not acted on.
    pub(super) fn applied(&self, applied: &Applied) -> pl::Expr {
        let Applied { key, counts: Some(counts), .. } = applied else { unreachable!("a bound plan knows the past") };
        if key.is_empty() || counts.is_empty() {
            return constant(&Constant::Integer(counts.values().sum()), Type::Count);
        }
        let types: Vec<_> = key.iter().map(|column| column.ty).collect();
        let (counts, zone) = (Arc::clone(counts), self.zone.clone());
        let look_up = move |columns: &[pl::Column]| {
            let count = |row| {
                let values = columns.iter().zip(&types).map(|(column, ty)| Ok(cell(column, row, *ty, &zone)?.raw()));
                let key = values.collect::<pl::PolarsResult<Vec<String>>>()?;
                Ok(counts.get(&key).copied().unwrap_or(0))
            };
            let found = (0..columns[0].len()).map(count).collect::<pl::PolarsResult<Vec<i64>>>()?;
            Ok(pl::Int64Chunked::from_vec(columns[0].name().clone(), found).into_column())
        };
        elementwise(key.iter().map(|column| self.expr(column)), pl::DataType::Int64, look_up)
    }
}
