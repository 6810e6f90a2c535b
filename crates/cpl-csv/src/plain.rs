//! Blocks without quotes, the common case: field ends are found 64 bytes at a time, then each wanted
//! column is read by itself. What is wrong in a block is for `read` to tell, which goes field by field.

use memchr::memchr;

use crate::{Batch, Column, Data, Field, Form, Layout, header::Header, record::RawField, values};

/// Bytes that are looked at together: as many as a mask has bits.
const LANES: usize = 64;

/// Where a field stands in its block.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
}

/// The rows of a block; none where it has a quote, or something that is wrong.
pub fn rows(bytes: &[u8], header: &Header, layout: &Layout) -> Option<Batch> {
    if memchr(b'"', bytes).is_some() {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (rows, mut places) = places(bytes, header, layout)?;
    for (column, first) in &header.twins {
        let twin = places[*first].clone();
        places[*column] = twin;
    }
    let mut columns = Vec::new();
    for (field, places) in layout.columns.iter().zip(&places) {
        let mut column = Column::new(field);
        column.fill(text, places, field)?;
        columns.push(column);
    }
    Some(Batch { rows, columns, bad: Vec::new() })
}

/// How many rows there are, and where the fields of each wanted column stand.
fn places(bytes: &[u8], header: &Header, layout: &Layout) -> Option<(usize, Vec<Vec<Place>>)> {
    let mut found = Found {
        header,
        places: vec![Vec::new(); layout.columns.len()],
        start: 0,
        fields: 0,
        rows: 0,
        short_rows: layout.short_rows,
    };
    u32::try_from(bytes.len()).ok()?;
    let mut chunks = bytes.chunks_exact(LANES);
    let mut base = 0;
    for chunk in &mut chunks {
        let mut ends = ends(chunk.first_chunk()?, layout.separator);
        while ends != 0 {
            found.end(bytes, base + ends.trailing_zeros() as usize)?;
            ends &= ends - 1;
        }
        base += LANES;
    }
    for (at, byte) in chunks.remainder().iter().enumerate() {
        if *byte == layout.separator || *byte == b'\n' {
            found.end(bytes, base + at)?;
        }
    }
    if found.start < bytes.len() || found.fields > 0 {
        found.end(bytes, bytes.len())?;
    }
    Some((found.rows, found.places))
}

/// One bit for each byte that ends a field. Written so that the compiler makes vectors of it.
fn ends(chunk: &[u8; LANES], separator: u8) -> u64 {
    let mut flags = [0u8; LANES];
    for (flag, byte) in flags.iter_mut().zip(chunk) {
        *flag = u8::from(*byte == separator) | u8::from(*byte == b'\n');
    }
    // Eight flags become the eight bits of a byte by one multiplication.
    let packed = |eight: &[u8]| {
        let flags = eight.iter().rev().fold(0u64, |all, flag| all << 8 | u64::from(*flag));
        flags.wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    flags.chunks_exact(8).rev().fold(0, |mask, eight| mask << 8 | packed(eight))
}

struct Found<'a> {
    header: &'a Header,
    places: Vec<Vec<Place>>,
    /// Where the field under way begins.
    start: usize,
    /// Fields of the row under way.
    fields: usize,
    rows: usize,
    /// Fields that a row lacks at its end are empty.
    short_rows: bool,
}

impl Found<'_> {
    /// A field ends at `at`, before a separator, a line's end or the block's; none where its row has another length.
    #[expect(clippy::cast_possible_truncation, reason = "the block is shorter than 4 GiB")]
    fn end(&mut self, bytes: &[u8], at: usize) -> Option<()> {
        let last = bytes.get(at).is_none_or(|byte| *byte == b'\n');
        let end = if last && bytes[self.start..at].ends_with(b"\r") { at - 1 } else { at };
        let start = std::mem::replace(&mut self.start, at + 1);
        if last && self.fields == 0 && start == end {
            return Some(());
        }
        if let Some(Some(column)) = self.header.wanted.get(self.fields) {
            self.places[*column].push(Place { start: start as u32, end: end as u32 });
        }
        self.fields += 1;
        if last {
            if self.short_rows && self.fields < self.header.fields {
                for column in self.header.wanted.iter().skip(self.fields).flatten() {
                    self.places[*column].push(Place { start: end as u32, end: end as u32 });
                }
                self.fields = self.header.fields;
            }
            if self.fields != self.header.fields {
                return None;
            }
            self.fields = 0;
            self.rows += 1;
        }
        Some(())
    }
}

impl Column {
    /// Appends all fields of a column; none where one does not fit.
    fn fill(&mut self, block: &str, places: &[Place], field: &Field) -> Option<()> {
        let bytes = block.as_bytes();
        let texts = places.iter().map(|place| &bytes[place.start as usize..place.end as usize]);
        // The common spellings of the common forms; all else goes the way of single fields.
        let plain = match (&mut self.data, &field.form) {
            (Data::Money(values), Form::Money { shift }) if field.inside.is_none() => {
                all_of(texts, values, |text| values::plain_money(text, *shift))
            }
            (Data::Whole(values), Form::Whole { negative }) if field.inside.is_none() => {
                all_of(texts, values, |text| values::whole(text, *negative))
            }
            (Data::Float(values), Form::Float) if field.inside.is_none() => all_of(texts, values, values::float),
            (Data::Text(all, ends), _) if field.inside.is_none() => all_of(texts, ends, |text| {
                all.extend_from_slice(text);
                (!text.is_empty()).then_some(all.len())
            }),
            _ => None,
        };
        plain.or_else(|| self.refill(bytes, places, field))
    }

    /// The same from the column's beginning, field by field.
    fn refill(&mut self, bytes: &[u8], places: &[Place], field: &Field) -> Option<()> {
        *self = Self::new(field);
        for place in places {
            let bytes = &bytes[place.start as usize..place.end as usize];
            self.push(RawField { bytes, escaped: false, last: false }, field)?;
        }
        Some(())
    }
}

/// Appends what each text is; none where one is nothing.
fn all_of<'t, T>(
    texts: impl ExactSizeIterator<Item = &'t [u8]>,
    values: &mut Vec<T>,
    mut read: impl FnMut(&'t [u8]) -> Option<T>,
) -> Option<()> {
    values.reserve(texts.len());
    for text in texts {
        values.push(read(text)?);
    }
    Some(())
}
