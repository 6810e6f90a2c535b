//! Parquet: scanned lazily; each needed column is checked and typed as it streams by.

use std::path::{Path, PathBuf};

use cpl_csv::Place;
use cpl_plan::{
    program::{Fetch, FetchColumn, Stored},
    types::Type,
};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{
    self as pl, ChunkAgg, DataType, Int128Chunked, IntoColumn, LazyFrame, NewChunkedArray, PlRefPath, ScanArgsParquet,
};

use super::{Late, Rows, csv, explain};
use crate::{
    trouble::Trouble,
    types::{MONEY_SCALE, PRECISION, data_type, money},
};

/// How a bad value is told from other errors of the engine.
const BAD: &str = "cpl: bad value";

/// The rows of Parquet files, one behind the other.
pub fn rows(fetch: &Fetch, files: Vec<PathBuf>, columns: Vec<FetchColumn>) -> Result<Rows, Trouble> {
    let mut frames = Vec::new();
    for file in &files {
        let frame = scan(file, fetch)?;
        let exprs =
            columns.iter().map(|column| fitted(column, file, fetch, &frame.schema)).collect::<Result<Vec<_>, _>>()?;
        frames.push(frame.frame.select(exprs));
    }
    let frame = match frames.len() {
        1 => frames.remove(0),
        _ => pl::concat(frames, pl::UnionArgs { maintain_order: true, ..Default::default() })
            .map_err(crate::trouble::engine)?,
    };
    Ok(Rows { frame, rounded: 0, late: Some(Late { files, columns, of: fetch.clone() }) })
}

struct Scanned {
    frame: LazyFrame,
    schema: pl::SchemaRef,
}

fn scan(file: &Path, fetch: &Fetch) -> Result<Scanned, Trouble> {
    let unreadable = |why: String| {
        vec![
            Diagnostic::new(Code::E1002, format!("{} can't be read: {why}", explain::called(file)))
                .at(fetch.path_span, "read from here"),
        ]
    };
    if file.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    let path = PlRefPath::new(file.to_string_lossy().as_ref());
    let args = ScanArgsParquet { glob: false, ..Default::default() };
    let first_line =
        |error: pl::PolarsError| unreadable(error.to_string().lines().next().unwrap_or_default().to_owned());
    let mut frame = LazyFrame::scan_parquet(path, args).map_err(first_line)?;
    let schema = frame.collect_schema().map_err(first_line)?;
    Ok(Scanned { frame, schema })
}

/// The expression that checks and types one column.
fn fitted(column: &FetchColumn, file: &Path, fetch: &Fetch, schema: &pl::Schema) -> Result<pl::Expr, Trouble> {
    let Some(stored) = schema.get(&column.header) else {
        let found: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        return Err(vec![explain::no_column(&explain::called(file), &column.header, &found, Some(column), fetch)]);
    };
    if !can_hold(stored, &column.stored) {
        let wanted = csv::field(column).form.wanted();
        return Err(vec![
            Diagnostic::new(
                Code::E1005,
                format!("{}: the column `{}` is stored as {stored}", explain::called(file), column.header),
            )
            .at(column.span, format!("wanted: {wanted}"))
            .help("declare the column by what it holds"),
        ]);
    }
    let of = column.clone();
    let ty = engine_type(&column.stored);
    let name = column.name.clone();
    Ok(pl::col(column.header.as_str())
        .map(
            move |values| convert(&values, &of).map_err(|at| bad(&of, at)),
            move |_, field| Ok(pl::Field::new(field.name().clone(), ty.clone())),
        )
        .alias(name.as_str()))
}

fn bad(column: &FetchColumn, at: usize) -> pl::PolarsError {
    pl::polars_err!(ComputeError: "{BAD} in `{}` at {at}", column.header)
}

fn engine_type(stored: &Stored) -> DataType {
    match stored {
        Stored::Text => DataType::String,
        Stored::Bool => DataType::Boolean,
        Stored::Count | Stored::Integer => DataType::Int64,
        Stored::Float | Stored::Percent => DataType::Float64,
        Stored::Money(..) => money(),
        Stored::Date(_) => DataType::Date,
        Stored::Datetime(..) | Stored::UnixSeconds | Stored::UnixMilliseconds => data_type(Type::Datetime),
        Stored::Weekday => DataType::Int32,
    }
}

