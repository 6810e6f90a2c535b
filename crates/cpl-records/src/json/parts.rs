//! A source in parts, on which several threads work, and what they made of them in one piece again.

use std::{borrow::Cow, io::Read, mem::take, ops::ControlFlow};

use cpl_batch::{Batch, Oversized, Parts, Place, Problem};
use cpl_csv::Summary;
use memchr::memrchr;

use crate::Out;

/// The most bytes of a line.
pub const LINE_BYTES: u64 = 16 << 20;
/// About as many bytes are worked on at once.
const PART_BYTES: usize = 1 << 20;

/// Whole lines.
pub struct LineBlock {
    pub bytes: Vec<u8>,
    /// The source begins with them.
    pub begins: bool,
}

/// Cuts a stream into blocks of whole lines.
pub struct LineBlocks<R> {
    input: R,
    /// Read, and not handed out yet.
    rest: Vec<u8>,
}

impl<R: Read> LineBlocks<R> {
    pub fn new(input: R) -> Self {
        Self { input, rest: Vec::new() }
    }

    /// Hands out all blocks; the place of a problem is counted from the last of them.
    pub fn each(mut self, parts: &mut Parts<'_, LineBlock>) -> Result<(), Problem> {
        let mut begins = true;
        loop {
            let before = self.rest.len();
            let read = (&mut self.input).take(PART_BYTES as u64).read_to_end(&mut self.rest);
            let ended = read.map_err(|error| cpl_csv::unreadable(&error))? < PART_BYTES;
            let end = if ended {
                Some(self.rest.len())
            } else {
                memrchr(b'\n', &self.rest[before..]).map(|at| before + at + 1)
            };
            let Some(end) = end else {
                if self.rest.len() as u64 > LINE_BYTES {
                    return Err(line_too_large(Place { row: 1, line: 1 }));
                }
                continue;
            };
            // One piece of memory a block, large enough for what is read next.
            let mut rest = Vec::with_capacity(2 * PART_BYTES);
            rest.extend_from_slice(&self.rest[end..]);
            self.rest.truncate(end);
            let bytes = std::mem::replace(&mut self.rest, rest);
            if parts(LineBlock { bytes, begins }).is_break() || ended {
                return Ok(());
            }
            begins = false;
        }
    }
}

pub fn line_too_large(place: Place) -> Problem {
    Problem::TooLarge { what: Oversized::Line, limit: LINE_BYTES, place }
}

/// Records of a document that are worked on together.
pub struct RecordGroup<'t> {
    pub records: Vec<Cow<'t, str>>,
    bytes: usize,
    /// The document begins with them.
    pub begins: bool,
}

impl Default for RecordGroup<'_> {
    fn default() -> Self {
        Self { records: Vec::new(), bytes: 0, begins: true }
    }
}

impl<'t> RecordGroup<'t> {
    /// Adds a record, and hands the group out where it is large enough.
    pub fn push(&mut self, record: Cow<'t, str>, parts: &mut Parts<'_, Self>) -> ControlFlow<()> {
        self.bytes += record.len();
        self.records.push(record);
        if self.bytes < PART_BYTES { ControlFlow::Continue(()) } else { self.hand_out(parts) }
    }

    /// Hands out the last records.
    pub fn end(mut self, parts: &mut Parts<'_, Self>) {
        // Nobody may take them any more.
        let _more = self.hand_out(parts);
    }

    fn hand_out(&mut self, parts: &mut Parts<'_, Self>) -> ControlFlow<()> {
        let full = take(self);
        self.begins = false;
        parts(full)
    }
}

/// What was made of a part; places in it are counted from its own beginning.
pub struct Part {
    pub batches: Vec<Batch>,
    pub summary: Summary,
    pub lines: u64,
    pub columns_found: Vec<bool>,
    pub each_found: Option<bool>,
    pub names: Vec<String>,
    pub failed: Option<Problem>,
}

/// The parts so far, in their order.
pub struct Merged<'o, 'l, S> {
    out: &'o mut Out<'l, S>,
    failed: Option<Problem>,
}

impl<'o, 'l, S: FnMut(Batch) -> ControlFlow<()>> Merged<'o, 'l, S> {
    pub fn of(out: &'o mut Out<'l, S>) -> Self {
        Self { out, failed: None }
    }

    /// Takes the next part, until one has a problem or enough is taken.
    pub fn take(&mut self, part: Part) -> ControlFlow<()> {
        let out = &mut *self.out;
        let before = Place { row: out.summary.rows, line: out.lines };
        for (found, also) in out.columns_found.iter_mut().zip(&part.columns_found) {
            *found |= also;
        }
        out.each_found = out.each_found.max(part.each_found);
        if out.names.is_empty() {
            out.names = part.names;
        }
        for mut batch in part.batches {
            for bad in &mut batch.bad {
                bad.problem = bad.problem.clone().offset_by(before);
            }
            out.full = out.full || (out.sink)(batch).is_break();
        }
        out.summary.rows += part.summary.rows;
        out.summary.bytes += part.summary.bytes;
        out.lines += part.lines;
        self.failed = part.failed.map(|problem| problem.offset_by(before));
        if self.failed.is_some() || out.full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The first problem: one of a part, or behind all of them that of cutting.
    pub fn end(self, cut: Option<Problem>) -> Result<(), Problem> {
        let before = Place { row: self.out.summary.rows, line: self.out.lines };
        let cut = if self.out.full { None } else { cut.map(|problem| problem.offset_by(before)) };
        self.failed.or(cut).map_or(Ok(()), Err)
    }
}
