//! A file in blocks that end where a record ends.

use std::io::Read;

use memchr::{memchr, memrchr};

use crate::record::{BadQuote, field};

/// How much is read at once.
pub const BLOCK_BYTES: usize = 1 << 20;
/// A record longer than this has a quote that never closes, or is too long.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Whole records, and where in the file they begin.
#[derive(Debug)]
pub struct Block {
    /// Offset of the first byte.
    pub offset: u64,
    /// The records.
    pub bytes: Vec<u8>,
}

/// Cuts a stream into blocks.
pub struct Blocks<R> {
    input: R,
    separator: u8,
    /// Read and not given out yet.
    rest: Vec<u8>,
    offset: u64,
    ended: bool,
    block_bytes: usize,
}

/// Why there is no next block.
#[derive(Debug)]
pub enum Cut {
    Io(std::io::Error),
    /// A quote that opens in the record at that offset never closes.
    OpenQuote(u64),
    /// The record at that offset is too long.
    LongRecord(u64),
    /// A byte of the last block is none of a text: the first such is at that offset.
    Nul(u64),
    /// There are only so many lines, and more are to be skipped.
    FewLines(u64),
}

impl<R: Read> Blocks<R> {
    pub fn new(input: R, separator: u8, block_bytes: usize) -> Self {
        Self { input, separator, rest: Vec::new(), offset: 0, ended: false, block_bytes }
    }

    /// Passes over so many lines.
    ///
    /// # Errors
    /// How many there are, where they are fewer.
    pub fn skip_lines(&mut self, lines: u64) -> Result<(), Cut> {
        for passed in 0..lines {
            let mut bytes = std::mem::take(&mut self.rest);
            let length = loop {
                if let Some(at) = memchr(b'\n', &bytes) {
                    break at + 1;
                }
                let length = bytes.len();
                self.fill(&mut bytes, length + self.block_bytes.max(1))?;
                if self.ended && memchr(b'\n', &bytes).is_none() {
                    return Err(Cut::FewLines(passed + u64::from(!bytes.is_empty())));
                }
                if bytes.len() >= MAX_RECORD_BYTES {
                    return Err(Cut::LongRecord(self.offset));
                }
            };
            self.rest = bytes.split_off(length);
            self.offset += length as u64;
        }
        Ok(())
    }

    /// The next whole records; none at the end.
    pub fn next(&mut self) -> Result<Option<Block>, Cut> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut wanted = self.block_bytes;
        loop {
            self.fill(&mut bytes, wanted)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            // A file that was cut off while it was written ends with them; elsewhere they make a bad value.
            if self.ended
                && bytes.trim_ascii_end().ends_with(&[0])
                && let Some(at) = memchr(0, &bytes)
            {
                return Err(Cut::Nul(self.offset + at as u64));
            }
            let end = if self.ended { bytes.len() } else { self.records_end(&bytes) };
            if end > 0 {
                self.rest = bytes.split_off(end);
                let block = Block { offset: self.offset, bytes };
                self.offset += end as u64;
                return Ok(Some(block));
            }
            if bytes.len() >= MAX_RECORD_BYTES {
                let quoted = memchr(b'"', &bytes).is_some();
                return Err(if quoted { Cut::OpenQuote(self.offset) } else { Cut::LongRecord(self.offset) });
            }
            wanted = bytes.len() * 2;
        }
    }

    /// The first block that holds more than blank lines, and how many lines the blank ones before it hold.
    pub fn first_with_text(&mut self) -> Result<(Option<Block>, u64), Cut> {
        let mut blank_lines = 0;
        loop {
            match self.next()? {
                Some(block) if block.bytes.iter().all(u8::is_ascii_whitespace) => {
                    blank_lines += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
                }
                block => return Ok((block, blank_lines)),
            }
        }
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> Result<(), Cut> {
        let missing = wanted.saturating_sub(bytes.len());
        bytes.reserve(missing);
        let missing = missing as u64;
        let read = self.input.by_ref().take(missing).read_to_end(bytes).map_err(Cut::Io)?;
        self.ended |= (read as u64) < missing;
        Ok(())
    }

    /// The end of the last complete record in `bytes`; 0 if there is none.
    fn records_end(&self, bytes: &[u8]) -> usize {
        if memchr(b'"', bytes).is_none() {
            return memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        }
        let (mut at, mut end) = (0, 0);
        while at < bytes.len() {
            match field(bytes, at, self.separator) {
                // A field that reaches the end of the bytes may go on in the next.
                Ok((_, next)) if next >= bytes.len() && bytes.last() != Some(&b'\n') => break,
                Ok((read, next)) => {
                    at = next;
                    if read.last {
                        end = next;
                    }
                }
                Err(BadQuote::Open) => break,
                // Reported when the record is read: all that is here goes with it.
                Err(BadQuote::More) => return if end == 0 { bytes.len() } else { end },
            }
        }
        end
    }
}
