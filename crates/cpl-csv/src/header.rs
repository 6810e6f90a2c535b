//! The header row: the positions of the columns.

use cpl_batch::{FileKind, Place, Problem};

use crate::{
    HeaderMode, Layout,
    record::{BadQuote, blank_line, field, unescaped},
};

/// The UTF-8 byte order mark.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The positions of the requested columns in a file.
#[derive(Clone, Debug)]
pub struct Header {
    /// How many fields a row has.
    pub fields: usize,
    /// The field of each wanted column; several may look at one. None where the file lacks it, and may.
    pub places: Vec<Option<usize>>,
}

/// The positions of the columns, and the length of the header in bytes.
pub fn header(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let HeaderMode::Places { fields, at } = &layout.head else { return named(bytes, layout) };
    let bom = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    Ok((Header { fields: *fields, places: at.iter().copied().map(Some).collect() }, bom))
}

/// Reads the first row.
fn named(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let mut at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    if bytes[at..].iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty);
    }
    while let Some(next) = blank_line(bytes, at) {
        at = next;
    }
    let (names, end) = names(bytes, at, layout.separator)?;
    let mut places = Vec::new();
    for field in &layout.columns {
        let mut found = names.iter().enumerate().filter(|(_, name)| **name == field.header).map(|(place, _)| place);
        let place = found.next();
        if place.is_none() && !field.may_lack {
            let line = lower_header(bytes, end, layout);
            return Err(Problem::NoColumn { header: field.header.clone(), found: names, line });
        }
        if found.next().is_some() {
            return Err(Problem::ColumnTwice { header: field.header.clone() });
        }
        places.push(place);
    }
    Ok((Header { fields: names.len(), places }, end))
}

/// The names of a row, and where the next row begins.
fn names(bytes: &[u8], mut at: usize, separator: u8) -> Result<(Vec<String>, usize), Problem> {
    let mut names = Vec::new();
    loop {
        let (read, next) = field(bytes, at, separator)
            .map_err(|bad| Problem::Quote { place: Place::default(), open: bad == BadQuote::Open })?;
        // Lines that end with a carriage return only are one line: whatever its names are, it has no rows.
        if bytes.get(at) != Some(&b'"') && read.bytes.contains(&b'\r') {
            return Err(Problem::OtherKind(FileKind::CarriageReturns));
        }
        let name = String::from_utf8(unescaped(read.bytes)).map_err(|_| Problem::HeaderNotText)?;
        names.push(name.trim().to_owned());
        at = next;
        if read.last {
            return Ok((names, at));
        }
    }
}

/// How far below the first row a header is looked for: reports have a title, a time span, a blank line above it.
const LOOKED_AT: usize = 50;

/// The line of the file in which all wanted columns are named, where it is one further down.
fn lower_header(bytes: &[u8], mut at: usize, layout: &Layout) -> Option<u64> {
    for _ in 0..LOOKED_AT {
        if at >= bytes.len() {
            return None;
        }
        let (names, next) = names(bytes, at, layout.separator).ok()?;
        if layout.columns.iter().filter(|field| !field.may_lack).all(|field| names.contains(&field.header)) {
            let above = memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64;
            return Some(layout.skip_lines + above + 1);
        }
        at = next;
    }
    None
}
