//! Records of JSON: the names in them, and those of the records within them.

use std::{io::Read, path::Path};

use cpl_batch::{Oversized, Place, Problem};
use cpl_records::{DOCUMENT_BYTES, step};
use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::{Column, Found, Located, Sample};
use crate::LOOKED_AT;

/// How deep records within records are followed.
const DEPTH: usize = 3;
/// How deep the list of records is looked for: `$.data.items`.
const LIST_DEPTH: usize = 1;

/// A record a line.
pub fn lines(file: &Path) -> Result<Sample, Problem> {
    let (text, whole) = read(file, LOOKED_AT)?;
    let mut records = Vec::new();
    let mut all = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()).peekable();
    while let Some((line, number)) = all.next() {
        match serde_json::from_str::<Value>(line) {
            Ok(record) => records.push(record),
            // The last line of those that are looked at may be cut.
            Err(_) if !whole && all.peek().is_none() => {}
            Err(error) => {
                let place = Place { row: records.len() as u64 + 1, line: number };
                return Err(Problem::NoJson { place, column: error.column() as u64, why: cpl_records::why(&error) });
            }
        }
    }
    Ok(Sample { found: Found::Ndjson, whole, ..sample(&records, false) })
}

/// A document: a list of records, or the longest list within it.
pub fn document(file: &Path) -> Result<Sample, Problem> {
    let document = value_of(file)?;
    let (path, sample) = guessed(&document);
    Ok(Sample { found: Found::Json(path), ..with_next_page(sample, &document) })
}

/// What a connector's file says of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeclaredAnswer<'d> {
    /// The path to its records.
    pub records: Option<&'d str>,
    /// How its pages go on.
    pub has_pages: bool,
}

/// An answer: its records where they are declared to be, if that finds something; else as those of a document.
pub fn answer(file: &Path, declared: DeclaredAnswer<'_>) -> Result<Sample, Problem> {
    let document = value_of(file)?;
    let records = declared.records.and_then(|path| Some((path, records_at(&document, path)?)));
    let (path, sample) = match records {
        Some((path, records)) => (Some(path.to_owned()), Sample { whole: true, ..sample(&records, true) }),
        None => {
            let (path, mut sample) = guessed(&document);
            sample.doubts.extend(declared.records.map(|path| format!("{path} finds nothing in this answer")));
            (path, sample)
        }
    };
    let sample = if declared.has_pages { sample } else { with_next_page(sample, &document) };
    Ok(Sample { found: Found::Answer(path), ..sample })
}

/// The value of a document.
fn value_of(file: &Path) -> Result<Value, Problem> {
    let (text, whole) = read(file, DOCUMENT_BYTES)?;
    if !whole {
        let (what, limit) = (Oversized::Document, DOCUMENT_BYTES);
        return Err(Problem::TooLarge { what, limit, place: Place::default() });
    }
    serde_json::from_str(&text).map_err(|error| {
        let place = Place { row: 0, line: error.line() as u64 };
        Problem::NoJson { place, column: error.column() as u64, why: cpl_records::why(&error) }
    })
}

/// The records of a document, and the path to them, where it is not a list itself.
fn guessed(document: &Value) -> (Option<String>, Sample) {
    let mut lists = lists_within(document, "$", LIST_DEPTH);
    // Of lists of the same length the first.
    let longest = (0..lists.len()).rev().max_by_key(|at| lists[*at].1.len());
    let (path, records) = match (document, longest) {
        (Value::Array(records), _) => (None, records.as_slice()),
        (_, Some(longest)) => {
            let (path, records) = lists.remove(longest);
            (Some(path), records)
        }
        // One record by itself.
        (other, None) => (Some("$".to_owned()), std::slice::from_ref(other)),
    };
    let mut sample = sample(records, true);
    let other = |(path, _): &(String, _)| format!("{path} holds records too: `records \"{path}\"` reads them");
    sample.left_out.extend(lists.iter().take(SAID).map(other));
    (path, Sample { whole: true, ..sample })
}

/// The same with a doubt, where the document leads to a next page.
fn with_next_page(mut sample: Sample, document: &Value) -> Sample {
    sample.doubts.extend(
        next_page(document, "$")
            .map(|path| format!("{path} leads to a next page, which is not among these rows: are they all?")),
    );
    sample
}

/// The records that a path finds, of lists their elements; none where it finds nothing.
fn records_at(document: &Value, path: &str) -> Option<Vec<Value>> {
    let path = cpl_records::Path::parse(path).ok()?;
    let found = path.found_in(document);
    let records = |found: &Value| found.as_array().map_or_else(|| vec![found.clone()], Vec::clone);
    let records = |found: &&Value| if found.is_null() { Vec::new() } else { records(found) };
    (!found.is_empty()).then(|| found.iter().flat_map(records).collect())
}

/// Names of what leads to the next page of an answer, of which the file holds one.
const NEXT: [&str; 9] = [
    "next",
    "next_page",
    "nextPage",
    "next_page_token",
    "nextPageToken",
    "next_cursor",
    "nextCursor",
    "has_more",
    "hasMore",
];

/// Groups of such names.
const PAGING: [&str; 5] = ["paging", "pagination", "links", "_links", "meta"];

