//! Records of JSON.

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Read},
    ops::ControlFlow,
    path::Path,
};

use cpl_batch::{Batch, Cell, Field, Oversized, Place, Problem};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::{At, Out, Records};

/// The number of records whose names are listed if a requested name is missing.
const SAMPLED_RECORDS: u64 = 100;
/// The most bytes of a line.
pub const LINE_BYTES: u64 = 16 << 20;
/// The most unpacked bytes of a document: it is held in memory.
pub const DOCUMENT_BYTES: u64 = 256 << 20;
/// The most characters of an invalid value in a message.
const SHOWN: usize = 60;

/// A record a line; empty lines are none.
pub fn lines<S: FnMut(Batch) -> ControlFlow<()>>(input: impl Read, out: &mut Out<'_, S>) -> Result<(), Problem> {
    let mut input = BufReader::new(input);
    let (mut text, mut line) = (Vec::new(), 0);
    while !out.full {
        text.clear();
        let read = (&mut input).take(LINE_BYTES + 1).read_until(b'\n', &mut text);
        let read = read.map_err(|error| cpl_csv::unreadable(&error))?;
        if read == 0 {
            break;
        }
        line += 1;
        if read as u64 > LINE_BYTES {
            let place = Place { row: out.summary.rows + 1, line };
            return Err(Problem::TooLarge { what: Oversized::Line, limit: LINE_BYTES, place });
        }
        out.summary.bytes += read as u64;
        let mut record = &text[..];
        if line == 1 {
            record = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
        }
        if record.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(record) {
            Ok(record) => record_row(&record, &record, line, out)?,
            Err(error) => broken_line(&error, line, out)?,
        }
    }
    Ok(())
}

/// A line that is not JSON is a rejected row; reading continues with the next line.
fn broken_line<S: FnMut(Batch) -> ControlFlow<()>>(
    error: &serde_json::Error,
    line: u64,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let place = Place { row: out.summary.rows + 1, line };
    bad_record(Problem::NoJson { place, column: error.column() as u64, why: why(error) }, out)
}

/// A rejected record without known cells.
fn bad_record<S: FnMut(Batch) -> ControlFlow<()>>(problem: Problem, out: &mut Out<'_, S>) -> Result<(), Problem> {
    out.summary.rows += 1;
    if !out.layout.skip_bad {
        return Err(problem);
    }
    let cells = vec![None; out.layout.columns.len()];
    out.batch.bad.push(cpl_batch::RejectedRow { problem, cells });
    Ok(())
}

/// The message of a JSON error, without its position, which is reported separately.
#[must_use]
pub fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Rejects a document that is too large before it is read: one that is packed shows it as it is read.
pub fn check_size(path: &Path) -> Result<(), Problem> {
    if path.metadata().is_ok_and(|found| found.is_file() && found.len() > DOCUMENT_BYTES) {
        Err(too_large())
    } else {
        Ok(())
    }
}

fn too_large() -> Problem {
    Problem::TooLarge { what: Oversized::Document, limit: DOCUMENT_BYTES, place: Place::default() }
}

/// One document.
pub fn document<S: FnMut(Batch) -> ControlFlow<()>>(
    input: impl Read,
    records: Option<&Records>,
    each: Option<&JsonPath>,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let mut text = Vec::new();
    input.take(DOCUMENT_BYTES + 1).read_to_end(&mut text).map_err(|error| cpl_csv::unreadable(&error))?;
    if text.len() as u64 > DOCUMENT_BYTES {
        return Err(too_large());
    }
    out.summary.bytes = text.len() as u64;
    let json = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    let document: Value = serde_json::from_slice(json).map_err(|error| {
        let place = Place { row: 0, line: error.line() as u64 };
        Problem::NoJson { place, column: error.column() as u64, why: why(&error) }
    })?;
    for record in records_of(&document, records)? {
        if out.full {
            break;
        }
        match each {
            None => record_row(record, record, 0, out)?,
            Some(each) => {
                let inner = inner_records(record, each);
                out.each_found = Some(out.each_found == Some(true) || !inner.is_empty());
                for inner in inner {
                    record_row(inner, record, 0, out)?;
                }
            }
        }
    }
    Ok(())
}

/// The records within one: the matches of the path, or their elements where all matches are lists.
fn inner_records<'d>(record: &'d Value, each: &JsonPath) -> Vec<&'d Value> {
    let mut found = each.query(record).all();
    found.retain(|found| !found.is_null());
    if found.iter().all(|found| found.is_array()) {
        return found.into_iter().filter_map(Value::as_array).flatten().collect();
    }
    found
}

