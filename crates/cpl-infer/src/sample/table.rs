//! Text tables and sheets: which line names the columns, what sets fields apart, where the rows end.

use std::{io::Read, path::Path};

use cpl_batch::Problem;
use indexmap::IndexSet;

use super::{Column, Found, Sample, Table};
use crate::LOOKED_AT;

/// Rows of fields, each with the line on which it begins.
type Rows = Vec<(u64, Vec<String>)>;

/// The text table of a file.
pub fn text(file: &Path) -> Result<Sample, Problem> {
    let unreadable = |error: std::io::Error| cpl_csv::unreadable(&error);
    let mut bytes = Vec::new();
    cpl_csv::open(file)?.take(LOOKED_AT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let whole = bytes.len() as u64 <= LOOKED_AT;
    if !whole {
        bytes.truncate(whole_lines(&bytes));
    }
    let (encoding, said) = encoding(&bytes);
    let mut text = String::new();
    let decoded = cpl_csv::decoded(Box::new(bytes.as_slice()), encoding);
    decoded.and_then(|mut input| input.read_to_string(&mut text)).map_err(unreadable)?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Problem::Empty);
    }
    let separator = separator(text);
    let mut rows = rows(text, separator);
    // A note to a spreadsheet stands above the table.
    if text.starts_with("sep=") {
        rows.remove(0);
    }
    let (mut sample, Shape { skip_lines, header, until, short_rows }) = table(rows, whole);
    let separator = char::from(separator);
    sample.found = Found::Csv(Table { separator, skip_lines, header, encoding: said, until, short_rows });
    Ok(sample)
}

/// The length of the lines that are not cut.
fn whole_lines(bytes: &[u8]) -> usize {
    let end = if is_utf16(bytes) {
        // A line's end is two bytes, of which the first may be the zero.
        let end = if bytes.get(1) == Some(&0) || bytes.starts_with(b"\xFF\xFE") { b"\n\0" } else { b"\0\n" };
        bytes.chunks_exact(2).rposition(|unit| unit == end).map(|at| 2 * at + 2)
    } else {
        bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1)
    };
    end.unwrap_or(bytes.len())
}

/// The first visible sheet of a workbook.
pub fn sheet(file: &Path) -> Result<Sample, Problem> {
    let (name, lines) = cpl_records::cells(file)?;
    let rows = (1..).zip(lines).filter(|(_, row)| row.iter().any(|cell| !cell.is_empty())).collect();
    let (mut sample, Shape { skip_lines, until, header, .. }) = table(rows, true);
    if !header {
        sample.columns.clear();
        sample.left_out = vec!["no row of it names its columns: write a header into the workbook".to_owned()];
    }
    sample.found = Found::Excel(name, skip_lines, until);
    Ok(sample)
}

/// The encoding of a text, and what is said of it.
fn encoding(bytes: &[u8]) -> (cpl_csv::Encoding, Option<&'static str>) {
    if has_mark(bytes) || std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0')) {
        (cpl_csv::Encoding::Utf8, None)
    } else if is_utf16(bytes) {
        (cpl_csv::Encoding::Utf16, Some("utf-16"))
    } else {
        (cpl_csv::Encoding::Windows1252, Some("windows-1252"))
    }
}

/// Whether a text begins with a byte order mark of UTF-16.
fn has_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF")
}

/// Whether a text looks like one of UTF-16: by its mark, or by the zeros of its letters.
fn is_utf16(bytes: &[u8]) -> bool {
    has_mark(bytes) || bytes.iter().take(1 << 12).filter(|byte| **byte == 0).count() > 1
}

/// Rows by which a separator is chosen.
const FIRST: usize = 200;

/// The sign that gives most rows one width of several fields.
fn separator(text: &str) -> u8 {
    let score = |separator: u8| {
        let rows = rows(first_lines(text), separator);
        let width = modal_width(&rows);
        let regular = rows.iter().filter(|(_, row)| row.len() == width).count();
        (if width > 1 { regular } else { 0 }, width)
    };
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|separator| score(*separator)).unwrap_or(b',')
}