/// The path to what leads to the next page, where there is one.
fn next_page(value: &Value, path: &str) -> Option<String> {
    let leads = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("");
    let at = |name: &str| format!("{path}{}", step(name));
    let own = NEXT.into_iter().find(|name| value.get(*name).is_some_and(leads)).map(at);
    own.or_else(|| PAGING.into_iter().filter(|_| path == "$").find_map(|name| next_page(value.get(name)?, &at(name))))
}

/// The text of a file up to so many bytes, and whether that is all of it.
fn read(file: &Path, most: u64) -> Result<(String, bool), Problem> {
    let mut bytes = Vec::new();
    let read = cpl_csv::open(file)?.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| cpl_csv::unreadable(&error))?;
    let whole = bytes.len() as u64 <= most;
    let text = String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned();
    Ok((text, whole))
}

/// The lists of records within a value, and the paths to them.
fn lists_within<'v>(value: &'v Value, path: &str, depth: usize) -> Vec<(String, &'v [Value])> {
    let Value::Object(fields) = value else { return Vec::new() };
    let mut found = Vec::new();
    for (name, inner) in fields {
        let path = format!("{path}{}", step(name));
        match inner {
            Value::Array(records) if records.iter().any(Value::is_object) => found.push((path, records.as_slice())),
            inner if depth > 0 => found.extend(lists_within(inner, &path, depth - 1)),
            _ => {}
        }
    }
    found
}

/// The columns of records; of a document each record may hold those of which each is a row.
fn sample(records: &[Value], is_document: bool) -> Sample {
    let mut all = Members::default();
    let mut left_out = Vec::new();
    if records.is_empty() {
        left_out.push("it has no records".to_owned());
    }
    for (at, record) in records.iter().enumerate() {
        match record {
            Value::Object(fields) => {
                for (name, value) in fields {
                    all.add(at, name, &format!("${}", step(name)), value, DEPTH);
                }
            }
            _ if left_out.is_empty() => left_out.push(format!("record {} is no object", at + 1)),
            _ => {}
        }
    }
    left_out.extend(all.lists.iter().take(SAID).map(|(path, first)| match first {
        Some(first) if is_document && [".", "['"].iter().any(|step| first.starts_with(&format!("{path}[0]{step}"))) => {
            format!(
                "{path} holds records: `from \"{first}\"` is of the first, `each \"{path}[*]\"` makes a row of each"
            )
        }
        Some(first) => format!("{path} holds several values: `from \"{first}\"` takes the first"),
        None => format!("{path} holds a list, which is empty"),
    }));
    left_out
        .extend(all.mixed().take(SAID).map(|path| format!("{path} is a record in some rows and a value in others")));
    if all.lists.len() > SAID {
        left_out.push(format!("and {} more lists", all.lists.len() - SAID));
    }
    Sample { rows: records.len(), left_out, columns: all.columns(records.len()), ..Sample::default() }
}

/// As many lists are named.
const SAID: usize = 10;

/// The path to the first value of lists in lists, and of records in those.
fn first_value(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Array(values) => first_value(values.first()?, &format!("{path}[0]")),
        Value::Object(fields) => {
            let (name, value) = fields.iter().next()?;
            first_value(value, &format!("{path}{}", step(name)))
        }
        _ => Some(path.to_owned()),
    }
}

/// The members of records: those with a value each are columns.
#[derive(Default)]
struct Members {
    /// Of each column its path and its values.
    values: IndexMap<String, (String, Vec<Option<String>>)>,
    /// The paths at which some record has a list, and the path to the first value in it.
    lists: IndexMap<String, Option<String>>,
    /// The paths at which some record has a record.
    records: IndexSet<String>,
}

impl Members {
    /// Adds a member of a record; of a record within it, its members.
    fn add(&mut self, row: usize, name: &str, path: &str, value: &Value, depth: usize) {
        let text = match value {
            Value::Null => None,
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Object(fields) if depth > 0 => {
                self.records.insert(path.to_owned());
                for (inner, value) in fields {
                    self.add(row, &format!("{name}_{inner}"), &format!("{path}{}", step(inner)), value, depth - 1);
                }
                return;
            }
            Value::Array(_) | Value::Object(_) => {
                let first = self.lists.entry(path.to_owned()).or_default();
                if first.is_none() {
                    *first = first_value(value, path);
                }
                return;
            }
        };
        let (_, values) = self.values.entry(path.to_owned()).or_insert_with(|| (name.to_owned(), Vec::new()));
        values.resize(row, None);
        values.push(text);
    }

    /// The paths at which some records have a record, and others a value.
    fn mixed(&self) -> impl Iterator<Item = &str> {
        let mixed =
            |path: &&String| self.values.get(*path).is_some_and(|(_, values)| values.iter().any(Option::is_some));
        self.records.iter().filter(mixed).map(String::as_str)
    }

    /// The columns of so many rows, without those that hold more than one value in some row.
    fn columns(self, rows: usize) -> Vec<Column> {
        let Self { values, lists, records } = self;
        let single = values.into_iter().filter(|(path, _)| !lists.contains_key(path) && !records.contains(path));
        let column = |(path, (name, mut values)): (String, (String, Vec<Option<String>>))| {
            values.resize(rows, None);
            let has_missing = values.iter().any(Option::is_none);
            let is_inner = path != format!("${}", step(&name));
            let place = if is_inner { Located::Path(path) } else { Located::Named };
            Column { name, place, values, has_missing, stored: None }
        };
        single.map(column).collect()
    }
}