/// Whether a declared type can be read from a stored one at all.
fn can_hold(found: &DataType, stored: &Stored) -> bool {
    let number = found.is_integer() || found.is_float();
    match stored {
        _ if *found == DataType::String => true,
        Stored::Text | Stored::Weekday => false,
        Stored::Bool => *found == DataType::Boolean,
        Stored::Count | Stored::Integer => number,
        Stored::Float | Stored::Percent | Stored::Money(..) => number || found.is_decimal(),
        Stored::Date(_) => *found == DataType::Date,
        Stored::Datetime(..) => matches!(found, DataType::Datetime(..)),
        Stored::UnixSeconds | Stored::UnixMilliseconds => found.is_integer(),
    }
}

/// The typed column; else the place of the first value that does not fit.
fn convert(values: &pl::Column, column: &FetchColumn) -> Result<pl::Column, usize> {
    let typed = if *values.dtype() == DataType::String {
        of_texts(values, column)?
    } else {
        of_values(values, column).ok_or_else(|| first_new_null(values, None))?
    };
    // What could not be held became null; what is missing was null before.
    if typed.null_count() > values.null_count() {
        return Err(first_new_null(values, Some(&typed)));
    }
    if !column.optional && typed.null_count() > 0 {
        return Err(typed.is_null().iter().position(|missing| missing == Some(true)).unwrap_or(0));
    }
    Ok(typed)
}

fn first_new_null(before: &pl::Column, after: Option<&pl::Column>) -> usize {
    let Some(after) = after else { return 0 };
    let (before, after) = (before.is_null(), after.is_null());
    before
        .iter()
        .zip(after.iter())
        .position(|(before, after)| before == Some(false) && after == Some(true))
        .unwrap_or(0)
}

fn of_texts(values: &pl::Column, column: &FetchColumn) -> Result<pl::Column, usize> {
    let texts = values.str().map_err(|_| 0usize)?;
    if column.stored == Stored::Text {
        return Ok(values.clone());
    }
    let read = cpl_csv::Column::of_texts(texts.iter(), &csv::field(column))?;
    csv::engine_column(read, values.name()).map_err(|_| 0)
}

/// A column of numbers, dates or truths in the declared type; what does not fit becomes null.
fn of_values(values: &pl::Column, column: &FetchColumn) -> Option<pl::Column> {
    let cast = |ty: &DataType| values.cast(ty).ok();
    match &column.stored {
        Stored::Bool => Some(values.clone()),
        Stored::Date(_) => Some(values.clone()),
        Stored::Count | Stored::Integer => whole(values, column.stored == Stored::Count),
        Stored::Float => floats(&cast(&DataType::Float64)?, 1.0),
        Stored::Percent => floats(&cast(&DataType::Float64)?, 100.0),
        Stored::Money(scale, digits) => amounts(values, csv::shift(*scale, *digits)),
        Stored::Datetime(_, zone) => moments(values, zone),
        Stored::UnixSeconds => scaled_moments(values, 1_000_000),
        Stored::UnixMilliseconds => scaled_moments(values, 1_000),
        Stored::Text | Stored::Weekday => None,
    }
}

/// Whole numbers of any width; a float must be whole.
fn whole(values: &pl::Column, positive: bool) -> Option<pl::Column> {
    const MAX: i64 = 1_000_000_000_000_000;
    let fits = |value: i64| value.abs() <= MAX && !(positive && value < 0);
    let name = values.name().clone();
    let found: pl::Int64Chunked = if values.dtype().is_float() {
        let floats = values.cast(&DataType::Float64).ok()?;
        let floats = floats.f64().ok()?.iter();
        pl::Int64Chunked::from_iter_options(name, floats.map(|value| value.and_then(whole_float).filter(|v| fits(*v))))
    } else {
        let wide = values.cast(&DataType::Int64).ok()?;
        let wide = wide.i64().ok()?.clone();
        if wide.min().is_none_or(fits) && wide.max().is_none_or(fits) {
            return Some(wide.into_column());
        }
        pl::Int64Chunked::from_iter_options(name, wide.iter().map(|value| value.filter(|v| fits(*v))))
    };
    Some(found.into_column())
}

#[expect(clippy::cast_possible_truncation, reason = "the value was found to be whole and small")]
fn whole_float(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= 1e15).then_some(value as i64)
}

