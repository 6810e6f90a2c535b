//! The first row: which column stands where.

use cpl_batch::Problem;

use crate::{
    HeaderMode, Layout,
    record::{blank_line, field, unescaped},
};

/// What some programs put ahead of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Where the wanted columns stand in a file.
#[derive(Clone, Debug)]
pub struct Header {
    /// How many fields a row has.
    pub fields: usize,
    /// The field of each wanted column; several may look at one.
    pub places: Vec<usize>,
}

/// Where the columns stand; also returns how many bytes ahead of the rows tell so.
pub fn header(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let HeaderMode::Places { fields, at } = &layout.head else { return named(bytes, layout) };
    let mark = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
    Ok((Header { fields: *fields, places: at.clone() }, mark))
}

/// Reads the first row.
fn named(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let mut at = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
    let mut names = Vec::new();
    if bytes[at..].iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty);
    }
    while let Some(next) = blank_line(bytes, at) {
        at = next;
    }
    loop {
        let (read, next) = field(bytes, at, layout.separator).map_err(|_| Problem::HeaderNotText)?;
        let name = String::from_utf8(unescaped(read.bytes)).map_err(|_| Problem::HeaderNotText)?;
        names.push(name.trim().to_owned());
        at = next;
        if read.last {
            break;
        }
    }
    let mut columns = Vec::new();
    for field in &layout.columns {
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == field.header).map(|(place, _)| place);
        let Some(place) = places.next() else {
            return Err(Problem::NoColumn { header: field.header.clone(), found: names });
        };
        if places.next().is_some() {
            return Err(Problem::ColumnTwice { header: field.header.clone() });
        }
        columns.push(place);
    }
    Ok((Header { fields: names.len(), places: columns }, at))
}
