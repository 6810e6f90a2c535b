//! Rejected rows, where the fetch allows some: in memory as long as they are few, else in a temporary file.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Seek},
};

use cpl_batch::{Batch, Numbers, ReadError, RejectedRow};
use cpl_model::program::{Fetch, FetchColumn, Table};
use cpl_source::in_files;
use rust_decimal::Decimal;
use tempfile::SpooledTempFile;

use crate::error::{Cause, SourceError, reason};

/// As many bytes of rejected rows are kept in memory.
const IN_MEMORY: usize = 1 << 20;

/// What reading showed besides the values.
#[derive(Default)]
pub struct ScanStats {
    /// How many fitted.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Amounts of which digits beyond the sixth were rounded away.
    pub rounded: u64,
    /// Rows from the one on at which a table ends.
    pub left_out: u64,
    /// The sheets that were read of workbooks.
    pub sheets: BTreeSet<String>,
    /// Paths that found nothing in any record.
    pub empty_paths: Vec<String>,
    /// Where a server says that there are more pages, of which none is read.
    pub more_pages: Option<String>,
    /// Paths of `pages` that find nothing on the first page, where that is all that is wanted.
    pub empty_page_paths: Vec<String>,
    /// The numbers with a point of each column that has some.
    pub numbers: BTreeMap<String, Numbers>,
    /// Those that did not fit.
    pub rejected: RejectedRows,
}

/// Rows that did not fit.
#[derive(Default)]
pub struct RejectedRows {
    /// How many.
    pub rows: u64,
    /// The first of them.
    first: Option<ReadError>,
    /// A line of CSV each: file, place, what does not fit, the texts of the columns that are read.
    kept: Option<csv::Writer<SpooledTempFile>>,
}

impl RejectedRows {
    /// Adds a row of a file.
    ///
    /// # Errors
    /// Where it can't be kept.
    pub fn add(&mut self, file: &str, bad: RejectedRow, columns: &[FetchColumn]) -> io::Result<()> {
        let kept = self.keep(file, &bad, columns);
        self.rows += 1;
        self.first.get_or_insert_with(|| ReadError { file: file.to_owned(), problem: bad.problem });
        kept
    }

    fn keep(&mut self, file: &str, bad: &RejectedRow, columns: &[FetchColumn]) -> io::Result<()> {
        let out = match &mut self.kept {
            Some(out) => out,
            None => {
                let out = self.kept.insert(csv::Writer::from_writer(SpooledTempFile::new(IN_MEMORY)));
                let columns: Vec<&str> = in_files(columns).map(|column| column.name.as_str()).collect();
                // Of a column that is called so, the name stays its own.
                let ours = ["file", "row", "line", "problem"];
                let ours = ours.map(|name| if columns.contains(&name) { format!("{name}_") } else { name.to_owned() });
                out.write_record(ours.iter().map(String::as_str).chain(columns))?;
                out
            }
        };
        let place = bad.problem.place().unwrap_or_default();
        let line = if place.line == 0 { String::new() } else { place.line.to_string() };
        let place = [file.to_owned(), place.row.to_string(), line, reason(&bad.problem)];
        let cells = bad.cells.iter().map(|cell| cell.clone().unwrap_or_default());
        Ok(out.write_record(place.into_iter().chain(cells))?)
    }

    /// All of them as text, with a head; nothing where there are none.
    ///
    /// # Errors
    /// Where they can't be read back.
    pub fn text(&mut self) -> io::Result<Option<SpooledTempFile>> {
        let Some(kept) = self.kept.take() else { return Ok(None) };
        let mut text = kept.into_inner().map_err(csv::IntoInnerError::into_error)?;
        text.rewind()?;
        Ok(Some(text))
    }
}

impl ScanStats {
    /// Adds what a batch of a file showed; its rejected rows are taken out.
    pub fn take(&mut self, batch: &mut Batch, file: &str, columns: &[FetchColumn]) -> io::Result<()> {
        self.rows += batch.rows as u64;
        self.rounded += batch.columns.iter().map(|column| column.rounded).sum::<u64>();
        for (column, read) in in_files(columns).zip(&batch.columns).filter(|(_, read)| read.numbers.pointed > 0) {
            let numbers = self.numbers.entry(column.name.clone()).or_default();
            numbers.pointed += read.numbers.pointed;
            numbers.grouped += read.numbers.grouped;
        }
        batch.bad.drain(..).try_for_each(|bad| self.rejected.add(file, bad, columns))
    }

    /// The columns of which each number with a point looks as if that set digits apart in threes.
    pub fn ambiguous_points(&self) -> Vec<String> {
        let ambiguous = self.numbers.iter().filter(|(_, numbers)| numbers.grouped == numbers.pointed);
        ambiguous.map(|(column, _)| column.clone()).collect()
    }

    /// Checks that no more rows are rejected than the fetch allows.
    pub fn check(&self, table: &Table, fetch: &Fetch) -> Result<(), Box<SourceError>> {
        let (Some(allowed), Some(first)) = (fetch.skip_bad, &self.rejected.first) else { return Ok(()) };
        let (rejected, rows) = (self.rejected.rows, self.rejected.rows + self.rows);
        if Decimal::from(rejected) <= allowed * Decimal::from(rows) {
            return Ok(());
        }
        let (table, first) = (table.name.clone(), first.clone());
        Err(SourceError::of(fetch, Cause::TooManyRejected { table, rejected, rows, allowed, first }))
    }
}
