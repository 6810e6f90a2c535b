//! The text of a record → a row.

use std::{borrow::Cow, ops::ControlFlow};

use cpl_batch::{Batch, Cell, Field, Place, Problem};
use memchr::memchr;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{
    route::{Records, Route},
    steps::Location,
    text::{shown, text, why},
    unique::{self, Members, NoValue},
    walk::Walked,
    wanted::{Found, Wanted},
};
use crate::{At, Layout, Out, Path};

/// The number of records whose names are listed if a requested name is missing.
const SAMPLED_RECORDS: u64 = 100;
/// Makes rows of records.
pub struct RecordReader {
    inner: Wanted,
    outer: Wanted,
    /// What finds each column's value, in the layout's order.
    columns: Vec<Finder>,
    /// Where in an outer record the records are of which each gives a row.
    each: Option<Each>,
}

/// The way to the records within one.
enum Each {
    /// From a value of the outer record by that number.
    From(usize, Route),
    /// By a query of all of it.
    Query(Route),
}

/// What finds a column's value.
struct Finder {
    /// Its number among the values of its record.
    number: usize,
    /// It stands in the record around the one that gives the row.
    outer: bool,
    /// It is found only by its name.
    named: bool,
    /// What is looked up in the value there.
    rest: Option<JsonPath>,
}

/// A record, and what is wanted of it.
pub struct Record<'t> {
    text: &'t str,
    found: Found<'t>,
    line: u64,
}

impl Record<'_> {
    /// A name on the way to a wanted value that an object has twice.
    pub fn duplicate_member(&self) -> Option<String> {
        self.found.twice.clone()
    }
}

impl RecordReader {
    /// Of a layout; `each` leads to the records within one of which each gives a row.
    pub fn new(layout: &Layout, each: Option<&Path>) -> Self {
        let (mut inner, mut outer, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (field, at) in layout.columns.iter().zip(&layout.at) {
            let (location, is_outer) = match at {
                At::Name => (Location::named(&field.header), false),
                At::Path(path) => (Location::of(path, false), false),
                At::Outer(path) => (Location::of(path, false), true),
            };
            let places = if is_outer { &mut outer } else { &mut inner };
            let (number, named) = (places.len(), matches!(at, At::Name));
            places.push(location.steps);
            columns.push(Finder { number, outer: is_outer, named, rest: location.rest });
        }
        let each = each.map(|each| match Route::of(each).split() {
            Ok((steps, rest)) => {
                outer.push(steps);
                Each::From(outer.len() - 1, rest)
            }
            Err(route) => Each::Query(route),
        });
        let wanted = |places: Vec<Vec<_>>| Wanted::at(places.iter().map(Vec::as_slice));
        Self { inner: wanted(inner), outer: wanted(outer), columns, each }
    }

    /// Whether records hold others, of which each gives a row.
    pub fn has_inner(&self) -> bool {
        self.each.is_some()
    }

    /// Hands out the text of each record within one.
    pub fn each_within<'t>(&self, outer: &Record<'t>, sink: &mut Records<'_, 't>) -> Result<Walked, NoValue> {
        match &self.each {
            None => Ok(Walked::default()),
            Some(Each::Query(route)) => route.each(outer.text, false, sink),
            Some(Each::From(number, route)) => outer.found.values[*number]
                .map_or_else(|| Ok(Walked::default()), |value| route.each(value, false, sink)),
        }
    }

    /// The record around others, of which each gives a row.
    pub fn around<'t>(&self, text: &'t str, line: u64) -> Result<Record<'t>, serde_json::Error> {
        Ok(Record { text: text.trim_ascii(), found: self.outer.find(text)?, line })
    }

    /// A record that gives a row.
    pub fn record<'t>(&self, text: &'t str, line: u64) -> Result<Record<'t>, serde_json::Error> {
        Ok(Record { text: text.trim_ascii(), found: self.inner.find(text)?, line })
    }

    /// Adds the row of a record; `outer` is the one around it.
    pub fn row<S: FnMut(Batch) -> ControlFlow<()>>(
        &self,
        record: &Record<'_>,
        outer: &Record<'_>,
        out: &mut Out<'_, S>,
    ) -> Result<(), Problem> {
        let layout = out.layout;
        let (object, first) = (record.text.starts_with('{'), out.begins && out.summary.rows == 0);
        // They are listed where a column is missing: until all are found, one may be.
        if object && out.begins && out.summary.rows < SAMPLED_RECORDS && !out.columns_found.iter().all(|found| *found) {
            out.note_names(names(record.text));
        }
        if let Some(name) = record.duplicate_member() {
            return duplicate_member(name, record.line, out);
        }
        let mut cells = Vec::with_capacity(self.columns.len());
        for (place, (field, finder)) in layout.columns.iter().zip(&self.columns).enumerate() {
            let values = if finder.outer { &outer.found.values } else { &record.found.values };
            let value = values[finder.number];
            if finder.named && !object {
                return no_record(record, out);
            }
            // A name that the first record lacks is most likely a slip.
            if finder.named && value.is_none() && first && !layout.skip_bad && !field.optional && !field.may_lack {
                let (header, found) = (field.header.clone(), names(record.text));
                return Err(Problem::NoColumn { header, found, line: None });
            }
            let found = match &finder.rest {
                None => value.map(ColumnValue::Raw),
                Some(rest) => match query_value(rest, value) {
                    Ok(found) => found,
                    Err(name) => return duplicate_member(name, record.line, out),
                },
            };
            let no_value = found.as_ref().is_none_or(|found| matches!(found, ColumnValue::Raw("null")));
            // Of a value that is no object only `$` finds something.
            if !finder.outer && !finder.named && no_value && !record.text.starts_with(['{', '[']) {
                return no_record(record, out);
            }
            out.columns_found[place] |= found.is_some();
            cells.push(match found {
                None => cell_of(None, field),
                Some(ColumnValue::Raw(value)) => cell_of(Some(value), field),
                Some(ColumnValue::Queried(cell)) => cell,
            });
        }
        out.row(&cells, record.line)
    }
}

