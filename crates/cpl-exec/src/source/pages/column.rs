//! One column of a row group: its pages one after the other, their values in the type that is declared.

use std::{io::Cursor, sync::Arc};

use cpl_model::program::FetchColumn;
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray, UInt32Chunked};
use polars_buffer::Buffer;
use polars_parquet::parquet::{
    encoding::{
        Encoding,
        hybrid_rle::{HybridRleChunk, HybridRleDecoder},
    },
    metadata::ColumnChunkMetadata,
    page::{DataPage, split_buffer},
    read::{BasicDecompressor, PageReader},
    schema::types::PhysicalType,
};

use super::values::{NotRead, plain};
use crate::source::{cast::Cast, dictionary::Dictionary};

/// The largest page, packed and not: writers aim at one of a MiB.
const PAGE_BYTES: usize = 1 << 28;

/// Reads the values of a column.
pub struct ColumnReader<'c> {
    pages: BasicDecompressor,
    physical: PhysicalType,
    stored: &'c DataType,
    declared: &'c FetchColumn,
    cast: &'c Cast,
    dictionary: Option<Arc<Words>>,
    /// Rows that are still to be passed over.
    skip: usize,
    /// Rows of the row group whose pages were not looked at yet.
    left: usize,
    /// Values that were read and not taken.
    pending: Option<Values>,
    /// A page whose values can't stand with those.
    next: Option<Values>,
}

/// Values of some rows.
enum Values {
    /// Indices of the dictionary, of which the first ones are taken; which have a value, where not all have.
    Numbers { all: Vec<u32>, taken: usize, known: Option<Vec<bool>> },
    /// As they are stored.
    Plain(pl::Column),
}

/// The values of a dictionary.
struct Words {
    /// As they are stored.
    stored: pl::Column,
    /// In the declared type; none where one does not fit, which may be that of no row.
    typed: Option<pl::Column>,
    /// Texts that may stay numbers.
    texts: Option<Arc<Vec<String>>>,
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Numbers { all, taken, .. } => all.len() - taken,
            Self::Plain(values) => values.len(),
        }
    }

    /// Appends others, of so many that are wanted; gives them back where they are not of the same kind.
    fn append(&mut self, other: Self, wanted: usize) -> Result<Option<Self>, NotRead> {
        match (self, other) {
            (Self::Numbers { all, taken, known }, Self::Numbers { all: more, known: of_more, .. }) => {
                if known.is_some() || of_more.is_some() {
                    let known = known.get_or_insert_with(|| vec![true; all.len()]);
                    known.drain(..*taken);
                    known.extend(of_more.unwrap_or_else(|| vec![true; more.len()]));
                }
                all.drain(..std::mem::take(taken));
                all.reserve(more.len().max(wanted.saturating_sub(all.len())));
                all.extend_from_slice(&more);
            }
            (Self::Plain(all), Self::Plain(more)) => drop(all.append_owned(more).map_err(|_| NotRead)?),
            (_, other) => return Ok(Some(other)),
        }
        Ok(None)
    }

    /// Passes over the first rows.
    fn skip(&mut self, rows: usize) {
        match self {
            Self::Numbers { taken, .. } => *taken += rows,
            Self::Plain(values) => *values = values.slice(i64::try_from(rows).unwrap_or(i64::MAX), usize::MAX),
        }
    }
}

impl<'c> ColumnReader<'c> {
    /// The same from a row of the row group on.
    pub fn starting_at(self, row: usize) -> Self {
        Self { skip: row, ..self }
    }

