//! Records of JSON: the text of each is found first, and its wanted values are taken from that text as they stand. Those of a
//! server's page may be known already.

mod page;
mod parts;
mod probe;
mod record;
mod route;
mod steps;
mod text;
mod unique;
mod walk;
mod wanted;

use std::{borrow::Cow, io::Read, ops::ControlFlow, path::Path as FilePath};

use cpl_batch::{Batch, Oversized, Place, Problem, in_order};
use serde_json::Value;

pub use self::{
    page::{KnownRecords, ValuePlaces},
    probe::{Probe, ProbeBuilder, Probed, ProbedRecords, each_record},
    steps::Path,
    text::why,
};
use self::{
    parts::{LINE_BYTES, LineBlocks, Merged, Part, RecordGroup, line_too_large},
    record::{RecordReader, bad_record, duplicate_member, no_json},
    route::Route,
    text::text,
    unique::NoValue,
    walk::Walked,
};
use crate::{Layout, Out, Records};

/// The most unpacked bytes of a document: it is held in memory.
pub const DOCUMENT_BYTES: u64 = 256 << 20;

/// A record a line; empty lines are none.
pub fn lines<S: FnMut(Batch) -> ControlFlow<()>>(
    input: impl Read + Send,
    threads: usize,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let reader = RecordReader::new(out.layout, None);
    let layout = out.layout;
    let mut merged = Merged::of(out);
    let cut = in_order(
        threads,
        |parts| LineBlocks::new(input).each(parts),
        |block| part(layout, block.begins, |out| block_rows(&block.bytes, &reader, out)),
        |part| merged.take(part),
    );
    merged.end(cut.err())
}

/// Adds the rows of the lines of a block.
fn block_rows(
    block: &[u8],
    reader: &RecordReader,
    out: &mut Out<'_, impl FnMut(Batch) -> ControlFlow<()>>,
) -> Result<(), Problem> {
    for line in lines_of(block) {
        out.lines += 1;
        out.summary.bytes += line.len() as u64;
        let place = Place { row: out.summary.rows + 1, line: out.lines };
        if line.len() as u64 > LINE_BYTES {
            return Err(line_too_large(place));
        }
        let record = match utf8(if out.begins && out.lines == 1 { without_mark(line) } else { line }) {
            Ok(record) => record,
            Err(problem) => {
                bad_record(problem.moved(place), out)?;
                continue;
            }
        };
        if record.trim_ascii().is_empty() {
            continue;
        }
        match reader.record(record, out.lines) {
            Ok(record) => reader.row(&record, &record, out)?,
            Err(error) => no_json(&error, out.lines, out)?,
        }
    }
    Ok(())
}

/// The lines of a block, with their ends.
fn lines_of(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', block).map(|at| at + 1);
    let ends = ends.chain((!block.ends_with(b"\n")).then_some(block.len()));
    let mut start = 0;
    ends.map(move |end| &block[std::mem::replace(&mut start, end)..end])
}

/// What a thread makes of a part.
fn part<'l>(
    layout: &'l Layout,
    begins: bool,
    read: impl FnOnce(&mut Out<'l, &mut dyn FnMut(Batch) -> ControlFlow<()>>) -> Result<(), Problem>,
) -> Part {
    let mut batches = Vec::new();
    let mut sink = |batch| {
        batches.push(batch);
        ControlFlow::Continue(())
    };
    let mut out = Out::of(layout, &mut sink as &mut dyn FnMut(Batch) -> ControlFlow<()>);
    out.begins = begins;
    let failed = read(&mut out).err();
    out.hand_over();
    let Out { summary, lines, columns_found, each_found, names, .. } = out;
    Part { batches, summary, lines, columns_found, each_found, names, failed }
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// A text in UTF-8, or where it is none.
fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
        let column = (before.len() - line_start) as u64 + 1;
        Problem::NoJson { place: Place { row: 0, line }, column, why: "it is not written in UTF-8".to_owned() }
    })
}

/// Rejects a document that is too large before it is read; else how many bytes it has. One that is packed shows it as it
/// is read.
pub fn check_size(path: &FilePath) -> Result<usize, Problem> {
    let size = path.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |found| found.len());
    if size > DOCUMENT_BYTES { Err(too_large()) } else { Ok(usize::try_from(size).unwrap_or(0)) }
}

fn too_large() -> Problem {
    Problem::TooLarge { what: Oversized::Document, limit: DOCUMENT_BYTES, place: Place::default() }
}

/// One document, of about so many bytes where that is known.
pub fn document<S: FnMut(Batch) -> ControlFlow<()>>(
    (input, size): (impl Read, usize),
    records: Option<&Records>,
    each: Option<&Path>,
    threads: usize,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    let mut bytes = Vec::with_capacity(size);
    input.take(DOCUMENT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| cpl_csv::unreadable(&error))?;
    if bytes.len() as u64 > DOCUMENT_BYTES {
        return Err(too_large());
    }
    document_text(&bytes, None, (records, each), threads, out)
}

