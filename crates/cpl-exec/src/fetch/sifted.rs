//! Parquet files of which bad rows are put aside: a file's columns are read at once, and sifted.

use std::collections::BTreeMap;

use cpl_csv::{Bad, Place};
use cpl_plan::program::FetchColumn;
use polars::prelude::{self as pl, IntoLazy};

use super::{
    Opened, Told, batches, explain,
    parquet::{Scanned, fitted, height, scan, shown},
    stored::{convert, may_round, rounded},
};
use crate::trouble::{self, Trouble};

/// Hands out the rows of each file that fit, and puts the others aside; what the rows told.
pub fn good_rows(
    opened: &Opened<'_>,
    mut sink: impl FnMut(pl::DataFrame) -> Result<(), Trouble>,
) -> Result<Told, Trouble> {
    let Opened { fetch, files, columns, world, .. } = opened;
    let mut told = Told::default();
    for file in files {
        let name = explain::called(file, world.folder);
        let Scanned { frame, schema } = scan(&name, file, fetch)?;
        // Refuses columns that can't hold what is declared, in any row.
        let exprs =
            columns.iter().map(|column| fitted(column, &name, fetch, &schema)).collect::<Result<Vec<_>, _>>()?;
        let wanted: std::collections::BTreeSet<&str> =
            batches::stored(columns).map(|column| column.header.as_str()).collect();
        let wanted: Vec<pl::Expr> = wanted.into_iter().map(pl::col).collect();
        let raw = if wanted.is_empty() {
            heights(&frame)?
        } else {
            frame.select(wanted).collect().map_err(trouble::engine)?
        };
        let mut bad = BTreeMap::new();
        for column in batches::stored(columns) {
            let values = raw.column(&column.header).map_err(trouble::engine)?;
            for at in bad_places(values, column, 0) {
                bad.entry(at).or_insert_with(|| {
                    cpl_csv::bad_value(&batches::field(column), shown(values, at).as_deref())
                        .moved(Place { row: at as u64 + 1, line: 0 })
                });
            }
        }
        let cells = |at: usize| {
            let cell = |column: &FetchColumn| shown(raw.column(&column.header).ok()?, at);
            batches::stored(columns).map(cell).collect()
        };
        let fits: pl::BooleanChunked = (0..raw.height()).map(|at| !bad.contains_key(&at)).collect();
        for (at, problem) in bad {
            told.aside.add(&name, Bad { problem, cells: cells(at) }, columns)?;
        }
        let good = raw.filter(&fits).map_err(trouble::engine)?;
        told.rows += good.height() as u64;
        for column in batches::stored(columns) {
            if schema.get(&column.header).is_some_and(|found| may_round(found, &column.stored)) {
                let cut =
                    rounded(good.column(&column.header).map_err(trouble::engine)?, column).map_err(trouble::engine)?;
                told.rounded +=
                    cut.i64().map_err(trouble::engine)?.iter().flatten().map(i64::unsigned_abs).sum::<u64>();
            }
        }
        let names = columns.iter().map(|column| pl::col(column.name.as_str())).collect::<Vec<_>>();
        sink(good.lazy().with_columns(exprs).select(names).collect().map_err(trouble::engine)?)?;
    }
    Ok(told)
}

/// As many rows as a file has, of no columns.
fn heights(frame: &pl::LazyFrame) -> Result<pl::DataFrame, Trouble> {
    pl::DataFrame::new(height(frame)?, Vec::new()).map_err(trouble::engine)
}

/// Where values do not fit: halved until each is found.
fn bad_places(values: &pl::Column, column: &FetchColumn, from: usize) -> Vec<usize> {
    match (convert(values, column), values.len()) {
        (Ok(_), _) => Vec::new(),
        (Err(_), 0..=1) => vec![from],
        (Err(_), length) => {
            let half = length / 2;
            let (left, right) = (values.slice(0, half), values.slice(i64::try_from(half).unwrap_or(0), length - half));
            [bad_places(&left, column, from), bad_places(&right, column, from + half)].concat()
        }
    }
}
