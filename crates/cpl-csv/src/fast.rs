//! Blocks without quotes, the common case: finds field ends 64 bytes at a time, then reads each requested column by
//! itself. A block with a problem is left to `read`, which works field by field and reports it.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use cpl_batch::{Batch, Column, Data, Field, Notation, Numbers, ValueFormat, notation::looks_grouped, values};

use crate::{Layout, dictionary::encode, header::Header};

/// Bytes that are looked at together: as many as a mask has bits.
const LANES: usize = 64;

/// The rows of a block; none where it has a quote, a NUL byte, a blank line, a short row, or something that is wrong.
pub fn rows(bytes: &[u8], header: &Header, layout: &Layout) -> Option<Batch> {
    if memchr(b'"', bytes).is_some() {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let fields = Fields::of(text, header.fields, layout.separator)?;
    let mut columns = Vec::new();
    for (field, place) in layout.columns.iter().zip(&header.places) {
        columns.push(match place {
            Some(place) => column(&fields, *place, field).filter(has_no_nul)?,
            None => Column::missing(field, fields.rows),
        });
    }
    Some(Batch { rows: fields.rows, columns, bad: Vec::new() })
}

/// What a failed disk leaves in a text is no text.
fn has_no_nul(column: &Column) -> bool {
    match &column.data {
        Data::Text(all, _) => memchr(0, all.as_bytes()).is_none(),
        Data::Dictionary(words, _) => words.iter().all(|word| memchr(0, word.as_bytes()).is_none()),
        _ => true,
    }
}

/// Where the fields of a block end. All rows have as many.
struct Fields<'b> {
    text: &'b str,
    ends: Vec<u32>,
    /// Of each row.
    width: usize,
    rows: usize,
}

impl<'b> Fields<'b> {
    /// None where the rows are not all of that width.
    fn of(text: &'b str, width: usize, separator: u8) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut ends = ends(bytes, separator)?;
        let mut rows = memchr_iter(b'\n', bytes).count();
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            ends.push(u32::try_from(bytes.len()).ok()?);
            rows += 1;
        }
        if ends.len() != rows * width {
            return None;
        }
        // As many lines end as there are rows: where each row's last field ends a line, no other field does.
        let ends_line = |end: &u32| bytes.get(*end as usize).is_none_or(|byte| *byte == b'\n');
        let last = ends.get(width.checked_sub(1)?..).unwrap_or_default().iter().step_by(width);
        let regular = last.into_iter().all(ends_line);
        let fields = Self { text, ends, width, rows };
        // A line of one field may be blank.
        let blank = width == 1 && fields.column(0).any(<[u8]>::is_empty);
        (regular && !blank).then_some(fields)
    }

    /// The texts of a column.
    fn texts(&self, place: usize) -> impl ExactSizeIterator<Item = &'b str> {
        self.places(place).map(|place| &self.text[place])
    }

    /// Their bytes: looking whether a text begins and ends between letters takes as long as reading a number.
    fn column(&self, place: usize) -> impl ExactSizeIterator<Item = &'b [u8]> {
        let bytes = self.text.as_bytes();
        self.places(place).map(|place| &bytes[place])
    }

    /// Where the fields of a column stand.
    fn places(&self, place: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
        let before = place.checked_sub(1);
        let last = place + 1 == self.width;
        self.ends.chunks_exact(self.width).enumerate().map(move |(row, ends)| {
            let start = match (before, row) {
                (Some(before), _) => ends[before] + 1,
                (None, 0) => 0,
                (None, _) => self.ends[row * self.width - 1] + 1,
            };
            let (start, end) = (start as usize, ends[place] as usize);
            let carriage_return = last && end > start && self.text.as_bytes()[end - 1] == b'\r';
            start..end - usize::from(carriage_return)
        })
    }
}

/// Where each field ends, before a separator or a line's end; none of a block that is too large to be counted.
#[expect(clippy::cast_possible_truncation, reason = "the block is shorter than 4 GiB")]
fn ends(bytes: &[u8], separator: u8) -> Option<Vec<u32>> {
    u32::try_from(bytes.len()).ok()?;
    let mut ends = Vec::with_capacity(bytes.len() / 4);
    let mut chunks = bytes.chunks_exact(LANES);
    let (mut base, mut found) = (0u32, [0u32; LANES]);
    for chunk in &mut chunks {
        let mut mask = mask(chunk.first_chunk()?, separator);
        let count = mask.count_ones() as usize;
        for end in &mut found[..count] {
            *end = base + mask.trailing_zeros();
            mask &= mask - 1;
        }
        ends.extend_from_slice(&found[..count]);
        base += LANES as u32;
    }
    let rest = chunks.remainder().iter().zip(base..);
    ends.extend(rest.filter(|(byte, _)| **byte == separator || **byte == b'\n').map(|(_, at)| at));
    Some(ends)
}

