//! Text tables → record batches, each bad value with its place.
//!
//! It knows bytes, fields and headers; it knows nothing of pipelines and of no engine. Columns are found by their
//! header's name in every file, every row's fields are counted, and only the wanted fields are read. Memory is bounded
//! by a few blocks of the file.

mod blocks;
mod decode;
mod dictionary;
mod fast;
mod header;
mod input;
mod read;
mod record;
mod until;

#[cfg(test)]
mod tests;

pub use decode::{Encoding, decoded};
pub use input::{Input, UNPACKED_BYTES, is_packed, open, unpacked};
pub use read::{ProblemAt, Summary, check_header, read, read_blocks, unreadable};

use cpl_batch::Field;

/// What to read of a file.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The field separator: one ASCII character.
    pub separator: u8,
    /// The requested columns, in the order of a batch.
    pub columns: Vec<Field>,
    /// How they are found.
    pub head: HeaderMode,
    /// Fields that a row lacks at its end are missing values.
    pub short_rows: bool,
    /// How many lines stand above the header, or above the first row where there is none.
    pub skip_lines: u64,
    /// The encoding of a file that has no byte order mark.
    pub encoding: Encoding,
    /// The first row whose first field that is not empty begins so, and all rows behind it, are not read.
    pub until: Option<String>,
    /// Invalid rows are rejected instead of failing the read.
    pub skip_bad: bool,
}

impl Default for Layout {
    /// Of no columns, with commas and a header.
    fn default() -> Self {
        Self {
            separator: b',',
            columns: Vec::new(),
            head: HeaderMode::Names,
            short_rows: false,
            skip_lines: 0,
            encoding: Encoding::Utf8,
            until: None,
            skip_bad: false,
        }
    }
}

/// How the wanted columns are found in a file.
#[derive(Clone, Debug)]
pub enum HeaderMode {
    /// By their names in the first row.
    Names,
    /// By position, counted from 0, in rows of a fixed number of fields. There is no header row.
    Places {
        /// How many fields a row has.
        fields: usize,
        /// The position of each requested column.
        at: Vec<usize>,
    },
}
