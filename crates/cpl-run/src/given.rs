//! The rows that a test gives: a source like any other.

use std::{collections::BTreeMap, ops::ControlFlow};

use std::sync::Arc;

use cpl_batch::{Batch, BatchSink, Column, Field, ReadError, Source, SourceStats, ValueFormat};
use cpl_exec::{Cause, ExecError, Input, Inputs, ScanRequest, SourceError};
use cpl_model::{
    program::{self, Cell, Fetch, Given, Program, Table, TableId},
    types::Type,
    value::Value,
};
use jiff::tz::TimeZone;

use crate::{
    RunContext, RunError,
    error::{GivenCause, GivenError},
};

/// Rows of fetches by the names of their columns; a fetch that is not given is empty.
pub struct GivenInputs(BTreeMap<String, Rows>);

struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl GivenInputs {
    /// The rows that a test gives.
    pub fn of(given: &[Given], program: &Program, context: &RunContext<'_>) -> Result<Self, RunError> {
        let mut all = BTreeMap::new();
        for one in given {
            let table = program.table(one.table);
            let (columns, rows) = match &one.rows {
                program::GivenRows::Written(columns, rows) => (columns.clone(), rows.clone()),
                program::GivenRows::File(path) => of_file(path, one, table, program, context)?,
            };
            all.insert(table.name.clone(), Rows { columns, rows });
        }
        Ok(Self(all))
    }

    /// The fetches that are given.
    pub fn tables(given: &[Given]) -> std::collections::BTreeSet<TableId> {
        given.iter().map(|one| one.table).collect()
    }
}

impl Inputs for GivenInputs {
    fn open<'a>(&'a self, request: ScanRequest<'_>) -> Result<Input<'a>, ExecError> {
        let rows = self.0.get(&request.table.name);
        let columns = request.columns.iter().map(|column| {
            let at = rows.and_then(|rows| rows.columns.iter().position(|name| *name == column.name));
            let value = |row: &Vec<Value>| at.map_or(Value::Unknown, |at| row[at].clone());
            let ty = request.table.column(&column.name).map_or(Type::Text, |column| column.ty);
            typed(&column.name, ty, rows.iter().flat_map(|rows| &rows.rows).map(value), request.fetch)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let batch = Batch { rows: rows.map_or(0, |rows| rows.rows.len()), columns, bad: Vec::new() };
        Ok(Input::Given(Box::new(OneBatch(Some(batch)))))
    }
}

/// A source of one batch.
struct OneBatch(Option<Batch>);

impl Source for OneBatch {
    fn start(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let Some(batch) = self.0.take() else { return Ok(SourceStats::default()) };
        let rows = batch.rows as u64;
        if let ControlFlow::Break(()) = sink("given rows", batch) {
            return Ok(SourceStats::default());
        }
        Ok(SourceStats { rows, ..SourceStats::default() })
    }
}

/// Values as a column, by their raw texts.
fn typed(name: &str, ty: Type, values: impl Iterator<Item = Value>, fetch: &Fetch) -> Result<Column, Box<SourceError>> {
    let format = match ty {
        Type::Text | Type::Personal => ValueFormat::Text,
        Type::Bool => ValueFormat::Bool,
        Type::Count => ValueFormat::Whole { negative: false },
        Type::Integer => ValueFormat::Whole { negative: true },
        Type::Number | Type::Ratio => ValueFormat::Float,
        Type::Money(_) => ValueFormat::Money { shift: 0, signs: Arc::default() },
        Type::Date => ValueFormat::Date(None),
        Type::Datetime => ValueFormat::Datetime(None, TimeZone::UTC),
        Type::Weekday => ValueFormat::Weekday,
        Type::Duration => unreachable!("no file holds lengths of time"),
    };
    let field = Field::new(name, format, true);
    let texts: Vec<Option<String>> = values.map(|value| (!value.is_unknown()).then(|| value.raw())).collect();
    Column::of_texts(texts.iter().map(Option::as_deref), &field).map_err(|at| {
        let (column, value) = (name.to_owned(), texts[at].clone().unwrap_or_default());
        SourceError::of(fetch, Cause::GivenValue { column, value, wanted: field.format.wanted() })
    })
}

/// The names and rows of a CSV file; cells are written as in a table.
fn of_file(
    path: &str,
    given: &Given,
    table: &Table,
    program: &Program,
    context: &RunContext<'_>,
) -> Result<(Vec<String>, Vec<Vec<Value>>), RunError> {
    let wrong = |cause: GivenCause| RunError::Given(GivenError { at: given.span, path: path.to_owned(), cause });
    let unreadable = |error: csv::Error| wrong(GivenCause::Unreadable(error));
    let mut reader = csv::Reader::from_path(context.folder.join(path)).map_err(unreadable)?;
    let names: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_owned).collect();
    let mut types = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(wrong(GivenCause::ColumnTwice(name.clone())));
        }
        let missing = || wrong(GivenCause::NoColumn { table: table.name.clone(), column: name.clone() });
        types.push(table.column(name).ok_or_else(missing)?.ty);
    }
    let mut all = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let mut values = Vec::new();
        for ((text, ty), name) in record.map_err(unreadable)?.iter().zip(&types).zip(&names) {
            let cell = Cell::of(text, *ty, &program.timezone);
            let bad = || wrong(GivenCause::Value { row: at + 1, column: name.clone(), value: text.to_owned() });
            values.push(cell.ok_or_else(bad)?.value);
        }
        all.push(values);
    }
    Ok((names, all))
}