/// One bit for each byte that ends a field. Written so that the compiler makes vectors of it.
fn mask(chunk: &[u8; LANES], separator: u8) -> u64 {
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

/// All fields of a column; none where one does not fit.
fn column(fields: &Fields<'_>, place: usize, field: &Field) -> Option<Column> {
    if field.embedded.is_some() {
        return one_by_one(fields.texts(place), field);
    }
    if matches!(field.format, ValueFormat::Word)
        && field.missing.is_empty()
        && let Some(column) = encode(fields.column(place), field.optional)
    {
        return Some(column);
    }
    let mut column = Column::new(field);
    let common = match &field.notation {
        Some(notation) => written(fields.column(place), &mut column.data, &field.format, notation),
        None => plain(fields, place, &mut column.data, field),
    };
    if common.is_none() {
        return one_by_one(fields.texts(place), field);
    }
    // The common whole numbers have no point.
    if field.notation.is_none() && matches!(column.data, Data::Money(..) | Data::Float(..)) {
        column.numbers = numbers(fields, place);
    }
    Some(column)
}

/// The numbers with a point, up to the first that does not look grouped: mostly that is the first of all.
fn numbers(fields: &Fields<'_>, place: usize) -> Numbers {
    let mut numbers = Numbers::default();
    let _ = fields.column(place).all(|text| {
        let (has_point, is_grouped) = (text.contains(&b'.'), looks_grouped(text));
        numbers.pointed += u64::from(has_point);
        numbers.grouped += u64::from(is_grouped);
        has_point == is_grouped
    });
    numbers
}

/// The common spellings of the common formats; all else goes the way of single fields.
fn plain(fields: &Fields<'_>, place: usize, data: &mut Data, field: &Field) -> Option<()> {
    let bytes = fields.column(place);
    match (data, &field.format) {
        (Data::Money(values), ValueFormat::Money { shift, .. }) => {
            all_of(bytes, values, |text| values::plain_money(text, *shift))
        }
        (Data::Whole(values), ValueFormat::Whole { negative }) => {
            let has_point = |text: &[u8]| text.ends_with(b"0") && text.contains(&b'.');
            all_of(bytes, values, |text| values::whole(text, *negative).filter(|_| !has_point(text)))
        }
        (Data::Float(values), ValueFormat::Float) => all_of(bytes, values, values::float),
        (Data::Text(all, ends), ValueFormat::Text | ValueFormat::Word) if field.missing.is_empty() => {
            all_of(fields.texts(place), ends, |text| {
                all.push_str(text);
                (!text.is_empty()).then_some(all.len())
            })
        }
        _ => None,
    }
}

/// The same of numbers in a notation.
fn written<'t>(
    texts: impl ExactSizeIterator<Item = &'t [u8]>,
    data: &mut Data,
    format: &ValueFormat,
    notation: &Notation,
) -> Option<()> {
    let mut plain = Vec::new();
    match (data, format) {
        (Data::Money(values), ValueFormat::Money { shift, .. }) => {
            all_of(texts, values, |text| values::plain_money(rewritten(text, notation, &mut plain)?, *shift))
        }
        (Data::Whole(values), ValueFormat::Whole { negative }) => {
            all_of(texts, values, |text| values::whole(rewritten(text, notation, &mut plain)?, *negative))
        }
        (Data::Float(values), ValueFormat::Float) => {
            all_of(texts, values, |text| values::float(rewritten(text, notation, &mut plain)?))
        }
        _ => None,
    }
}

fn rewritten<'p>(text: &[u8], notation: &Notation, plain: &'p mut Vec<u8>) -> Option<&'p [u8]> {
    plain.clear();
    notation.plain(text, plain)?;
    Some(plain)
}

/// The same, field by field.
fn one_by_one<'t>(texts: impl Iterator<Item = &'t str>, field: &Field) -> Option<Column> {
    let mut column = Column::new(field);
    for text in texts {
        column.push_text(text, field)?;
    }
    Some(column)
}

/// Appends what each text is; none where one is nothing. A loop by itself for each format: inlined together, they share
/// too few registers.
#[inline(never)]
fn all_of<I: ExactSizeIterator, T>(
    texts: I,
    values: &mut Vec<T>,
    mut read: impl FnMut(I::Item) -> Option<T>,
) -> Option<()> {
    values.reserve(texts.len());
    for text in texts {
        values.push(read(text)?);
    }
    Some(())
}