/// Floats ÷ `by`; NaN is missing, infinity does not fit.
fn floats(values: &pl::Column, by: f64) -> Option<pl::Column> {
    let floats = values.f64().ok()?;
    let fits = |value: f64| value.is_finite().then_some(value / by);
    Some(
        pl::Float64Chunked::from_iter_options(values.name().clone(), floats.iter().map(|v| v.and_then(fits)))
            .into_column(),
    )
}

/// Amounts into millionths; a 1 stands for 10 to the minus `shift`.
fn amounts(values: &pl::Column, shift: u32) -> Option<pl::Column> {
    if let DataType::Decimal(_, ..=MONEY_SCALE) = values.dtype()
        && shift == 0
    {
        // Exact as it stands, unless an amount is too large: that is told below.
        let exact = values.cast(&money()).ok()?;
        let amounts = exact.as_materialized_series().decimal().ok()?.physical().clone();
        let fits = |bound: Option<i128>| bound.is_none_or(|amount| within(amount).is_some());
        if fits(amounts.min()) && fits(amounts.max()) {
            return Some(exact);
        }
    }
    let name = values.name().clone();
    let millionths: Int128Chunked = if values.dtype().is_integer() {
        let factor = 10i128.pow(6 - shift);
        let wide = values.cast(&DataType::Int128).ok()?;
        let wide = wide.i128().ok()?.clone();
        Int128Chunked::from_iter_options(
            name,
            wide.iter().map(|value| value.and_then(|v| within(v.checked_mul(factor)?))),
        )
    } else {
        let texts = values.cast(&DataType::String).ok()?;
        let texts = texts.str().ok()?.clone();
        let read = |text: &str| cpl_csv::money(text.as_bytes(), shift).and_then(|(amount, _)| within(amount));
        Int128Chunked::from_iter_options(name, texts.iter().map(|text| text.and_then(read)))
    };
    Some(millionths.into_decimal(PRECISION, MONEY_SCALE).ok()?.into_column())
}

fn within(millionths: i128) -> Option<i128> {
    (millionths.abs() <= 1_000_000_000_000_000_000_000).then_some(millionths)
}

fn scaled_moments(values: &pl::Column, factor: i64) -> Option<pl::Column> {
    let wide = values.cast(&DataType::Int64).ok()?;
    let micros = wide.i64().ok()?.iter().map(|value| value.and_then(|v| v.checked_mul(factor)));
    pl::Int64Chunked::from_iter_options(values.name().clone(), micros)
        .into_column()
        .cast(&data_type(Type::Datetime))
        .ok()
}

/// Moments in microseconds of UTC; clock times without a zone are in `zone`.
fn moments(values: &pl::Column, zone: &jiff::tz::TimeZone) -> Option<pl::Column> {
    let utc = data_type(Type::Datetime);
    if matches!(values.dtype(), DataType::Datetime(_, Some(_))) {
        return values.cast(&utc).ok();
    }
    let naive = values.cast(&DataType::Datetime(pl::TimeUnit::Microseconds, None)).ok()?.cast(&DataType::Int64).ok()?;
    let micros = naive.i64().ok()?.iter().map(|value| value.and_then(|v| local(v, zone)));
    pl::Int64Chunked::from_iter_options(values.name().clone(), micros).into_column().cast(&utc).ok()
}

/// The moment of a clock time: the first of two, none in a gap.
fn local(micros: i64, zone: &jiff::tz::TimeZone) -> Option<i64> {
    let clock = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).ok()?);
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Gap { .. } => None,
        _ => ambiguous.earlier().ok().map(jiff::Timestamp::as_microsecond),
    }
}

/// Reads again, file by file and column by column, to tell which value did not fit.
pub fn find(fetch: &Fetch, files: &[PathBuf], columns: &[FetchColumn]) -> Option<Trouble> {
    for file in files {
        for column in columns {
            let values = scan(file, fetch).ok()?.frame.select([pl::col(column.header.as_str())]).collect().ok()?;
            let values = values.column(&column.header).ok()?;
            if let Err(at) = convert(values, column) {
                let value =
                    values.get(at).ok().filter(|value| !value.is_null()).map(|value| value.str_value().into_owned());
                let place = Place { row: at as u64 + 1, line: 0 };
                let wanted = csv::field(column).form.wanted();
                let name = explain::called(file);
                return Some(vec![explain::bad_value(&name, place, value.as_deref(), &wanted, Some(column), fetch)]);
            }
        }
    }
    None
}