/// The records of a document: the matches of the path, or their elements if all matches are lists.
fn records_of<'d>(document: &'d Value, records: Option<&Records>) -> Result<Vec<&'d Value>, Problem> {
    let found = match records {
        None => vec![document],
        Some(records) => records.path.query(document).all(),
    };
    if found.is_empty() {
        // A list that is empty, or of which a filter takes nothing, is there.
        let within = records.and_then(|records| records.within.as_ref());
        let there =
            within.is_some_and(|within| within.query(document).all().iter().any(|of| of.is_array() || of.is_object()));
        return if there { Ok(found) } else { Err(Problem::NoRecords { found: lists(document) }) };
    }
    if found.iter().all(|found| found.is_array()) {
        return Ok(found.into_iter().filter_map(Value::as_array).flatten().collect());
    }
    if records.is_none() { Err(Problem::NoRecords { found: lists(document) }) } else { Ok(found) }
}

/// Where a document holds lists: what its path may be.
fn lists(document: &Value) -> Vec<String> {
    let Value::Object(fields) = document else { return Vec::new() };
    let list = |(name, value): (&String, &Value)| value.is_array().then(|| member(name));
    fields.iter().filter_map(list).collect()
}

/// The path to a member of the document.
fn member(name: &str) -> String {
    format!("${}", step(name))
}

/// The step of a path that leads to a member: `.name`, or `['a name']`.
#[must_use]
pub fn step(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!(".{name}") } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// A row of a record; `outer` is the record around it.
fn record_row<S: FnMut(Batch) -> ControlFlow<()>>(
    record: &Value,
    outer: &Value,
    line: u64,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let layout = out.layout;
    let mut cells = Vec::new();
    if let (true, Value::Object(fields)) = (out.summary.rows < SAMPLED_RECORDS, record) {
        let new = fields.keys().filter(|name| !out.names.contains(name)).cloned();
        out.names = out.names.iter().cloned().chain(new).collect();
    }
    for (place, (field, at)) in layout.columns.iter().zip(&layout.at).enumerate() {
        let cell = match (at, record) {
            (At::Name, Value::Object(fields)) => {
                let value = fields.get(&field.header);
                out.columns_found[place] |= value.is_some();
                // A name that the first record lacks is most likely a slip.
                let first = out.summary.rows == 0 && !layout.skip_bad;
                if value.is_none() && first && !field.optional && !field.may_lack {
                    let (header, found) = (field.header.clone(), fields.keys().cloned().collect());
                    return Err(Problem::NoColumn { header, found, line: None });
                }
                match value {
                    None if field.may_lack => Cell::Absent,
                    value => cell(value, field),
                }
            }
            (At::Outer(path), _) => out.at_path(place, found(path, outer), field),
            (At::Name, other) => return no_record(other, line, out),
            // Of a value that is no object `$` alone finds something.
            (At::Path(path), other) if !other.is_object() && !other.is_array() => match found(path, other) {
                Ok(Some(value)) if !value.is_null() => out.at_path(place, Ok(Some(value)), field),
                _ => return no_record(other, line, out),
            },
            (At::Path(path), record) => out.at_path(place, found(path, record), field),
        };
        cells.push(cell);
    }
    out.row(&cells, line)
}

impl<S> Out<'_, S> {
    /// The cell of a column whose path found that.
    fn at_path<'v>(&mut self, place: usize, found: Result<Option<&'v Value>, String>, field: &Field) -> Cell<'v> {
        self.columns_found[place] |= matches!(found, Ok(Some(_)) | Err(_));
        match found {
            Ok(None) if field.may_lack => Cell::Absent,
            Ok(value) => cell(value, field),
            Err(several) => Cell::Bad(several),
        }
    }
}

fn no_record<S: FnMut(Batch) -> ControlFlow<()>>(
    found: &Value,
    line: u64,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let place = Place { row: out.summary.rows + 1, line };
    bad_record(Problem::NoRecord { place, found: shown(found) }, out)
}

/// The one value that a path finds.
pub fn found<'v>(path: &JsonPath, value: &'v Value) -> Result<Option<&'v Value>, String> {
    let found = path.query(value).all();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(format!("{} values", several.len())),
    }
}

fn cell<'v>(value: Option<&'v Value>, field: &Field) -> Cell<'v> {
    let Some(value) = value else { return Cell::Text(Cow::Borrowed(&[])) };
    // A cell that holds JSON may hold it as it is, or as a text.
    if field.embedded.is_some() && !value.is_string() {
        let text = if value.is_null() { String::new() } else { value.to_string() };
        return Cell::Text(text.into_bytes().into());
    }
    match text(value) {
        Ok(None) => Cell::Text(Cow::Borrowed(&[])),
        Ok(Some(Cow::Borrowed(text))) => Cell::Text(text.as_bytes().into()),
        Ok(Some(Cow::Owned(text))) => Cell::Text(text.into_bytes().into()),
        Err(what) => Cell::Bad(what),
    }
}

/// A value as a text: none where it is missing, an error where it is a list or an object.
pub fn text(value: &Value) -> Result<Option<Cow<'_, str>>, String> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.as_str().into()),
        Value::Bool(yes) => Some(if *yes { "true" } else { "false" }.into()),
        Value::Array(_) | Value::Object(_) => return Err(shown(value)),
    })
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > SHOWN { format!("{}…", text.chars().take(SHOWN).collect::<String>()) } else { text }
}
