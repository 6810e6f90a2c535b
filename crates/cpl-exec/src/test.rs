//! `test` blocks: a pipeline on given rows, with no fetch and no effect; what was expected and did not come.

use std::collections::BTreeMap;

use cpl_csv::{Column, Field, Form};
use cpl_plan::{
    Purpose, not_yet,
    plan::Plan,
    program::{self, Cell, Expected, ExpectedKind, Given, Program, Table, TableId, Test},
    program_to_plan,
    report::{Alert, Decision, RunReport, State},
    same,
    types::Type,
    value::Value,
};
use cpl_syntax::{Code, Diagnostic, Span, tree::RowState};
use jiff::tz::TimeZone;
use polars::prelude as pl;

use crate::{
    World,
    batch::{Batches, GivenRows},
    fetch::engine_column,
    rows::rows,
    run::on_given,
    trouble::{self, Trouble},
};

/// Something expected that did not come.
pub struct Failed {
    /// Where it is expected.
    pub span: Span,
    /// What.
    pub message: String,
    /// What came in its place, line by line.
    pub found: Vec<String>,
}

/// Runs a test; what of it failed. The world's clock is the test's.
///
/// # Errors
/// What keeps the pipeline from being run on those rows.
pub fn test(program: &Program, test: &Test, world: &World<'_>) -> Result<Vec<Failed>, Trouble> {
    if !test.past.is_empty() {
        return Err(test.past.iter().map(|at| not_yet("past decisions of a rule in a test", *at)).collect());
    }
    let given = test.given.iter().map(|given| Ok((given.table, frame(given, program, world)?)));
    let given = given.collect::<Result<GivenRows, Trouble>>()?;
    let (plan, _) = program_to_plan(program.clone(), Purpose::Run);
    let report = on_given(&plan, world, &given)?;
    let mut failed = Vec::new();
    for expected in &test.expect {
        failed.extend(match &expected.kind {
            ExpectedKind::Table(id, columns, wanted) => table(expected, *id, columns, wanted, program, world, &given)?,
            _ => rule(expected, &report),
        });
    }
    Ok(failed)
}

/// Given rows as a frame of all the table's columns; those that are not given are unknown.
fn frame(given: &Given, program: &Program, world: &World<'_>) -> Result<pl::DataFrame, Trouble> {
    let table = program.table(given.table);
    let (names, rows) = match &given.rows {
        program::GivenRows::Written(names, rows) => (names.clone(), rows.clone()),
        program::GivenRows::File(path) => of_file(path, given, table, program, world)?,
    };
    let columns = table.columns.iter().map(|column| {
        let at = names.iter().position(|name| *name == column.name);
        let value = |row: &Vec<Value>| at.map_or(Value::Unknown, |at| row[at].clone());
        typed(&column.name, column.ty, rows.iter().map(value))
    });
    pl::DataFrame::new(rows.len(), columns.collect::<Result<_, Trouble>>()?).map_err(trouble::engine)
}

/// A table without rows.
pub fn no_rows(table: &Table) -> Result<pl::DataFrame, Trouble> {
    let columns = table.columns.iter().map(|column| typed(&column.name, column.ty, std::iter::empty()));
    pl::DataFrame::new(0, columns.collect::<Result<_, Trouble>>()?).map_err(trouble::engine)
}

/// Values as a column of the engine, by their raw texts.
fn typed(name: &str, ty: Type, values: impl Iterator<Item = Value>) -> Result<pl::Column, Trouble> {
    let form = match ty {
        Type::Text => Form::Text,
        Type::Bool => Form::Bool,
        Type::Count => Form::Whole { negative: false },
        Type::Integer => Form::Whole { negative: true },
        Type::Number | Type::Ratio => Form::Float,
        Type::Money(_) => Form::Money { shift: 0 },
        Type::Date => Form::Date(None),
        Type::Datetime => Form::Datetime(None, TimeZone::UTC),
        Type::Weekday => Form::Weekday,
        Type::Duration => unreachable!("no file holds lengths of time"),
    };
    let field = Field { header: name.to_owned(), form, optional: true, inside: None };
    let texts: Vec<Option<String>> = values.map(|value| (!value.is_unknown()).then(|| value.raw())).collect();
    let column = Column::of_texts(texts.iter().map(Option::as_deref), &field);
    let column = column.map_err(|at| {
        let value = texts[at].clone().unwrap_or_default();
        let told = format!("`{value}` is no value of `{name}`: wanted {}", field.form.wanted());
        vec![Diagnostic::new(Code::E1005, told).help("given rows hold what a file could")]
    })?;
    engine_column(column, name).map_err(trouble::engine)
}