impl<S> Out<'_, S> {
    fn note_names(&mut self, names: Vec<String>) {
        for name in names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
    }
}

/// The names of an object's members.
fn names(object: &str) -> Vec<String> {
    let Members(members) = serde_json::from_str(object).unwrap_or_default();
    members.into_iter().map(|(name, _)| name).collect()
}

/// What was found.
enum ColumnValue<'t> {
    /// A value of the record, as it is written.
    Raw(&'t str),
    /// What a query found in it.
    Queried(Cell<'t>),
}

/// What a query finds in a value: one thing at most. An error names a member that is there twice.
fn query_value<'t>(query: &JsonPath, value: Option<&'t str>) -> Result<Option<ColumnValue<'t>>, String> {
    let Some(text) = value else { return Ok(None) };
    let value = match unique::value(text) {
        Ok(value) => value,
        Err(NoValue::Twice(name)) => return Err(name),
        Err(NoValue::Json(_)) => return Ok(Some(ColumnValue::Queried(Cell::Bad(shown(text))))),
    };
    Ok(match query.query(&value).all().as_slice() {
        [] => None,
        [Value::Null] => Some(ColumnValue::Raw("null")),
        [one] => Some(ColumnValue::Queried(queried_cell(one))),
        several => Some(ColumnValue::Queried(Cell::Bad(format!("{} values", several.len())))),
    })
}

fn queried_cell<'t>(value: &Value) -> Cell<'t> {
    match text(value) {
        Ok(Some(number)) if value.is_number() => Cell::Number(number.into_owned().into()),
        Ok(text) => Cell::Text(text.unwrap_or_default().into_owned().into()),
        Err(what) => Cell::Bad(what),
    }
}

/// The cell of a value, as it is written; of none where there is none.
pub fn cell_of<'t>(value: Option<&'t str>, field: &Field) -> Cell<'t> {
    let Some(value) = value else {
        return if field.may_lack { Cell::Absent } else { Cell::Text(Cow::Borrowed("")) };
    };
    match value.as_bytes() {
        [b'n', ..] => Cell::Text(Cow::Borrowed("")),
        [b'"', text @ .., b'"'] if memchr(b'\\', text).is_none() => Cell::Text(value[1..value.len() - 1].into()),
        [b'"', ..] => match serde_json::from_str::<String>(value) {
            Ok(text) => Cell::Text(text.into()),
            // Half of a character that takes two.
            Err(_) => Cell::Bad(shown(value)),
        },
        // A cell that holds JSON may hold it as it is, or as a text.
        [b'[' | b'{', ..] if field.embedded.is_none() => Cell::Bad(shown(value)),
        [b'-' | b'0'..=b'9', ..] => Cell::Number(value.into()),
        _ => Cell::Text(value.into()),
    }
}

/// A record that is no object.
fn no_record<S: FnMut(Batch) -> ControlFlow<()>>(record: &Record<'_>, out: &mut Out<'_, S>) -> Result<(), Problem> {
    let place = Place { row: out.summary.rows + 1, line: record.line };
    bad_record(Problem::NoRecord { place, found: shown(record.text) }, out)
}

/// A record that has two values where one is wanted.
pub fn duplicate_member<S: FnMut(Batch) -> ControlFlow<()>>(
    name: String,
    line: u64,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let place = Place { row: out.summary.rows + 1, line };
    bad_record(Problem::DuplicateMember { place, name }, out)
}

/// A record that is not JSON: reading continues with the next.
pub fn no_json<S: FnMut(Batch) -> ControlFlow<()>>(
    error: &serde_json::Error,
    line: u64,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let place = Place { row: out.summary.rows + 1, line };
    bad_record(Problem::NoJson { place, column: error.column() as u64, why: why(error) }, out)
}

/// A rejected record without known cells.
pub fn bad_record<S: FnMut(Batch) -> ControlFlow<()>>(problem: Problem, out: &mut Out<'_, S>) -> Result<(), Problem> {
    out.summary.rows += 1;
    if !out.layout.skip_bad {
        return Err(problem);
    }
    let cells = vec![None; out.layout.columns.len()];
    out.batch.bad.push(cpl_batch::RejectedRow { problem, cells });
    Ok(())
}
