//! Parquet files of which bad rows are rejected: the needed columns of a file are read at once, and sifted.

use std::collections::{BTreeMap, BTreeSet};

use cpl_batch::{Place, Problem, RejectedRow, bad_value};
use cpl_model::program::{Fetch, FetchColumn};
use cpl_source::{field, in_files};
use polars::prelude::{self as pl, IntoLazy};

use super::{
    cast::Cast,
    parquet::{ParquetFile, read_column},
    rejected::ScanStats,
};
use crate::{
    engine::{classify, height},
    error::{Cause, ExecError, SourceError},
};

/// Hands out the rows of each file that fit, and rejects the others.
pub fn good_rows(
    fetch: &Fetch,
    files: &[ParquetFile],
    columns: &[FetchColumn],
    mut sink: impl FnMut(pl::DataFrame) -> Result<(), ExecError>,
) -> Result<ScanStats, ExecError> {
    let mut stats = ScanStats::default();
    for file in files {
        let raw = stored(file, fetch)?;
        let bad = bad_rows(&raw, file);
        let fits: pl::BooleanChunked = (0..raw.height()).map(|at| !bad.contains_key(&at)).collect();
        for (at, problem) in bad {
            let cell = |column: &FetchColumn| {
                let (_, cast) = file.casts().find(|(has, _)| has.name == column.name)?;
                cast.shown(raw.column(&column.header).ok()?, at)
            };
            let cells = in_files(columns).map(cell).collect();
            let kept = stats.rejected.add(&file.file.name, RejectedRow { problem, cells }, columns);
            kept.map_err(|error| SourceError::of(fetch, Cause::RejectedNotKept(error)))?;
        }
        let good = raw.filter(&fits).map_err(classify)?;
        stats.rows += good.height() as u64;
        for (column, cast) in file.casts() {
            stats.rounded += cast.rounded(good.column(&column.header).map_err(classify)?);
        }
        let names = columns.iter().map(|column| pl::col(column.name.as_str())).collect::<Vec<_>>();
        file.check_unchanged(fetch)?;
        sink(good.lazy().with_columns(file.typed()).select(names).collect().map_err(classify)?)?;
    }
    Ok(stats)
}

/// The needed columns of a file, as they are stored.
fn stored(file: &ParquetFile, fetch: &Fetch) -> Result<pl::DataFrame, ExecError> {
    let wanted: BTreeSet<&str> = file.casts().map(|(column, _)| column.header.as_str()).collect();
    if wanted.is_empty() {
        return pl::DataFrame::new(height(&file.frame)?, Vec::new()).map_err(classify);
    }
    let read = wanted.iter().map(|column| read_column(file, column)).collect::<Result<Vec<_>, _>>();
    let all = read.map_err(|problem| SourceError::in_file(fetch, &file.file.name, problem))?;
    let rows = all.first().map_or(0, pl::Column::len);
    pl::DataFrame::new(rows, all).map_err(classify)
}

/// The rows that do not fit, and what of each does not.
fn bad_rows(raw: &pl::DataFrame, file: &ParquetFile) -> BTreeMap<usize, Problem> {
    let mut bad = BTreeMap::new();
    for (column, cast) in file.casts() {
        let Ok(values) = raw.column(&column.header) else { continue };
        for at in bad_places(values, cast, 0) {
            bad.entry(at).or_insert_with(|| {
                let place = Place { row: at as u64 + 1, line: 0 };
                bad_value(&field(column), cast.shown(values, at).as_deref()).moved(place)
            });
        }
    }
    bad
}

/// Where values do not fit: halved until each is found.
fn bad_places(values: &pl::Column, cast: &Cast, from: usize) -> Vec<usize> {
    match (cast.convert(values), values.len()) {
        (Ok(_), _) => Vec::new(),
        (Err(_), 0..=1) => vec![from],
        (Err(_), length) => {
            let half = length / 2;
            let (left, right) = (values.slice(0, half), values.slice(i64::try_from(half).unwrap_or(0), length - half));
            [bad_places(&left, cast, from), bad_places(&right, cast, from + half)].concat()
        }
    }
}
