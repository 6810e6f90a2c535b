//! A table of values as text, CSV and JSON.

use comfy_table::{CellAlignment, Table, TableStyle};
use cpl_model::{types::Type, value::Value};
use serde_json::{Map, Value as Json};

/// Columns without lines, with their types in the header; amounts are right-aligned.
#[must_use]
pub fn text(columns: &[(String, Type)], rows: &[Vec<Value>]) -> String {
    let right: Vec<bool> = columns.iter().map(|(_, ty)| ty.is_amount()).collect();
    let header = columns.iter().map(|(name, ty)| format!("{name}\n{}", ty.word())).collect();
    let cells = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect::<Vec<_>>();
    lines(header, &cells, &right).join("\n")
}

/// The lines of a table; `right` says which columns are right-aligned.
#[must_use]
pub fn lines(header: Vec<String>, rows: &[Vec<String>], right: &[bool]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(header);
    table.add_rows(rows.iter().cloned());
    for (column, right) in table.column_iter_mut().zip(right) {
        column.set_padding((0, 2));
        if *right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// CSV with a header: raw values, unknown as an empty field.
#[must_use]
pub fn csv(columns: &[(String, Type)], rows: &[Vec<Value>]) -> String {
    let header: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    csv_texts(&header, &rows.iter().map(|row| row.iter().map(Value::raw).collect()).collect::<Vec<_>>())
}

/// CSV with a header, of texts.
#[must_use]
pub fn csv_texts(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(header).and_then(|()| rows.iter().try_for_each(|row| writer.write_record(row)));
    written.unwrap_or_else(|error| unreachable!("written to memory: {error}"));
    let bytes = writer.into_inner().unwrap_or_else(|error| unreachable!("written to memory: {error}"));
    String::from_utf8(bytes).unwrap_or_else(|error| unreachable!("made of text: {error}"))
}

/// A JSON list of objects: raw values, unknown as null.
#[must_use]
pub fn json(columns: &[(String, Type)], rows: &[Vec<Value>]) -> String {
    let object = |row: &Vec<Value>| {
        let pairs = columns.iter().zip(row).map(|((name, _), value)| (name.clone(), serde_json::json!(value)));
        Json::Object(pairs.collect::<Map<_, _>>())
    };
    let list = Json::Array(rows.iter().map(object).collect());
    serde_json::to_string_pretty(&list).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