/// The same of a document that is held; `known` says where its records are, or their values, if that is known.
pub fn document_text<S: FnMut(Batch) -> ControlFlow<()>>(
    bytes: &[u8],
    known: Option<KnownRecords>,
    (records, each): (Option<&Records>, Option<&Path>),
    threads: usize,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    out.summary.bytes = bytes.len() as u64;
    // Known places count from the document's first byte.
    let text = utf8(if known.is_some() { bytes } else { without_mark(bytes) })?;
    if known.is_none() && records.is_none() && !text.trim_ascii_start().starts_with('[') {
        return Err(no_records(&unique::value(text).map_err(no_document)?, None).unwrap_or(Problem::Empty));
    }
    let route = match known {
        Some(KnownRecords::Values { columns, places }) => return page::rows_of_values(text, (columns, &places), out),
        Some(KnownRecords::Places(places)) => Route::Known(places),
        None => records.map_or(Route::Steps(Vec::new()), |records| Route::of(&records.path)),
    };
    // A document without records may hold null in the place of their list.
    let nulls = !records.is_some_and(|records| records.may_lack) || route.is_of_elements();
    let reader = RecordReader::new(out.layout, each);
    let walked = if threads == 1 {
        rows_in_turn(text, (&route, nulls), &reader, out)?
    } else {
        rows_in_groups(text, (&route, nulls), &reader, threads, out)?
    };
    let walked = walked.map_err(no_document)?;
    if let Some(name) = walked.twice {
        return Err(Problem::DuplicateMember { place: Place::default(), name });
    }
    let none = if walked.found || records.is_some_and(|records| records.may_lack) {
        None
    } else {
        no_records(&unique::value(text).map_err(no_document)?, records)
    };
    none.map_or(Ok(()), Err)
}

/// Adds the rows of a document on this thread only; how its records were found.
fn rows_in_turn<S: FnMut(Batch) -> ControlFlow<()>>(
    text: &str,
    (route, nulls): (&Route, bool),
    reader: &RecordReader,
    out: &mut Out<'_, S>,
) -> Result<Result<Walked, NoValue>, Problem> {
    let mut failed = None;
    let walked = route.each(text, nulls, &mut |record| {
        failed = rows_of(reader, &record, out).err();
        if failed.is_some() || out.full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    failed.map_or(Ok(walked), Err)
}

/// Adds them by groups of records, on so many threads.
fn rows_in_groups<S: FnMut(Batch) -> ControlFlow<()>>(
    text: &str,
    (route, nulls): (&Route, bool),
    reader: &RecordReader,
    threads: usize,
    out: &mut Out<'_, S>,
) -> Result<Result<Walked, NoValue>, Problem> {
    let layout = out.layout;
    let mut merged = Merged::of(out);
    let walked = in_order(
        threads,
        |parts| {
            let mut records = RecordGroup::default();
            let walked = route.each(text, nulls, &mut |record| records.push(record, parts));
            records.end(parts);
            walked
        },
        |group: RecordGroup<'_>| {
            part(layout, group.begins, |out| group.records.iter().try_for_each(|record| rows_of(reader, record, out)))
        },
        |part| merged.take(part),
    );
    merged.end(None).map(|()| walked)
}

/// Adds the row of a record, or those of the records within it.
fn rows_of<S: FnMut(Batch) -> ControlFlow<()>>(
    reader: &RecordReader,
    text: &str,
    out: &mut Out<'_, S>,
) -> Result<(), Problem> {
    if !reader.has_inner() {
        return match reader.record(text, 0) {
            Ok(record) => reader.row(&record, &record, out),
            Err(error) => no_json(&error, 0, out),
        };
    }
    let outer = match reader.around(text, 0) {
        Ok(outer) => outer,
        Err(error) => return no_json(&error, 0, out),
    };
    if let Some(name) = outer.duplicate_member() {
        return duplicate_member(name, 0, out);
    }
    let mut failed = None;
    let mut any = false;
    let walked = reader.each_within(&outer, &mut |inner| {
        any = true;
        let read = match reader.record(&inner, 0) {
            Ok(inner) => reader.row(&inner, &outer, out),
            Err(error) => no_json(&error, 0, out),
        };
        failed = read.err();
        if out.full || failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    out.each_found = Some(out.each_found == Some(true) || any);
    if let Some(problem) = failed {
        return Err(problem);
    }
    match walked {
        Ok(Walked { twice: None, .. }) => Ok(()),
        Ok(Walked { twice: Some(name), .. }) | Err(NoValue::Twice(name)) => duplicate_member(name, 0, out),
        Err(NoValue::Json(error)) => no_json(&error, 0, out),
    }
}

/// What is wrong with a document of which no value is made.
fn no_document(why_not: NoValue) -> Problem {
    match why_not {
        NoValue::Twice(name) => Problem::DuplicateMember { place: Place::default(), name },
        NoValue::Json(error) => {
            let place = Place { row: 0, line: error.line() as u64 };
            Problem::NoJson { place, column: error.column() as u64, why: why(&error) }
        }
    }
}

/// What is wrong with a document in which no records are found: nothing where a list is empty, or a filter takes
/// nothing of it.
fn no_records(document: &Value, records: Option<&Records>) -> Option<Problem> {
    let within = records.and_then(|records| records.within.as_ref());
    let there = within.is_some_and(|within| within.found_in(document).iter().any(|of| of.is_array() || of.is_object()));
    (!there).then(|| Problem::NoRecords { found: lists(document) })
}

/// Where a document holds lists: what its path may be.
fn lists(document: &Value) -> Vec<String> {
    let Value::Object(fields) = document else { return Vec::new() };
    let list = |(name, value): (&String, &Value)| value.is_array().then(|| format!("${}", step(name)));
    fields.iter().filter_map(list).collect()
}

/// The step of a path that leads to a member: `.name`, or `['a name']`.
#[must_use]
pub fn step(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!(".{name}") } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// What a path finds in a cell that holds JSON, as a text: none where it is missing, an error where it can't be
/// written as one.
pub fn text_in(path: &Path, cell: &str) -> Result<Option<String>, ()> {
    let value = unique::value(cell).map_err(drop)?;
    match path.found_in(&value).as_slice() {
        [] => Ok(None),
        [one] => text(one).map(|text| text.map(Cow::into_owned)).map_err(drop),
        _ => Err(()),
    }
}