fn first_lines(text: &str) -> &str {
    let end = text.match_indices('\n').nth(FIRST).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

fn rows(text: &str, separator: u8) -> Rows {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let (mut rows, mut line, mut counted) = (Rows::new(), 1, 0);
    for record in reader.records().flatten() {
        let from = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
        // Empty lines ahead of it are no rows, and lines all the same.
        let rest = text.get(from..).unwrap_or_default();
        let start = from + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        line += text[counted..start].matches('\n').count() as u64;
        counted = start;
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    rows
}

/// The number of fields that most rows have; those of one field, where others have more, are titles and notes.
fn modal_width(rows: &Rows) -> usize {
    let widths = || rows.iter().map(|(_, row)| row.len());
    let of_several = most_often(widths().filter(|width| *width > 1));
    if widths().filter(|width| *width == of_several).count() > 1 { of_several } else { most_often(widths()) }
}

fn most_often(numbers: impl Iterator<Item = usize>) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by_key(|(number, count)| (*count, *number)).map_or(0, |(number, _)| number)
}

/// The fields of a row without the empty ones at its end.
fn filled(row: &[String]) -> usize {
    row.iter().rposition(|field| !field.trim().is_empty()).map_or(0, |last| last + 1)
}

/// Rows among which the names of columns are looked for.
const FIRST_NAMED: usize = 10;

/// Words with which a row of totals begins.
const TOTALS: [&str; 9] =
    ["totals", "totale", "total", "grand total", "subtotal", "summe", "gesamt", "somme", "report total"];

/// How the rows of a table stand in it.
struct Shape {
    /// The lines above its first row.
    skip_lines: u64,
    /// The first row names the columns.
    header: bool,
    /// How the row begins that ends them.
    until: Option<String>,
    /// Some lack fields at their end.
    short_rows: bool,
}

fn table(mut rows: Rows, whole: bool) -> (Sample, Shape) {
    let width = modal_width(&rows);
    let is_header = |row: &[String]| row.len() == width && row.iter().filter(|name| is_name(name)).count() * 2 > width;
    // A note above the table may be followed by empty cells.
    let usual = most_often(rows.iter().map(|(_, row)| filled(row)));
    let is_wide = |row: &[String]| row.len() == width && filled(row) >= usual;
    let first = rows.iter().position(|(_, row)| is_wide(row)).unwrap_or(0);
    // A note with as many commas as the table may stand above it too.
    let is_named = |row: &[String]| is_wide(row) && row.iter().all(|name| is_name(name));
    let further_down = rows.iter().take(FIRST_NAMED).position(|(_, row)| is_named(row));
    let at_once = rows.get(first).is_some_and(|(_, row)| is_header(row));
    let first = further_down.filter(|_| !at_once).unwrap_or(first);
    let header = rows[first..].first().is_some_and(|(_, row)| is_header(row));
    let skip_lines = rows.get(first).map_or(0, |(line, _)| line.saturating_sub(1));
    let names: Vec<String> =
        if header { rows[first].1.clone() } else { (1..=width).map(|at| format!("column_{at}")).collect() };
    rows.drain(..first + usize::from(header));
    let until = end(&mut rows).or_else(|| section_end(&mut rows, width));
    let short_rows = rows.iter().any(|(_, row)| row.len() < width);
    let (columns, left_out) = columns(&names, &rows);
    let doubts = if until.is_none() { may_total(&rows).into_iter().collect() } else { Vec::new() };
    let sample = Sample { columns, left_out, doubts, rows: rows.len(), whole, ..Sample::default() };
    (sample, Shape { skip_lines, header, until, short_rows })
}

/// The columns whose names are unique, and what is said of the others.
fn columns(names: &[String], rows: &Rows) -> (Vec<Column>, Vec<String>) {
    let (mut columns, mut left_out) = (Vec::new(), IndexSet::new());
    for (at, name) in names.iter().enumerate() {
        let name = name.trim();
        if name.is_empty() {
            left_out.insert(format!("column {} has no name", at + 1));
        } else if names.iter().filter(|other| other.trim() == name).count() > 1 {
            left_out.insert(format!("{name:?} names several columns of the file: give each a name of its own"));
        } else {
            let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            let values: Vec<Option<String>> = rows.iter().map(|(_, row)| row.get(at).and_then(known)).collect();
            let has_missing = values.iter().any(Option::is_none);
            columns.push(Column { name: name.to_owned(), values, has_missing, ..Column::default() });
        }
    }
    (columns, left_out.into_iter().collect())
}

/// A header names things: it is no number and no date.
fn is_name(field: &str) -> bool {
    field.trim().chars().next().is_some_and(|first| first.is_alphabetic() || "#_($%".contains(first))
        && field.chars().any(char::is_alphabetic)
}

/// Takes the rows of totals away from the end: how the first of them begins.
fn end(rows: &mut Rows) -> Option<String> {
    let tail = rows.len().saturating_sub(20);
    let at = tail + rows[tail..].iter().position(|(_, row)| total(row).is_some())?;
    let text = total(&rows[at].1)?;
    let all_totals = rows[at..].iter().all(|(_, row)| total(row).is_some());
    // The same word may begin rows of the table: they would end it too.
    let in_table = rows[..at].iter().any(|(_, row)| first_known(row).is_some_and(|first| first.starts_with(&text)));
    if at == 0 || !all_totals || in_table {
        return None;
    }
    rows.truncate(at);
    Some(text)
}

/// Takes away what stands behind the table: a note of one field, and all after it. How that note begins.
fn section_end(rows: &mut Rows, width: usize) -> Option<String> {
    // A row of one word may lack its other fields.
    let is_prose = |text: &str| text.starts_with('#') || (text.contains(char::is_alphabetic) && text.contains(' '));
    let is_note = |row: &[String]| width > 1 && row.len() == 1 && first_known(row).is_some_and(is_prose);
    let at = rows.iter().position(|(_, row)| is_note(row)).filter(|at| *at > 0)?;
    let text: String = first_known(&rows[at].1)?.chars().take(24).collect();
    let is_last = !rows[at..].iter().any(|(_, row)| row.len() == width);
    let in_table = rows[..at].iter().any(|(_, row)| first_known(row).is_some_and(|first| first.starts_with(&text)));
    if in_table || !(is_last || text.starts_with('#')) {
        return None;
    }
    rows.truncate(at);
    Some(text.trim_end().to_owned())
}

/// How a row of totals begins: with such a word by itself, or with a sign behind it, but not `Total Fitness`.
fn total(row: &[String]) -> Option<String> {
    let first = first_known(row)?;
    let lower = first.to_lowercase();
    let word = TOTALS.iter().find(|word| lower.starts_with(**word))?;
    let rest = lower.get(word.len()..)?;
    match rest.chars().next() {
        None => Some(first.to_owned()),
        Some(sign) if sign.is_alphanumeric() || sign.is_whitespace() => None,
        Some(sign) => first.get(..word.len() + sign.len_utf8()).map(str::to_owned),
    }
}

/// What is said of a first or a last row that may be one of totals.
fn may_total(rows: &Rows) -> Option<String> {
    let ((_, first), (_, last)) = (rows.first()?, rows.last()?);
    let begins = |row: &[String]| {
        let known = first_known(row)?;
        let word = known.split_whitespace().next()?.to_lowercase();
        TOTALS.contains(&word.as_str()).then(|| known.to_owned())
    };
    if let Some(text) = begins(last) {
        return Some(format!("the last row begins with {text:?}: a total? Then write `rows until {text:?}`"));
    }
    if let Some(text) = begins(first) {
        return Some(format!("the first row begins with {text:?}: a total? A `where` leaves it out"));
    }
    let has_no_name = |row: &[String]| row.first().is_some_and(|name| name.trim().is_empty());
    let is_total =
        rows.len() > 2 && has_no_name(last) && !rows[..rows.len() - 1].iter().any(|(_, row)| has_no_name(row));
    is_total.then(|| "the first field of the last row is empty: a total? A `where` leaves it out".to_owned())
}

fn first_known(row: &[String]) -> Option<&str> {
    row.iter().map(|field| field.trim()).find(|field| !field.is_empty())
}