    /// Of a row group of so many rows.
    pub fn new(
        bytes: Buffer<u8>,
        chunk: &ColumnChunkMetadata,
        (stored, is_word): (&'c DataType, bool),
        (declared, cast): (&'c FetchColumn, &'c Cast),
        rows: usize,
    ) -> Result<Self, NotRead> {
        let reader = PageReader::new(Cursor::new(bytes), chunk, Vec::new(), PAGE_BYTES);
        let mut pages = BasicDecompressor::new(reader, Vec::new());
        let physical = chunk.physical_type();
        let page = pages.read_dict_page().map_err(|_| NotRead)?;
        let dictionary = page.map(|page| {
            let stored = plain(physical, stored, &page.buffer, page.num_values)?;
            Ok(Arc::new(Words::of(stored, cast, is_word)))
        });
        let dictionary = dictionary.transpose()?;
        Ok(Self { pages, physical, stored, declared, cast, dictionary, skip: 0, left: rows, pending: None, next: None })
    }

    /// Reads until so many rows are there, or the next are of another kind; how many there are.
    pub fn fill(&mut self, rows: usize) -> Result<usize, NotRead> {
        loop {
            let there = self.pending.as_ref().map_or(0, Values::len);
            if there >= rows || self.next.is_some() && there > 0 {
                return Ok(there);
            }
            let Some(values) = self.next_page()? else { return Ok(there) };
            match &mut self.pending {
                Some(pending) if there > 0 => self.next = pending.append(values, rows)?,
                pending => *pending = Some(values),
            }
        }
    }

    /// The values of the next page, without those that are passed over.
    fn next_page(&mut self) -> Result<Option<Values>, NotRead> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        loop {
            let Some(page) = self.pages.next() else { return Ok(None) };
            let page = page.map_err(|_| NotRead)?;
            // A row has one value, or none: no column here is nested. A damaged page may promise anything.
            let rows = page.num_values();
            self.left = self.left.checked_sub(rows).ok_or(NotRead)?;
            if page.page().uncompressed_size() > PAGE_BYTES {
                return Err(NotRead);
            }
            if self.skip >= rows {
                self.skip -= rows;
                continue;
            }
            let page = page.decompress(&mut self.pages).map_err(|_| NotRead)?;
            let mut values = self.values(&page)?;
            self.pages.reuse_page_buffer(page);
            let skip = std::mem::take(&mut self.skip);
            values.skip(skip);
            return Ok(Some(values));
        }
    }

    fn values(&self, page: &DataPage) -> Result<Values, NotRead> {
        let parts = split_buffer(page).map_err(|_| NotRead)?;
        let rows = page.num_values();
        let known = if page.descriptor.max_def_level == 0 { None } else { levels(parts.def, rows)? };
        let count = known.as_ref().map_or(rows, |known| known.iter().filter(|known| **known).count());
        match page.encoding() {
            Encoding::RleDictionary | Encoding::PlainDictionary => {
                let (bits, bytes) =
                    parts.values.split_first().map_or((0, parts.values), |(bits, bytes)| (*bits, bytes));
                let words = self.dictionary.as_ref().ok_or(NotRead)?.stored.len();
                let numbers = unpacked(bytes, bits.into(), count)?;
                if numbers.iter().max().is_some_and(|most| *most as usize >= words) {
                    return Err(NotRead);
                }
                Ok(match known {
                    None => Values::Numbers { all: numbers, taken: 0, known },
                    Some(known) => {
                        // A missing value has a number that nobody looks at.
                        let each = spread(numbers, &known).map(Option::unwrap_or_default);
                        Values::Numbers { all: each.collect(), taken: 0, known: Some(known) }
                    }
                })
            }
            Encoding::Plain => {
                let values = plain(self.physical, self.stored, parts.values, count)?;
                let Some(known) = known else { return Ok(Values::Plain(values)) };
                let places = pl::IdxCa::from_iter_options("".into(), spread((0..).take(count).collect(), &known));
                Ok(Values::Plain(values.take(&places).map_err(|_| NotRead)?))
            }
            _ => Err(NotRead),
        }
    }

    /// The next rows in the declared type; numbers where they may stay that. There are as many.
    pub fn take(&mut self, rows: usize, dictionary: &mut Dictionary) -> Result<pl::Column, NotRead> {
        let pending = self.pending.as_ref().ok_or(NotRead)?;
        let mut typed = match pending {
            Values::Plain(values) => self.cast.convert(&values.slice(0, rows)).map_err(|_| NotRead)?,
            Values::Numbers { all, taken, known } => {
                let range = *taken..taken + rows;
                let known = known.as_ref().map(|known| &known[range.clone()]);
                self.of_words(&all[range], known, dictionary)?
            }
        };
        self.pending.iter_mut().for_each(|pending| pending.skip(rows));
        if !self.declared.optional && typed.null_count() > 0 {
            return Err(NotRead);
        }
        typed.rename(self.declared.name.as_str().into());
        Ok(typed)
    }
}