/// The names and rows of a CSV file; cells are written as in a table.
fn of_file(
    path: &str,
    given: &Given,
    table: &Table,
    program: &Program,
    world: &World<'_>,
) -> Result<(Vec<String>, Vec<Vec<Value>>), Trouble> {
    let wrong = |code: Code, told: String| vec![Diagnostic::new(code, told).at(given.span, "its rows stand there")];
    let unreadable = |error: csv::Error| wrong(Code::E1002, format!("{path} can't be read: {error}"));
    let mut reader = csv::Reader::from_path(world.folder.join(path)).map_err(unreadable)?;
    let names: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_owned).collect();
    let mut types = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(wrong(Code::E1004, format!("{path}: there are two columns named `{name}`")));
        }
        let column = table.column(name);
        let missing = || wrong(Code::E1003, format!("{path}: `{}` has no column named `{name}`", table.shown_name()));
        types.push(column.ok_or_else(missing)?.ty);
    }
    let mut all = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let mut values = Vec::new();
        for ((text, ty), name) in record.map_err(unreadable)?.iter().zip(&types).zip(&names) {
            let cell = Cell::of(text, *ty, &program.timezone);
            let bad = || wrong(Code::E1005, format!("{path}, row {}: `{text}` is no value of `{name}`", row + 1));
            values.push(cell.ok_or_else(bad)?.value);
        }
        all.push(values);
    }
    Ok((names, all))
}

/// What a rule did with a row.
enum Row<'r> {
    Decided(&'r Decision),
    Alerted(&'r Alert),
}

impl Row<'_> {
    fn state(&self) -> State {
        match self {
            Self::Decided(decision) => decision.state,
            Self::Alerted(alert) => alert.state,
        }
    }

    fn key(&self) -> &[(String, Value)] {
        match self {
            Self::Decided(decision) => &decision.key.0,
            Self::Alerted(alert) => &alert.key.0,
        }
    }

    /// `this is not so: cac $51.20 < $47`.
    fn told(&self) -> String {
        let word = match self.state() {
            State::Fires => "it fires",
            State::Held => "it is held",
            State::Undecided => "it is undecided",
            State::Suppressed => "it is not told",
            State::Quiet => "this is not so",
        };
        let why = match self {
            Self::Decided(Decision { reason: Some(reason), .. }) => reason.clone(),
            Self::Decided(decision) => decision.conditions.join(", "),
            Self::Alerted(alert) => alert.text.clone(),
        };
        if why.is_empty() { word.to_owned() } else { format!("{word}: {why}") }
    }
}

fn shown(key: &[(String, Value)]) -> String {
    key.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(", ")
}

/// Whether a rule did what was expected.
fn rule(expected: &Expected, report: &RunReport) -> Option<Failed> {
    let (name, key) = match &expected.kind {
        ExpectedKind::Fires(name, key, _) | ExpectedKind::Is(_, name, key) => (name, Some(key)),
        ExpectedKind::Not(name, key) => (name, key.as_ref()),
        ExpectedKind::Table(..) => return None,
    };
    let decided = report.decisions.iter().filter(|row| row.rule == *name).map(Row::Decided);
    let alerted = report.alerts.iter().filter(|row| row.alert == *name).map(Row::Alerted);
    let all: Vec<Row<'_>> = decided.chain(alerted).collect();
    let named = |row: &&Row<'_>| {
        key.is_none_or(|key| row.key().iter().zip(key).all(|((_, found), wanted)| same(wanted, found)))
    };
    let rows: Vec<&Row<'_>> = all.iter().filter(named).collect();
    let of = key.map(|key| key.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let of = of.filter(|key| !key.is_empty()).map_or(String::new(), |key| format!(" for {key}"));
    let fail = |message: String, found: Vec<String>| Some(Failed { span: expected.span, message, found });
    let elsewhere = || {
        let others: Vec<String> = all.iter().map(|row| format!("{}: {}", shown(row.key()), row.told())).collect();
        match others.is_empty() {
            false => others,
            true if report.quiet.contains_key(name) => vec!["its table has no rows".to_owned()],
            true => vec!["it is not looked at on that day".to_owned()],
        }
    };
    match &expected.kind {
        ExpectedKind::Not(..) => {
            let fires: Vec<String> = rows
                .iter()
                .filter(|row| row.state() == State::Fires)
                .map(|row| format!("{}: {}", shown(row.key()), row.told()))
                .collect();
            if fires.is_empty() { None } else { fail(format!("`{name}` fires{of}"), fires) }
        }
        ExpectedKind::Is(state, ..) => {
            let (wanted, word) = match state {
                RowState::Held => (State::Held, "held"),
                RowState::Undecided => (State::Undecided, "undecided"),
            };
            match rows.first() {
                Some(row) if row.state() == wanted => None,
                // An alert whose data is broken is not told.
                Some(row) if row.state() == State::Suppressed && wanted == State::Held => None,
                Some(row) => fail(format!("`{name}` is not {word}{of}"), vec![row.told()]),
                None => fail(format!("`{name}` has no row{of}"), elsewhere()),
            }
        }
        ExpectedKind::Fires(_, _, with) => match rows.first() {
            None => fail(format!("`{name}` has no row{of}"), elsewhere()),
            Some(row) if row.state() != State::Fires => fail(format!("`{name}` does not fire{of}"), vec![row.told()]),
            Some(row) => {
                let wrong = wrong_values(row, with);
                if wrong.is_empty() { None } else { fail(format!("`{name}` fires{of} with other values"), wrong) }
            }
        },
        ExpectedKind::Table(..) => None,
    }
}

