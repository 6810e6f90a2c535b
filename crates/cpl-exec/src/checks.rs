//! Checks on tables: what is broken holds what depends on it, and is told.

use cpl_plan::{program::Table, report::Check, value::Value};
use jiff::Span;

use crate::World;

/// Whether a key is unique: `duplicate` is the first key that several rows have, and how many.
pub fn key(table: &Table, columns: &[String], duplicate: Option<(Vec<Value>, i64)>) -> Check {
    let check = format!("key {}", columns.join(", "));
    let (broken, text) = match duplicate {
        None => (false, "each once".to_owned()),
        Some((key, rows)) => {
            let key: Vec<String> = key.iter().map(ToString::to_string).collect();
            (true, format!("{rows} rows of {} are {}", table.name, key.join(", ")))
        }
    };
    Check { table: table.name.clone(), check, broken, text }
}

/// Whether the newest value is no older than `micros` before `now`.
pub fn fresh(table: &Table, column: &str, micros: i64, newest: &Value, world: &World<'_>) -> Check {
    let within = Value::Duration(micros);
    let check = format!("fresh {column} within {within}");
    let oldest = world.clock.now.checked_sub(Span::new().microseconds(micros)).ok();
    let broken = match (newest, &oldest) {
        // A date counts as its whole day: it ends where the next begins.
        (Value::Date(date), Some(oldest)) => date.tomorrow().is_ok_and(|end| end.at(0, 0, 0, 0) < oldest.datetime()),
        (Value::Datetime(moment, _), Some(oldest)) => *moment < oldest.timestamp(),
        _ => true,
    };
    let text = match newest {
        Value::Unknown => format!("{} has no rows", table.name),
        newest => format!("the newest {column} of {} is {newest}", table.name),
    };
    Check { table: table.name.clone(), check, broken, text }
}