impl ColumnReader<'_> {
    /// The column of those indices, of which some may stand for nothing.
    fn of_words(
        &self,
        numbers: &[u32],
        known: Option<&[bool]>,
        dictionary: &mut Dictionary,
    ) -> Result<pl::Column, NotRead> {
        let words = self.dictionary.as_ref().ok_or(NotRead)?;
        let numbers = match known {
            None => UInt32Chunked::from_slice(pl::PlSmallStr::EMPTY, numbers),
            Some(known) => {
                let each = numbers.iter().zip(known).map(|(number, known)| known.then_some(*number));
                UInt32Chunked::from_iter_options(pl::PlSmallStr::EMPTY, each)
            }
        };
        match (&words.texts, &words.typed) {
            (Some(texts), _) => {
                dictionary.set_words(&self.declared.name, Arc::clone(texts));
                Ok(numbers.into_column())
            }
            (None, Some(typed)) => typed.take(&numbers).map_err(|_| NotRead),
            (None, None) => {
                let stored = words.stored.take(&numbers).map_err(|_| NotRead)?;
                self.cast.convert(&stored).map_err(|_| NotRead)
            }
        }
    }
}

impl Words {
    fn of(stored: pl::Column, cast: &Cast, is_word: bool) -> Self {
        let typed = cast.convert(&stored).ok();
        let texts = typed.as_ref().filter(|typed| is_word && typed.null_count() == 0).and_then(|typed| {
            let texts = typed.str().ok()?.iter().flatten().map(str::to_owned);
            Some(Arc::new(texts.collect()))
        });
        Self { stored, typed, texts }
    }
}

/// Which of so many rows have a value; none where all have.
fn levels(bytes: &[u8], rows: usize) -> Result<Option<Vec<bool>>, NotRead> {
    let mut decoder = HybridRleDecoder::new(bytes, 1, rows);
    let mut known = Vec::new();
    while let Some(chunk) = decoder.next_chunk().map_err(|_| NotRead)? {
        match chunk {
            HybridRleChunk::Rle(1, length) if length >= rows && known.is_empty() => return Ok(None),
            // The run may be longer than what is left of the page.
            HybridRleChunk::Rle(level, length) => known.resize(rows.min(known.len() + length), level == 1),
            HybridRleChunk::Bitpacked(packed) => {
                let mut levels = Vec::new();
                packed.collect_into(&mut levels);
                known.extend(levels.iter().map(|level| *level == 1));
            }
        }
    }
    if known.len() < rows {
        return Err(NotRead);
    }
    known.truncate(rows);
    Ok(known.contains(&false).then_some(known))
}

/// So many numbers of so many bits.
fn unpacked(bytes: &[u8], bits: u32, count: usize) -> Result<Vec<u32>, NotRead> {
    let mut decoder = HybridRleDecoder::new(bytes, bits, count);
    // They are unpacked 32 at a time.
    let mut numbers = Vec::with_capacity(count + 32);
    while let Some(chunk) = decoder.next_chunk().map_err(|_| NotRead)? {
        match chunk {
            HybridRleChunk::Rle(number, length) => numbers.resize(count.min(numbers.len() + length), number),
            HybridRleChunk::Bitpacked(packed) => packed.collect_into(&mut numbers),
        }
    }
    if numbers.len() < count {
        return Err(NotRead);
    }
    numbers.truncate(count);
    Ok(numbers)
}

/// Each value in the place of a row that has one.
fn spread(values: Vec<u32>, known: &[bool]) -> impl Iterator<Item = Option<u32>> {
    let mut values = values.into_iter();
    known.iter().map(move |known| if *known { values.next() } else { None })
}
