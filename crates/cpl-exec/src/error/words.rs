//! What messages about files call places and values.

use std::time::Duration;

use cpl_batch::Place;
use cpl_model::{
    program::{Fetch, FetchColumn},
    value::Value,
};
use cpl_syntax::Span;

/// `row 900001 (line 900002)`; a file without lines has only rows; what stands before the first row is the header.
pub fn row(place: Place) -> String {
    match place {
        Place { row: 0, .. } => "the header".to_owned(),
        Place { row, line: 0 } => format!("row {row}"),
        Place { row, line } => format!("row {row} (line {line})"),
    }
}

/// Where a column is declared, if it is known.
pub fn column_span(column: Option<&FetchColumn>, fetch: &Fetch) -> Span {
    column.map_or(fetch.path_span, |column| column.span)
}

/// A bad value as the report would show it.
pub fn shown(value: &str) -> String {
    Value::Text(value.to_owned()).to_string()
}

/// In the largest unit in which it is whole.
pub fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => counted(seconds / 3600, "hour"),
        seconds if seconds % 60 == 0 => counted(seconds / 60, "minute"),
        seconds => counted(seconds, "second"),
    }
}

/// So many of something: `3 minutes`.
pub fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
