//! The rows of a table that is shown: they stay the engine's, and are decoded as they are looked at.

use std::io::Write;

use cpl_model::{program::Day, types::Type, value::Value};
use cpl_plan::{bind::BoundPlan, query::QueryKind};
use cpl_syntax::Span;
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, IntoColumn, NewChunkedArray, ParquetWriter};

use crate::{
    engine::{classify, decode_rows},
    error::ExecError,
};

/// The rows of a table.
pub struct TableRows {
    /// Its columns and their types.
    pub columns: Vec<(String, Type)>,
    frame: pl::DataFrame,
    zone: TimeZone,
    span: Span,
}

impl TableRows {
    pub(crate) fn of(plan: &BoundPlan, frame: pl::DataFrame) -> Self {
        let shown = plan.queries().iter().find_map(|query| match &query.kind {
            QueryKind::Table { columns, .. } => Some((columns.clone(), query.span)),
            _ => None,
        });
        let (columns, span) = shown.unwrap_or_default();
        Self { columns, frame, zone: plan.program().timezone.clone(), span }
    }

    /// How many rows it has.
    #[must_use]
    pub fn height(&self) -> usize {
        self.frame.height()
    }

    /// Rows from `start`, at most `length`.
    ///
    /// # Errors
    /// An amount that is too large, or a date outside the calendar.
    pub fn rows(&self, start: usize, length: usize) -> Result<Vec<Vec<Value>>, ExecError> {
        let types: Vec<Type> = self.columns.iter().map(|(_, ty)| *ty).collect();
        let start = i64::try_from(start).unwrap_or(i64::MAX);
        decode_rows(&self.frame.slice(start, length), &types, &self.zone).map_err(|error| error.computed_for(self.span))
    }
}

/// A column of days of the week by their names.
fn weekdays(frame: &pl::DataFrame, name: &str) -> pl::PolarsResult<pl::Column> {
    let numbers = frame.column(name)?.i32()?;
    let word = |number: i32| Some(Day::ALL.get(usize::try_from(number - 1).ok()?)?.word());
    let words = numbers.iter().map(|number| number.and_then(word));
    Ok(pl::StringChunked::from_iter_options(name.into(), words).into_column())
}

/// Writes the table's first rows as Parquet; moments bear the zone UTC.
///
/// # Errors
/// Where it can't be written.
pub fn write_parquet(table: &TableRows, length: usize, out: impl Write) -> Result<(), ExecError> {
    let mut frame = table.frame.head(Some(length));
    for (name, ty) in &table.columns {
        let column = match ty {
            Type::Weekday => weekdays(&frame, name).map_err(classify)?,
            Type::Datetime => {
                let utc = pl::DataType::Datetime(pl::TimeUnit::Microseconds, Some(pl::TimeZone::UTC));
                frame.column(name).and_then(|moments| moments.cast(&utc)).map_err(classify)?
            }
            _ => continue,
        };
        frame.with_column(column).map_err(classify)?;
    }
    let written = ParquetWriter::new(out).finish(&mut frame);
    written.map(drop).map_err(|error| ExecError::TableNotWritten(error.to_string()))
}