/// Values that a firing row has otherwise than expected.
fn wrong_values(row: &Row<'_>, with: &[(String, Value)]) -> Vec<String> {
    let Row::Decided(decision) = row else { return Vec::new() };
    let mut wrong = Vec::new();
    for (name, wanted) in with {
        let changed = decision.changes.iter().filter(|change| change.column.as_ref() == Some(name));
        let passed = decision.changes.iter().flat_map(|change| &change.arguments.0);
        let passed = passed.filter(|(argument, _)| argument == name).map(|(_, value)| value);
        let found: Vec<&Value> = changed.map(|change| &change.to).chain(passed).collect();
        if !found.iter().any(|found| same(wanted, found)) {
            let found = found.first().map_or("nothing".to_owned(), |found| found.exact());
            wrong.push(format!("{name} is {found}, and {} was expected", wanted.exact()));
        }
    }
    // How guards shortened it explains a value that is another than expected.
    let shortened = decision.reason.clone().filter(|_| !wrong.is_empty());
    wrong.extend(shortened);
    wrong
}

/// Whether a table has the expected rows, and no others.
fn table(
    expected: &Expected,
    id: TableId,
    columns: &[String],
    wanted: &[Vec<Cell>],
    program: &Program,
    world: &World<'_>,
    given: &GivenRows,
) -> Result<Option<Failed>, Trouble> {
    let (plan, _) = program_to_plan(program.clone(), Purpose::Show(id));
    let mut found = made(&plan, id, columns, world, given)?;
    let mut missing = Vec::new();
    for row in wanted {
        let fits = |found: &Vec<Value>| row.iter().zip(found).all(|(cell, value)| cell.is(value));
        match found.iter().position(fits) {
            Some(at) => drop(found.remove(at)),
            None => missing.push(row),
        }
    }
    if missing.is_empty() && found.is_empty() {
        return Ok(None);
    }
    let mut lines = vec![(' ', columns.to_vec())];
    lines.extend(missing.iter().map(|cells| ('-', cells.iter().map(|cell| cell.text.clone()).collect())));
    lines.extend(found.iter().map(|values| ('+', values.iter().map(Value::exact).collect())));
    let name = program.table(id).shown_name();
    let message = format!("`{name}` has other rows: - is expected, + is there");
    Ok(Some(Failed { span: expected.span, message, found: aligned(&lines) }))
}

/// Signs and cells as the rows of a table.
fn aligned(lines: &[(char, Vec<String>)]) -> Vec<String> {
    let columns = lines.first().map_or(0, |(_, cells)| cells.len());
    let width = |at: usize| lines.iter().map(|(_, cells)| cells[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let row = |(sign, cells): &(char, Vec<String>)| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{sign} | {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    lines.iter().map(row).collect()
}

fn made(
    plan: &Plan,
    id: TableId,
    columns: &[String],
    world: &World<'_>,
    given: &BTreeMap<TableId, pl::DataFrame>,
) -> Result<Vec<Vec<Value>>, Trouble> {
    let found = Batches::on(plan, world, given).run()?;
    let frame = found.shown.unwrap_or_default();
    let frame = frame.select(columns.iter().map(String::as_str)).map_err(trouble::engine)?;
    let table = plan.program.table(id);
    let types: Vec<Type> = columns.iter().filter_map(|name| Some(table.column(name)?.ty)).collect();
    rows(&frame, &types, &plan.program.timezone)
}
