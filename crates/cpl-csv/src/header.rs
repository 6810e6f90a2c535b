//! The header row: the positions of the columns.

use cpl_batch::{Place, Problem};

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
    /// The field of each wanted column; several may look at one.
    pub places: Vec<usize>,
}

/// The positions of the columns, and the length of the header in bytes.
pub fn header(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let HeaderMode::Places { fields, at } = &layout.head else { return named(bytes, layout) };
    let bom = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    Ok((Header { fields: *fields, places: at.clone() }, bom))
}

/// Reads the first row.
fn named(bytes: &[u8], layout: &Layout) -> Result<(Header, usize), Problem> {
    let mut at = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    let mut names = Vec::new();
    if bytes[at..].iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::Empty);
    }
    while let Some(next) = blank_line(bytes, at) {
        at = next;
    }
    loop {
        let (read, next) = field(bytes, at, layout.separator)
            .map_err(|bad| Problem::Quote { place: Place::default(), open: bad == BadQuote::Open })?;
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
