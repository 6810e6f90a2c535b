//! A file → batches: one thread cuts blocks, others read them, batches come out in the file's order.

use std::{
    io::{self, BufReader, Read},
    ops::ControlFlow,
};

use memchr::memchr_iter;

use cpl_batch::{Batch, Cell, Oversized, Parts, Place, Problem, ReadProblem, RejectedRow, in_order};

use crate::{
    HeaderMode, Layout,
    blocks::{BLOCK_BYTES, Block, Blocks, Cut, MAX_RECORD_BYTES},
    decode::decoded,
    fast,
    header::{Header, header},
    input::{Input, UNPACKED_BYTES},
    record::{BadQuote, blank_line, field, unescaped},
    until::{count_rows, rows_end},
};

/// What was read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows, the header not counted.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows from the one on at which the table ends; they are not read.
    pub left_out: u64,
}

/// Reads the wanted columns of a file on `threads` threads and hands the batches out in order, until the sink
/// has enough.
///
/// # Errors
/// The first problem in file order; the batches before it were handed out.
pub fn read(
    input: &(impl Input + ?Sized),
    layout: &Layout,
    threads: usize,
    sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Summary, Problem> {
    let text = open_text(input, layout)?;
    read_blocks(text, layout, threads, BLOCK_BYTES, sink)
        .map_err(|(problem, offset)| with_line(problem, offset, input, layout))
}

/// The text of a file, in UTF-8.
fn open_text<'i>(input: &'i (impl Input + ?Sized), layout: &Layout) -> Result<Box<dyn Read + Send + 'i>, Problem> {
    decoded(input.open()?, layout.encoding).map_err(|error| unreadable(&error))
}

/// Bytes that are read to find the header.
const HEADER_BYTES: usize = 1 << 13;

/// Finds the columns in a file's first row, before its rows are read: whether each wanted column is there.
///
/// # Errors
/// Where the file can't be opened, can't be unpacked, or lacks a column. What is wrong further on is found by `read`.
pub fn check_header(input: &(impl Input + ?Sized), layout: &Layout) -> Result<Vec<bool>, Problem> {
    let mut blocks = Blocks::new(BufReader::new(open_text(input, layout)?), layout.separator, HEADER_BYTES);
    let all = || vec![true; layout.columns.len()];
    let skipped = blocks.skip_lines(layout.skip_lines);
    match (skipped.and_then(|()| blocks.first_with_text()), &layout.head) {
        (Ok((Some(first), _)), _) => {
            header(&first.bytes, layout).map(|(header, _)| header.places.iter().map(Option::is_some).collect())
        }
        (Ok((None, _)), HeaderMode::Names) => Err(Problem::Empty),
        (Err(cut @ (Cut::Io(_) | Cut::FewLines(_) | Cut::Nul(_))), _) => {
            let (problem, offset) = cut_problem(cut);
            Err(with_line(problem, offset, input, layout))
        }
        // `read` says in which line that is.
        (Ok((None, _)), HeaderMode::Places { .. }) | (Err(_), _) => Ok(all()),
    }
}

/// An error of reading; a packed file may hold too much.
#[must_use]
pub fn unreadable(error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Problem::TooLarge { what: Oversized::Unpacked, limit: UNPACKED_BYTES, place: Place::default() };
    }
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<ReadProblem>());
    inside.map_or_else(|| Problem::Unreadable(error.to_string()), |ReadProblem(problem)| problem.clone())
}

/// A problem and the offset of the record it is in.
pub type ProblemAt = (Problem, u64);

/// What a thread made of a block.
struct Done {
    offset: u64,
    bytes: u64,
    rows: u64,
    /// Its lines; counted only if rows may be rejected.
    lines: u64,
    /// All rows in it, and those from the one on at which the table ends; counted only if one may end it.
    all_rows: u64,
    behind_end: Option<u64>,
    result: Result<Batch, ProblemAt>,
}

