//! CSV: `cpl-csv` reads and checks, this makes frames of its batches.

use std::ops::ControlFlow;

use cpl_csv::{Batch, Column, Data, Field, Form, Head, Layout};
use cpl_plan::program::{Fetch, FetchColumn, Format, SourceKind, Stored};
use cpl_syntax::tree::MoneyScale;
use polars::prelude::{
    self as pl, BooleanChunked, Float64Chunked, Int32Chunked, Int64Chunked, Int128Chunked, IntoColumn, NewChunkedArray,
    StringChunked,
};

use super::{Opened, explain};
use crate::{
    trouble::{self, Trouble},
    types::{MONEY_SCALE, PRECISION, moment},
};

/// Fewer rows than this are not worth a call of the engine.
const PART_ROWS: usize = 1 << 17;

/// Hands out the rows of CSV files, one behind the other, in parts; how many amounts were rounded.
pub fn parts(opened: &Opened<'_>, mut sink: impl FnMut(pl::DataFrame) -> Result<(), Trouble>) -> Result<u64, Trouble> {
    let Opened { table, fetch, files, columns, world } = opened;
    let layout = layout(fetch, columns);
    let (mut part, mut rounded) = (no_rows(columns)?, 0);
    for file in files {
        let name = explain::called(file, world.folder);
        (world.progress)(&format!("fetch {}: {name}", table.name));
        let mut failed = None;
        let take = |batch: Batch| {
            rounded += batch.columns.iter().map(|column| column.rounded).sum::<u64>();
            match appended(&mut part, batch, columns).and_then(|full| full.map_or(Ok(()), &mut sink)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(trouble) => {
                    failed = Some(trouble);
                    ControlFlow::Break(())
                }
            }
        };
        cpl_csv::read(file, &layout, world.threads, take)
            .map_err(|problem| vec![explain::problem(&problem, &name, fetch, columns)])?;
        if let Some(trouble) = failed {
            return Err(trouble);
        }
    }
    sink(part)?;
    Ok(rounded)
}

/// How a fetch's files are laid out, of which those columns are wanted.
fn layout(fetch: &Fetch, columns: &[FetchColumn]) -> Layout {
    let wanted = columns.iter().map(field).collect();
    let SourceKind::Csv { separator, header, short_rows } = fetch.kind else { return Layout::default() };
    let place = |column: &FetchColumn| fetch.columns.iter().position(|declared| declared.name == column.name);
    let head = if header {
        Head::Names
    } else {
        Head::Places { fields: fetch.columns.len(), at: columns.iter().filter_map(place).collect() }
    };
    Layout { separator, columns: wanted, head, short_rows }
}

/// Appends a batch; what there is then, where that is enough for a part.
fn appended(part: &mut pl::DataFrame, batch: Batch, columns: &[FetchColumn]) -> Result<Option<pl::DataFrame>, Trouble> {
    let batch = frame(batch, columns).map_err(trouble::engine)?;
    part.vstack_mut_owned(batch).map_err(trouble::engine)?;
    Ok((part.height() >= PART_ROWS).then(|| std::mem::replace(part, part.clear())))
}

/// A frame of the columns without rows.
pub fn no_rows(columns: &[FetchColumn]) -> Result<pl::DataFrame, Trouble> {
    let layout = Layout { columns: columns.iter().map(field).collect(), ..Layout::default() };
    frame(Batch::empty(&layout), columns).map_err(trouble::engine)
}

/// How a stored value is read from text.
pub fn field(column: &FetchColumn) -> Field {
    let pattern = |format: &Format| match format {
        Format::Iso => None,
        Format::Pattern(pattern) => Some(pattern.clone()),
    };
    let form = match &column.stored {
        Stored::Text => Form::Text,
        Stored::Bool => Form::Bool,
        Stored::Count => Form::Whole { negative: false },
        Stored::Integer => Form::Whole { negative: true },
        Stored::Float => Form::Float,
        Stored::Percent => Form::Percent,
        Stored::Money(scale, digits) => Form::Money { shift: shift(*scale, *digits) },
        Stored::Date(format) => Form::Date(pattern(format)),
        Stored::Datetime(format, zone) => Form::Datetime(pattern(format), zone.clone()),
        Stored::UnixSeconds => Form::Unix { per_second: 1 },
        Stored::UnixMilliseconds => Form::Unix { per_second: 1_000 },
        Stored::Weekday => Form::Weekday,
    };
    Field { header: column.header.clone(), form, optional: column.optional }
}

