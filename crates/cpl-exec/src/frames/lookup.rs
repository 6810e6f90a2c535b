//! Partners by a key that no two rows have. The table that is joined is held and its keys are put in order once; then
//! each row of the other side finds its partner as it streams by, so that rows may come in parts and keep their order.
//! The engine's own join would put the table in order for each part, and takes twice as long (`just bench joins`).

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;
use polars::prelude::{self as pl, ChunkCompareEq, ChunkedCollectInferIterExt, DataType, IntoColumn};

use super::keys::{Numbers, known, repeats};
use crate::by_row::by_row;

/// A table by its key.
pub struct Lookup {
    table: pl::DataFrame,
    keys: Vec<pl::Column>,
    numbers: Numbers,
    rows: HashMap<u64, pl::IdxSize, FixedState>,
}

impl Lookup {
    /// None where two rows have the same known key.
    pub fn of(mut table: pl::DataFrame, on: &[String]) -> pl::PolarsResult<Option<Arc<Self>>> {
        table.rechunk_mut_par();
        let keys = on.iter().map(|name| table.column(name).cloned()).collect::<pl::PolarsResult<Vec<_>>>()?;
        let known = known(&keys);
        for seed in 0.. {
            let numbers = Numbers::of(&keys, seed);
            let mut rows = HashMap::with_capacity_and_hasher(table.height(), FixedState::default());
            let numbered = (0..).zip(numbers.each(&keys)?).zip(known.iter()).filter(|(_, known)| *known == Some(true));
            let again = numbered.map(|((row, number), _)| rows.insert(number, row)).any(|before| before.is_some());
            if !again {
                return Ok(Some(Arc::new(Self { table, keys, numbers, rows })));
            }
            let those = keys.iter().map(|key| key.filter(&known)).collect::<pl::PolarsResult<Vec<_>>>()?;
            if repeats(&those)?.contains(&true) {
                break;
            }
        }
        Ok(None)
    }

    /// How many rows the table has.
    pub fn height(&self) -> usize {
        self.table.height()
    }

    /// The number of the row that has these values in its key; none where there is none, or one of them is unknown.
    pub fn partner(self: &Arc<Self>, keys: Vec<pl::Expr>) -> pl::Expr {
        let lookup = Arc::clone(self);
        by_row(keys, DataType::IDX_DTYPE, move |keys| lookup.rows_of(keys))
    }

    /// A column's values in the rows of those numbers.
    pub fn column(self: &Arc<Self>, name: &str, partners: pl::Expr) -> pl::PolarsResult<pl::Expr> {
        let column = self.table.column(name)?.clone();
        let ty = column.dtype().clone();
        Ok(by_row([partners], ty, move |partners| {
            Ok(column.take(partners[0].idx()?)?.with_name(column.name().clone()))
        }))
    }

    fn rows_of(&self, keys: &[pl::Column]) -> pl::PolarsResult<pl::Column> {
        let numbers = self.numbers.each(keys)?;
        let found = numbers.iter().map(|number| self.rows.get(number).copied());
        let mut found: pl::IdxCa = found.collect_ca(keys[0].name().clone());
        if !self.numbers.exact {
            for (key, theirs) in keys.iter().zip(&self.keys) {
                let (ours, theirs) = (key.to_physical_repr(), theirs.to_physical_repr().take(&found)?);
                found = only(&found, &ours.as_materialized_series().equal(theirs.as_materialized_series())?)?;
            }
        } else if keys[0].null_count() > 0 {
            found = only(&found, &known(keys))?;
        }
        Ok(found.into_column())
    }
}

/// The numbers where it is so; else none.
fn only(found: &pl::IdxCa, there: &pl::BooleanChunked) -> pl::PolarsResult<pl::IdxCa> {
    use pl::{ChunkFullNull, ChunkZip};
    found.zip_with(there, &pl::IdxCa::full_null(found.name().clone(), found.len()))
}