/// The same of any bytes, in blocks of about that size; a problem comes with the offset of its record.
///
/// # Errors
/// The first problem.
pub fn read_blocks(
    input: impl Read + Send,
    layout: &Layout,
    threads: usize,
    block_bytes: usize,
    mut sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Summary, ProblemAt> {
    let mut blocks = Blocks::new(BufReader::new(input), layout.separator, block_bytes);
    blocks.skip_lines(layout.skip_lines).map_err(cut_problem)?;
    let headless = matches!(layout.head, HeaderMode::Places { .. });
    let first = if headless { blocks.next().map(|block| (block, 0)) } else { blocks.first_with_text() };
    let (Some(mut first), blank_lines) = first.map_err(cut_problem)? else {
        // Without a header there may be nothing at all.
        return if headless { Ok(Summary::default()) } else { Err((Problem::Empty, 0)) };
    };
    let (header, header_len) = header(&first.bytes, layout).map_err(|problem| (problem, 0))?;
    let header_lines = layout.skip_lines + blank_lines + lines(&first.bytes[..header_len]);
    first.bytes.drain(..header_len);
    let header_end = first.offset + header_len as u64;
    first.offset = header_end;
    let mut progress = Progress { lines: header_lines, summary: Summary::default(), ended: false, failed: None };
    let cut = in_order(
        threads,
        |parts| cut(&mut blocks, first, parts),
        |block| done(block, &header, layout),
        |done| progress.take(done, &mut sink),
    );
    let Progress { summary, failed, .. } = progress;
    if let Some(problem) = failed {
        return Err(problem);
    }
    // Behind the end of the table may stand anything.
    let cut = if summary.left_out > 0 { Ok(()) } else { cut };
    cut.map_err(|cut| offset_rows(cut_problem(cut), summary.rows))?;
    Ok(Summary { bytes: summary.bytes + header_end, ..summary })
}

fn cut<R: Read>(blocks: &mut Blocks<R>, first: Block, parts: &mut Parts<'_, Block>) -> Result<(), Cut> {
    let mut next = Some(first);
    while let Some(block) = next {
        if parts(block).is_break() {
            return Ok(());
        }
        next = blocks.next()?;
    }
    Ok(())
}

/// Reads a block, up to where the table ends.
fn done(mut block: Block, header: &Header, layout: &Layout) -> Done {
    let (offset, bytes) = (block.offset, block.bytes.len() as u64);
    let (mut all_rows, mut behind_end) = (0, None);
    if let Some(text) = &layout.until {
        all_rows = count_rows(&block.bytes, layout.separator);
        if let Some(end) = rows_end(&block.bytes, text, layout.separator) {
            behind_end = Some(count_rows(&block.bytes[end..], layout.separator));
            block.bytes.truncate(end);
        }
    }
    let (rows, result) = rows(&block, header, layout);
    let lines = if layout.skip_bad { lines(&block.bytes) } else { 0 };
    Done { offset, bytes, rows, lines, all_rows, behind_end, result }
}

/// What was read so far, in the file's order.
struct Progress {
    lines: u64,
    summary: Summary,
    /// The table has ended: further rows are only counted.
    ended: bool,
    failed: Option<ProblemAt>,
}

impl Progress {
    /// Hands the batch of the next block out; ends at the first problem.
    fn take(&mut self, done: Done, sink: &mut impl FnMut(Batch) -> ControlFlow<()>) -> ControlFlow<()> {
        let summary = &mut self.summary;
        if self.ended {
            summary.left_out += done.all_rows;
            return ControlFlow::Continue(());
        }
        let mut batch = match done.result {
            Ok(batch) => batch,
            Err((problem, offset)) => {
                self.failed = Some(offset_rows((problem, done.offset + offset), summary.rows));
                return ControlFlow::Break(());
            }
        };
        for bad in &mut batch.bad {
            bad.problem = bad.problem.clone().offset_by(Place { row: summary.rows, line: self.lines + 1 });
        }
        self.lines += done.lines;
        summary.rows += done.rows;
        summary.bytes += done.bytes;
        self.ended = done.behind_end.is_some();
        summary.left_out += done.behind_end.unwrap_or(0);
        sink(batch)
    }
}

/// Adds the number of preceding rows: rows of a block count from 1.
fn offset_rows((problem, offset): ProblemAt, rows: u64) -> ProblemAt {
    (problem.offset_by(Place { row: rows, line: 0 }), offset)
}

/// The rows of one block.
fn rows(block: &Block, header: &Header, layout: &Layout) -> (u64, Result<Batch, ProblemAt>) {
    match fast::rows(&block.bytes, header, layout) {
        Some(batch) => (batch.rows as u64, Ok(batch)),
        None => each_row(block, header, layout),
    }
}

/// The same field by field: handles quotes, and reports or rejects invalid rows.
fn each_row(block: &Block, header: &Header, layout: &Layout) -> (u64, Result<Batch, ProblemAt>) {
    let (mut batch, mut cells) = (Batch::empty(&layout.columns), Vec::new());
    let (mut at, mut rows) = (0, 0);
    // Where lines were counted last, and how many there were.
    let mut counted = (0, 0);
    while at < block.bytes.len() {
        if let Some(next) = blank_line(&block.bytes, at) {
            at = next;
            continue;
        }
        rows += 1;
        let place = Place { row: rows, line: 0 };
        let bad = batch.bad.len();
        match row(&block.bytes, at, header, layout, &mut cells, &mut batch) {
            Ok(next) => {
                if let Some(bad) = batch.bad.get_mut(bad) {
                    let line = counted.1 + lines(&block.bytes[counted.0..at]);
                    counted = (at, line);
                    bad.problem = bad.problem.clone().moved(Place { line, ..place });
                }
                at = next;
            }
            Err(problem) => return (rows, Err((problem.moved(place), at as u64))),
        }
    }
    (rows, Ok(batch))
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// One row; returns where the next begins.
fn row<'b>(
    bytes: &'b [u8],
    mut at: usize,
    header: &Header,
    layout: &Layout,
    cells: &mut Vec<Cell<'b>>,
    batch: &mut Batch,
) -> Result<usize, Problem> {
    let (mut fields, place) = (0, Place::default());
    cells.clear();
    cells.extend(header.places.iter().map(|place| match place {
        Some(_) => Cell::Text("".into()),
        None => Cell::Absent,
    }));
    loop {
        let (raw, next) =
            field(bytes, at, layout.separator).map_err(|bad| Problem::Quote { place, open: bad == BadQuote::Open })?;
        for (cell, _) in cells.iter_mut().zip(&header.places).filter(|(_, place)| **place == Some(fields)) {
            *cell = match raw.bytes {
                // What a failed disk leaves in a text.
                bytes if bytes.contains(&0) => Cell::Bad(String::from_utf8_lossy(bytes).into_owned()),
                bytes if raw.escaped => Cell::of_bytes(unescaped(bytes).into()),
                bytes => Cell::of_bytes(bytes.into()),
            };
        }
        fields += 1;
        at = next;
        if raw.last {
            break;
        }
    }
    if layout.short_rows {
        fields = fields.max(header.fields);
    }
    // A row of another length explains a value that does not fit, not the other way round.
    if fields != header.fields {
        let problem = Problem::Fields { place, found: fields, wanted: header.fields };
        if !layout.skip_bad {
            return Err(problem);
        }
        batch.bad.push(RejectedRow { problem, cells: cells.iter().map(Cell::shown).collect() });
        return Ok(at);
    }
    batch.take(cells, &layout.columns, place, layout.skip_bad)?;
    Ok(at)
}

fn cut_problem(cut: Cut) -> ProblemAt {
    match cut {
        Cut::Io(error) => (unreadable(&error), 0),
        Cut::Nul(offset) => (Problem::NulBytes { place: Place { row: 1, line: 0 } }, offset),
        Cut::FewLines(lines) => (Problem::FewLines { lines }, 0),
        Cut::LongRecord(offset) => {
            let limit = MAX_RECORD_BYTES as u64;
            (Problem::TooLarge { what: Oversized::Row, limit, place: Place { row: 1, line: 0 } }, offset)
        }
        Cut::OpenQuote(offset) => (Problem::Quote { place: Place { row: 1, line: 0 }, open: true }, offset),
    }
}

/// Finds the line of a record by counting those before it: only where something is wrong.
fn with_line(problem: Problem, offset: u64, input: &(impl Input + ?Sized), layout: &Layout) -> Problem {
    let Some(place) = problem.place().filter(|place| place.row > 0) else { return problem };
    // A pipe can't be read again: its rows have no lines.
    let text = input.is_lasting().then(|| open_text(input, layout).ok()).flatten();
    let lines = text.and_then(|text| lines_before(text, offset).ok());
    problem.moved(Place { row: place.row, line: lines.map_or(0, |lines| lines + 1) })
}

fn lines_before(text: impl Read, offset: u64) -> std::io::Result<u64> {
    let mut input = text.take(offset);
    let mut bytes = vec![0; BLOCK_BYTES];
    let mut lines = 0;
    loop {
        match input.read(&mut bytes)? {
            0 => return Ok(lines),
            read => lines += memchr_iter(b'\n', &bytes[..read]).count() as u64,
        }
    }
}