/// How many digits a stored 1 stands behind the point.
pub fn shift(scale: MoneyScale, minor_digits: u32) -> u32 {
    match scale {
        MoneyScale::Units => 0,
        MoneyScale::Minor => minor_digits,
        MoneyScale::Micros => 6,
    }
}

fn frame(batch: Batch, columns: &[FetchColumn]) -> pl::PolarsResult<pl::DataFrame> {
    let rows = batch.rows;
    let columns: pl::PolarsResult<Vec<pl::Column>> =
        batch.columns.into_iter().zip(columns).map(|(column, of)| engine_column(column, &of.name)).collect();
    pl::DataFrame::new(rows, columns?)
}

/// A column of the reader as one of the engine.
pub fn engine_column(column: Column, name: &str) -> pl::PolarsResult<pl::Column> {
    let name = pl::PlSmallStr::from_str(name);
    let valid = column.valid;
    Ok(match column.data {
        Data::Text(bytes, ends) => texts(name, &bytes, &ends, valid.as_deref()).into_column(),
        Data::Bool(values) => match valid {
            None => BooleanChunked::from_slice(name, &values).into_column(),
            Some(valid) => BooleanChunked::from_iter_options(name, known(values, valid)).into_column(),
        },
        Data::Whole(values) => whole(name, values, valid).into_column(),
        Data::Float(values) => match valid {
            None => Float64Chunked::from_vec(name, values).into_column(),
            Some(valid) => Float64Chunked::from_iter_options(name, known(values, valid)).into_column(),
        },
        Data::Money(values) => {
            let values = match valid {
                None => Int128Chunked::from_vec(name, values),
                Some(valid) => Int128Chunked::from_iter_options(name, known(values, valid)),
            };
            values.into_decimal(PRECISION, MONEY_SCALE)?.into_column()
        }
        Data::Date(values) => days(name, values, valid).into_column().cast(&pl::DataType::Date)?,
        Data::Weekday(values) => days(name, values, valid).into_column(),
        Data::Datetime(values) => whole(name, values, valid).into_column().cast(&moment())?,
    })
}

fn whole(name: pl::PlSmallStr, values: Vec<i64>, valid: Option<Vec<bool>>) -> Int64Chunked {
    match valid {
        None => Int64Chunked::from_vec(name, values),
        Some(valid) => Int64Chunked::from_iter_options(name, known(values, valid)),
    }
}

fn days(name: pl::PlSmallStr, values: Vec<i32>, valid: Option<Vec<bool>>) -> Int32Chunked {
    match valid {
        None => Int32Chunked::from_vec(name, values),
        Some(valid) => Int32Chunked::from_iter_options(name, known(values, valid)),
    }
}

fn texts(name: pl::PlSmallStr, bytes: &[u8], ends: &[usize], valid: Option<&[bool]>) -> StringChunked {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let texts = starts.zip(ends).map(|(start, end)| std::str::from_utf8(&bytes[start..*end]).unwrap_or_default());
    match valid {
        None => StringChunked::from_iter_values(name, texts),
        Some(valid) => {
            StringChunked::from_iter_options(name, texts.zip(valid).map(|(text, valid)| valid.then_some(text)))
        }
    }
}

/// Values, those that are missing as none.
fn known<T>(values: Vec<T>, valid: Vec<bool>) -> impl Iterator<Item = Option<T>> {
    values.into_iter().zip(valid).map(|(value, valid)| valid.then_some(value))
}
