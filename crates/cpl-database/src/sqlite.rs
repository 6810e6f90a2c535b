//! SQLite: each value has a type of its own, whatever its column is declared to be.

use std::sync::OnceLock;

use cpl_batch::{Cell, DatabaseProblem, Problem};
use rusqlite::{Connection, InterruptHandle, OpenFlags, params_from_iter, types::ValueRef};

use crate::{
    address::At,
    query::ParameterType,
    read::{Found, Read, Sink},
    rows::{ResultColumn, Rows},
};

/// The rows of a query of a file, which is opened to be read.
pub fn rows(read: &Read, sink: &Sink, interrupt: &OnceLock<InterruptHandle>) -> Result<Found, Problem> {
    // It has no moments, and its texts no zone.
    if read.query.has_moment() {
        return Err(Problem::Database(DatabaseProblem::Zone { zone: read.zone.clone() }));
    }
    let At::Sqlite(file) = &read.database.at else { unreachable!("it is no file") };
    if !file.is_file() {
        let why = if file.exists() { "it is no file" } else { "there is no such file" };
        return Err(Problem::Database(DatabaseProblem::Unreachable { why: why.to_owned() }));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| problem(&error))?;
    let _set_once = interrupt.set(connection.get_interrupt_handle());
    let wrong = |error: rusqlite::Error| problem(&error);
    let mut statement = connection.prepare(&read.query.statement(place)).map_err(wrong)?;
    let columns = statement.column_names().map(|name| ResultColumn { name: name.to_owned(), refused: None });
    let mut rows = Rows::of(&read.fields, read.skip_bad, &columns.collect::<Vec<_>>())?;
    let mut found = statement.query(params_from_iter(read.query.texts())).map_err(wrong)?;
    while let Some(row) = found.next().map_err(wrong)? {
        let full = rows.add(|at| row.get_ref(at).map_or_else(|error| Cell::Bad(error.to_string()), cell))?;
        if sink.hand_blocking(full).is_err() {
            return Ok(Found::default());
        }
    }
    let (last, columns) = rows.end();
    let _nobody_waits = sink.hand_blocking(Some(last));
    Ok(Found { columns })
}

/// What stands for a parameter.
fn place(number: usize, ty: ParameterType) -> String {
    match ty {
        ParameterType::Text | ParameterType::Date | ParameterType::Moment => format!("?{number}"),
        ParameterType::Whole | ParameterType::Truth => format!("cast(?{number} as integer)"),
        ParameterType::Decimal(_) => format!("cast(?{number} as numeric)"),
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    let number = |digits: String| Cell::Number(digits.into());
    match value {
        ValueRef::Null => Cell::Text("".into()),
        ValueRef::Integer(value) => number(value.to_string()),
        ValueRef::Real(value) => number(value.to_string()),
        ValueRef::Text(bytes) => Cell::of_bytes(bytes.into()),
        ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text.into()),
            Err(_) => Cell::Bad("bytes that are no text".to_owned()),
        },
    }
}

fn problem(error: &rusqlite::Error) -> Problem {
    Problem::Database(match error {
        rusqlite::Error::SqliteFailure(of, message) => {
            DatabaseProblem::Refused { code: None, message: message.clone().unwrap_or_else(|| of.to_string()) }
        }
        rusqlite::Error::SqlInputError { msg, .. } => DatabaseProblem::Refused { code: None, message: msg.clone() },
        other => DatabaseProblem::Refused { code: None, message: other.to_string() },
    })
}
