//! Partners by a key. The table that is joined is held and its keys are put in order once; then each row of the other
//! side finds its partner as it streams by, so that rows may come in parts and keep their order. The engine's own joins
//! would put the table in order for each part, and take longer (`just bench joins touches`).

use std::{collections::HashMap, sync::Arc};

use cpl_plan::program::{Join, Latest};
use foldhash::fast::FixedState;
use polars::prelude::{
    self as pl, ChunkCompareEq, ChunkFullNull, ChunkZip, ChunkedCollectInferIterExt, DataType, IntoColumn,
};

use super::{
    keys::{Numbers, known, repeats},
    newest::{Newest, candidates, moments},
};
use crate::by_row::by_row;

/// A table by its key.
pub struct Lookup {
    table: pl::DataFrame,
    keys: Vec<pl::Column>,
    numbers: Numbers,
    rows: Rows,
}

/// Rows by the numbers of their keys.
enum Rows {
    One(HashMap<u64, pl::IdxSize, FixedState>),
    Newest(Newest),
}

impl Lookup {
    /// Of a join with one partner, or with the newest; none where two rows have the same known key.
    pub fn of(mut table: pl::DataFrame, join: &Join) -> pl::PolarsResult<Option<Arc<Self>>> {
        table.rechunk_mut_par();
        let keys = join.on.iter().map(|(_, right)| table.column(right).cloned());
        let keys = keys.collect::<pl::PolarsResult<Vec<_>>>()?;
        let found = match &join.latest {
            Some(latest) => Some(newest(&table, &keys, latest)?),
            None => one(&keys)?,
        };
        Ok(found.map(|(numbers, rows)| Arc::new(Self { table, keys, numbers, rows })))
    }

    /// How many rows the table has.
    pub fn height(&self) -> usize {
        self.table.height()
    }

    /// The number of the row that has these values in its key, or of the newest before the moment behind them; none
    /// where there is none, or a value is unknown.
    pub fn partner(self: &Arc<Self>, keys: Vec<pl::Expr>) -> pl::Expr {
        let lookup = Arc::clone(self);
        by_row(keys, DataType::IDX_DTYPE, move |keys| Ok(lookup.rows_of(keys)?.into_column()))
    }

    /// A column's values in the rows of those numbers.
    pub fn column(self: &Arc<Self>, name: &str, partners: pl::Expr) -> pl::PolarsResult<pl::Expr> {
        let column = self.table.column(name)?.clone();
        let ty = column.dtype().clone();
        Ok(by_row([partners], ty, move |partners| {
            Ok(column.take(partners[0].idx()?)?.with_name(column.name().clone()))
        }))
    }

    fn rows_of(&self, columns: &[pl::Column]) -> pl::PolarsResult<pl::IdxCa> {
        let (keys, time) = columns.split_at(self.keys.len());
        let (numbers, name) = (self.numbers.each(keys, columns[0].len())?, columns[0].name().clone());
        let found: pl::IdxCa = match &self.rows {
            Rows::One(rows) => numbers.iter().map(|number| rows.get(number).copied()).collect_ca(name),
            Rows::Newest(newest) => {
                let moments = moments(&time[0])?;
                let found = numbers.iter().zip(moments.iter());
                found.map(|(number, moment)| newest.before(*number, moment?)).collect_ca(name)
            }
        };
        if !self.numbers.exact {
            return same(&self.keys, keys, found);
        }
        let whole = keys.iter().all(|key| key.null_count() == 0);
        if whole { Ok(found) } else { only(&found, &known(keys)) }
    }
}

/// Rows each of which has a key of its own.
fn one(keys: &[pl::Column]) -> pl::PolarsResult<Option<(Numbers, Rows)>> {
    let (known, height) = (known(keys), keys[0].len());
    for seed in 0.. {
        let numbers = Numbers::of(keys, seed);
        let mut rows = HashMap::with_capacity_and_hasher(height, FixedState::default());
        let each = (0..).zip(numbers.each(keys, height)?).zip(known.iter());
        let mut there = each.filter(|(_, known)| *known == Some(true));
        if there.all(|((row, number), _)| rows.insert(number, row).is_none()) {
            return Ok(Some((numbers, Rows::One(rows))));
        }
        let those = keys.iter().map(|key| key.filter(&known)).collect::<pl::PolarsResult<Vec<_>>>()?;
        if repeats(&those)?.contains(&true) {
            break;
        }
    }
    Ok(None)
}

/// Rows of which several may have one key.
fn newest(table: &pl::DataFrame, keys: &[pl::Column], latest: &Latest) -> pl::PolarsResult<(Numbers, Rows)> {
    let there = known(&[keys, &[table.column(&latest.right)?.clone()]].concat());
    let candidates = candidates(table, &there, latest)?;
    let mut seed = 0;
    loop {
        let numbers = Numbers::of(keys, seed);
        let each = numbers.each(keys, table.height())?;
        let newest = Newest::of(&candidates, &each, latest.within);
        if numbers.exact || are_of_one_key(keys, &there, newest.of_its_group(&each))? {
            return Ok((numbers, Rows::Newest(newest)));
        }
        seed += 1;
    }
}

/// Whether each row that is there has the key of the row it stands for.
fn are_of_one_key(
    keys: &[pl::Column],
    there: &pl::BooleanChunked,
    rows: Vec<Option<pl::IdxSize>>,
) -> pl::PolarsResult<bool> {
    let rows = only(&rows.into_iter().collect_ca(pl::PlSmallStr::EMPTY), there)?;
    Ok(same(keys, keys, rows.clone())?.null_count() == rows.null_count())
}

/// The numbers of rows whose keys are ours.
fn same(theirs: &[pl::Column], ours: &[pl::Column], mut found: pl::IdxCa) -> pl::PolarsResult<pl::IdxCa> {
    for (theirs, ours) in theirs.iter().zip(ours) {
        let (theirs, ours) = (theirs.to_physical_repr().take(&found)?, ours.to_physical_repr());
        found = only(&found, &ours.as_materialized_series().equal(theirs.as_materialized_series())?)?;
    }
    Ok(found)
}

/// The numbers where it is so; else none.
fn only(found: &pl::IdxCa, there: &pl::BooleanChunked) -> pl::PolarsResult<pl::IdxCa> {
    found.zip_with(there, &pl::IdxCa::full_null(found.name().clone(), found.len()))
}
