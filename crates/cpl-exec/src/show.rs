//! `show`: one table, whole.

use std::io::Write;

use cpl_plan::{
    plan::Plan,
    program::{Day, TableId},
    report::{Check, Source},
    types::Type,
    value::Value,
};
use cpl_syntax::{Code, Diagnostic, Span};
use polars::prelude::{self as pl, IntoColumn, NewChunkedArray, ParquetWriter};

use crate::{
    World,
    batch::Batches,
    frames::sorted_by,
    rows::rows,
    trouble::{self, Trouble},
};

/// A table's rows.
pub struct Shown {
    /// Its columns and their types.
    pub columns: Vec<(String, Type)>,
    /// Its key, where it has one.
    pub key: Option<Vec<String>>,
    /// What was read of each fetch it is made of.
    pub sources: Vec<Source>,
    /// Broken checks of the tables it is made of.
    pub broken: Vec<Check>,
    frame: pl::DataFrame,
    zone: jiff::tz::TimeZone,
    place: Span,
}

/// Makes one table of the plan: sorted by its key where it has one, else in its own order.
///
/// # Errors
/// What kept it from being made.
pub fn show(plan: &Plan, id: TableId, world: &World<'_>) -> Result<Shown, Trouble> {
    let found = Batches::new(plan, world).run()?;
    let table = plan.program.table(id);
    let Some(frame) = found.shown else { unreachable!("the plan shows a table") };
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let frame = sorted_by(frame, table).map_err(trouble::engine)?.select(names).map_err(trouble::engine)?;
    let columns = table.columns.iter().map(|column| (column.name.clone(), column.ty)).collect();
    let sources = found.sources.into_values().collect();
    let broken = found.checks.into_iter().map(|(_, check)| check).filter(|check| check.broken).collect();
    Ok(Shown {
        columns,
        key: table.key.clone(),
        sources,
        broken,
        frame,
        zone: plan.program.timezone.clone(),
        place: table.span,
    })
}

impl Shown {
    /// How many rows it has.
    #[must_use]
    pub fn height(&self) -> usize {
        self.frame.height()
    }

    /// Rows from `start`, at most `length`.
    ///
    /// # Errors
    /// Where an amount is too large to be told.
    pub fn rows(&self, start: usize, length: usize) -> Result<Vec<Vec<Value>>, Trouble> {
        let types: Vec<Type> = self.columns.iter().map(|(_, ty)| *ty).collect();
        let start = i64::try_from(start).unwrap_or(i64::MAX);
        rows(&self.frame.slice(start, length), &types, &self.zone)
            .map_err(|told| trouble::computed_for(told, self.place))
    }
}

/// A column of days of the week by their names.
fn weekdays(frame: &pl::DataFrame, name: &str) -> pl::PolarsResult<pl::Column> {
    let numbers = frame.column(name)?.i32()?;
    let word = |number: i32| Some(Day::ALL.get(usize::try_from(number - 1).ok()?)?.word());
    let words = numbers.iter().map(|number| number.and_then(word));
    Ok(pl::StringChunked::from_iter_options(name.into(), words).into_column())
}

/// Writes the table's first rows as Parquet.
///
/// # Errors
/// Where it can't be written.
pub fn write_parquet(shown: &Shown, length: usize, out: impl Write) -> Result<(), Trouble> {
    let mut frame = shown.frame.head(Some(length));
    for (name, _) in shown.columns.iter().filter(|(_, ty)| *ty == Type::Weekday) {
        let days = weekdays(&frame, name).map_err(trouble::engine)?;
        frame.with_column(days).map_err(trouble::engine)?;
    }
    let written = ParquetWriter::new(out).finish(&mut frame);
    written
        .map(drop)
        .map_err(|error| vec![Diagnostic::new(Code::E1102, format!("the table can't be written: {error}"))])
}
