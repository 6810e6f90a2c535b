//! Checks of tables: a broken one holds every decision and silences every alert that depends on the table.

use cpl_model::{
    clock::Clock,
    program::{self, CheckKind, Periods, Program, Table},
    report::Check,
    value::Value,
};
use jiff::Span;

/// What the answer to a check's query says of the table.
pub fn outcome(check: &program::Check, table: &Table, rows: &[Vec<Value>], program: &Program, clock: &Clock) -> Check {
    let found = || rows.first().and_then(|row| row.first()).cloned().unwrap_or(Value::Unknown);
    let (written, broken, text) = match &check.kind {
        CheckKind::Key(columns) => {
            let (broken, text) = match rows.first() {
                None => (false, "each once".to_owned()),
                Some(duplicate) => (true, shared_key(table, duplicate)),
            };
            (format!("key {}", columns.join(", ")), broken, text)
        }
        CheckKind::Fresh(column, micros) => {
            let newest = found();
            let text = match &newest {
                Value::Unknown => format!("{} has no row with a known {column}", table.name),
                newest => format!("the newest {column} of {} is {newest}", table.name),
            };
            let written = format!("fresh {column} within {}", Value::Duration(*micros));
            (written, !is_fresh(&newest, *micros, clock), text)
        }
        CheckKind::Expect(_) => {
            let (broken, text) = expected(&found(), table);
            (format!("expect {}", program.written(check.span)), broken, text)
        }
        CheckKind::NoGaps(periods) => {
            let (broken, text) = match rows.first() {
                None => (false, format!("each {} is there", periods.grain.word())),
                Some(gap) => (true, first_gap(table, periods, gap)),
            };
            (program.written(check.span), broken, text)
        }
    };
    let of_age = matches!(check.kind, CheckKind::Fresh(..));
    Check { table: table.name.clone(), check: written, broken, text, of_age }
}

/// Of the whole table the expectation's truth; of its rows how many it is not true of.
fn expected(found: &Value, table: &Table) -> (bool, String) {
    let name = &table.name;
    match found {
        Value::Bool(true) => (false, "true".to_owned()),
        Value::Bool(false) => (true, format!("false for {name}")),
        Value::Integer(0) => (false, "true in each row".to_owned()),
        Value::Integer(1) => (true, format!("not true in 1 row of {name}")),
        Value::Integer(rows) => (true, format!("not true in {rows} rows of {name}")),
        _ => (true, format!("unknown for {name}")),
    }
}

/// Whether the newest value is no older than `micros` before `now`.
fn is_fresh(newest: &Value, micros: i64, clock: &Clock) -> bool {
    let Ok(oldest) = clock.now.checked_sub(Span::new().microseconds(micros)) else { return false };
    match newest {
        // A date counts as its whole day: it ends where the next begins.
        Value::Date(date) => date.tomorrow().is_ok_and(|end| end.at(0, 0, 0, 0) >= oldest.datetime()),
        Value::Datetime(moment, _) => *moment >= oldest.timestamp(),
        _ => false,
    }
}

/// The key that several rows share, and how many rows that are.
fn shared_key(table: &Table, duplicate: &[Value]) -> String {
    let (key, rows) = split_count(duplicate);
    let key: Vec<String> = key.iter().map(ToString::to_string).collect();
    format!("{rows} rows of {} are {}", table.name, key.join(", "))
}

fn split_count(duplicate: &[Value]) -> (&[Value], i64) {
    match duplicate.split_last() {
        Some((Value::Integer(rows), key)) => (key, *rows),
        _ => (duplicate, 0),
    }
}

/// The first gap of a series, in words.
fn first_gap(table: &Table, periods: &Periods, gap: &[Value]) -> String {
    let (series, [after, before, gaps]) = gap.split_at(periods.series.len()) else {
        unreachable!("a gap has two ends, and the number of gaps")
    };
    let of: Vec<String> = series.iter().map(ToString::to_string).collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", of.join(", ")) };
    let more = match gaps {
        Value::Integer(2..) => format!("; {gaps} such gaps"),
        _ => String::new(),
    };
    format!("{} has no {} between {before} and {after}{of}{more}", table.name, periods.grain.word())
}
