//! `show`: one table, whole.

use std::io::Write;

use cpl_plan::{plan::Plan, program::TableId, types::Type, value::Value};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{self as pl, ParquetWriter};

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
    frame: pl::DataFrame,
    zone: jiff::tz::TimeZone,
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
    Ok(Shown { columns, frame, zone: plan.program.timezone.clone() })
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
    }
}

/// Writes the table as Parquet.
///
/// # Errors
/// Where it can't be written.
pub fn write_parquet(shown: &Shown, out: impl Write) -> Result<(), Trouble> {
    let mut frame = shown.frame.clone();
    let written = ParquetWriter::new(out).finish(&mut frame);
    written
        .map(drop)
        .map_err(|error| vec![Diagnostic::new(Code::E1102, format!("the table can't be written: {error}"))])
}
