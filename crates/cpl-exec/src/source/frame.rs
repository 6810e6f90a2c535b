//! Record batches → the engine's columns.

use cpl_batch::{Batch, Column, Data, Field};
use cpl_model::program::{ColumnLocator, FetchColumn};
use cpl_source::{field, in_files};
use polars::prelude::{
    self as pl, BooleanChunked, Float64Chunked, Int32Chunked, Int64Chunked, Int128Chunked, IntoColumn, NewChunkedArray,
    StringChunked,
};

use super::dictionary::Dictionary;
use crate::{
    engine::{MONEY_SCALE, PRECISION, classify, moment},
    error::ExecError,
};

/// A frame of the columns without rows.
pub fn no_rows(columns: &[FetchColumn]) -> Result<pl::DataFrame, ExecError> {
    let fields: Vec<Field> = in_files(columns).map(field).collect();
    frame(Batch::empty(&fields), columns, "", &mut Dictionary::default()).map_err(classify)
}

/// The rows of a batch.
pub fn frame(
    batch: Batch,
    columns: &[FetchColumn],
    file: &str,
    dictionary: &mut Dictionary,
) -> pl::PolarsResult<pl::DataFrame> {
    let rows = batch.rows;
    let mut read = batch.columns.into_iter();
    let mut found = Vec::new();
    for column in columns {
        let values = if column.locator == ColumnLocator::File { None } else { read.next() };
        found.push(match values {
            Some(Column { data: Data::Dictionary(texts, numbers), valid, .. }) => {
                dictionary.column(&column.name, texts, numbers, valid).into_column()
            }
            Some(values) => engine_column(values, &column.name)?,
            None => pl::Column::new_scalar(
                column.name.as_str().into(),
                pl::Scalar::from(pl::PlSmallStr::from_str(file)),
                rows,
            ),
        });
    }
    pl::DataFrame::new(rows, found)
}

/// A column of a batch as one of the engine.
pub fn engine_column(column: Column, name: &str) -> pl::PolarsResult<pl::Column> {
    let name = pl::PlSmallStr::from_str(name);
    let valid = column.valid;
    Ok(match column.data {
        Data::Text(all, ends) => texts(name, &all, &ends, valid.as_deref()).into_column(),
        Data::Dictionary(..) => unreachable!("the numbers of a dictionary are those of its chunk"),
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

fn texts(name: pl::PlSmallStr, all: &str, ends: &[usize], valid: Option<&[bool]>) -> StringChunked {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let texts = starts.zip(ends).map(|(start, end)| &all[start..*end]);
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
