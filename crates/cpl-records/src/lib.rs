//! JSON documents, lines of JSON and sheets → typed columns in batches, each bad value with its place.
//!
//! Value formats are those of `cpl-batch`: a text that holds a number is a number.
//! Lines are read one at a time; a document and a workbook are held whole.

mod json;
mod sheet;

#[cfg(test)]
mod tests;

use std::{io::Read, ops::ControlFlow, path::Path as FilePath};

use cpl_batch::{Batch, Cell, Embedded, Field, Place, Problem};
use cpl_csv::Summary;
pub use json::{
    DOCUMENT_BYTES, KnownRecords, Path, Probe, ProbeBuilder, Probed, ProbedRecords, ValuePlaces, each_record, step, why,
};
pub use sheet::{WORKBOOK_BYTES, cells, workbook_too_large};

/// Rows that are handed out together.
const BATCH_ROWS: usize = 1 << 13;

/// What to read of a file.
pub struct Layout {
    /// How it is written.
    pub kind: Kind,
    /// The requested columns, in the order of a batch.
    pub columns: Vec<Field>,
    /// How each of them is located.
    pub at: Vec<At>,
    /// Invalid rows are rejected instead of failing the read.
    pub skip_bad: bool,
}

/// How a file is written.
pub enum Kind {
    /// A record a line.
    Lines,
    /// One JSON document: a list of records, or records at a path.
    Document {
        /// Where its records are.
        records: Option<Records>,
        /// Where in each of those the records are of which each is a row.
        each: Option<Path>,
    },
    /// A sheet of a workbook; the first row that holds anything names the columns.
    Sheet(Sheet),
}

/// The sheet of a workbook that is read.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Its name; none for the first that is visible.
    pub name: Option<String>,
    /// How many lines stand above the header.
    pub skip_lines: u32,
    /// The first row whose first cell that holds anything begins so, and all behind it, are not read.
    pub until: Option<String>,
    /// Of merged cells each has their value.
    pub merged: bool,
}

/// What was found in a file besides its rows.
pub struct Found {
    /// Rows and bytes.
    pub summary: Summary,
    /// Of the wanted columns, whether some record, or the header, has it.
    pub columns: Vec<bool>,
    /// The name of the sheet that was read.
    pub sheet: Option<String>,
    /// The names of the first records of JSON.
    pub names: Vec<String>,
    /// The paths that were looked up in records of JSON, and whether each found something in any.
    pub paths: Vec<(String, bool)>,
}

impl Found {
    /// What was found in a text table that has those columns.
    #[must_use]
    pub fn of_cells(summary: Summary, columns: Vec<bool>) -> Self {
        Self { summary, columns, sheet: None, names: Vec::new(), paths: Vec::new() }
    }
}

/// Where a document's records are.
pub struct Records {
    path: Path,
    /// What the path's last step looks into.
    within: Option<Path>,
    /// A document without records may lack the list of them.
    may_lack: bool,
}

impl Records {
    /// By a path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn at(text: &str) -> Result<Self, String> {
        let within = text.rfind('[').and_then(|step| Path::parse(&text[..step]).ok());
        Ok(Self { path: Path::parse(text)?, within, may_lack: false })
    }

    /// The same, where a document without records may lack the list of them.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { may_lack: true, ..self }
    }
}

/// How a column's values are located in a record.
pub enum At {
    /// Under the field's header.
    Name,
    /// By a path from the record.
    Path(Path),
    /// By a path from the record around it.
    Outer(Path),
}

/// What a value is found by in a cell that holds JSON.
#[must_use]
pub fn inside(path: Path, place: &str) -> Embedded {
    let find = move |text: &str| json::text_in(&path, text);
    Embedded { place: place.to_owned(), find: std::sync::Arc::new(find) }
}

/// Reads the wanted columns of a file, JSON on `threads` threads, and hands the batches out in order, until the sink has enough.
///
/// # Errors
/// The first problem; the batches before it were handed out.
pub fn read(
    path: &FilePath,
    layout: &Layout,
    threads: usize,
    sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Found, Problem> {
    let Kind::Sheet(wanted) = &layout.kind else {
        let size = if matches!(layout.kind, Kind::Document { .. }) { json::check_size(path)? } else { 0 };
        return read_sized((cpl_csv::open(path)?, size), layout, threads, sink);
    };
    let mut out = Out::of(layout, sink);
    let sheet = sheet::rows(path, wanted, &mut out)?;
    out.found(Some(sheet))
}

/// The same of JSON from anywhere.
///
/// # Errors
/// The first problem; the batches before it were handed out.
///
/// # Panics
/// Where a sheet is wanted: that is read of a file.
pub fn read_json(
    input: impl Read + Send,
    layout: &Layout,
    threads: usize,
    sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Found, Problem> {
    read_sized((input, 0), layout, threads, sink)
}

/// The same of a document that is held; `known` says where in it its records are, or their values, if that is known.
///
/// # Errors
/// The first problem; the batches before it were handed out.
///
/// # Panics
/// Where it is no document that is wanted.
pub fn read_page(
    page: &[u8],
    known: Option<KnownRecords>,
    layout: &Layout,
    threads: usize,
    sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Found, Problem> {
    let Kind::Document { records, each } = &layout.kind else { unreachable!("a page is a document") };
    let mut out = Out::of(layout, sink);
    json::document_text(page, known, (records.as_ref(), each.as_ref()), threads, &mut out)?;
    out.found(None)
}

/// The same of about so many bytes, where that is known.
fn read_sized(
    (input, size): (impl Read + Send, usize),
    layout: &Layout,
    threads: usize,
    sink: impl FnMut(Batch) -> ControlFlow<()>,
) -> Result<Found, Problem> {
    let mut out = Out::of(layout, sink);
    match &layout.kind {
        Kind::Lines => json::lines(input, threads, &mut out)?,
        Kind::Document { records, each } => {
            json::document((input, size), records.as_ref(), each.as_ref(), threads, &mut out)?;
        }
        Kind::Sheet(_) => unreachable!("a sheet is read of a file"),
    }
    out.found(None)
}

/// Where rows go.
struct Out<'l, S> {
    layout: &'l Layout,
    batch: Batch,
    sink: S,
    summary: Summary,
    /// Lines so far, where there are any.
    lines: u64,
    /// These are the first rows of their source.
    begins: bool,
    /// The sink wants no more rows.
    full: bool,
    /// Which columns occurred in some JSON record.
    columns_found: Vec<bool>,
    /// Whether some record holds others, of which each is a row; none where there are no records.
    each_found: Option<bool>,
    /// The names of the first records of JSON.
    names: Vec<String>,
}

impl<'l, S: FnMut(Batch) -> ControlFlow<()>> Out<'l, S> {
    fn of(layout: &'l Layout, sink: S) -> Self {
        Self {
            layout,
            batch: Batch::empty(&layout.columns),
            sink,
            summary: Summary::default(),
            lines: 0,
            begins: true,
            full: false,
            columns_found: vec![false; layout.columns.len()],
            each_found: None,
            names: Vec::new(),
        }
    }

    /// Hands out the last rows; what was found besides all of them.
    fn found(mut self, sheet: Option<String>) -> Result<Found, Problem> {
        self.check_names()?;
        self.hand_over();
        let paths = self.paths();
        Ok(Found { summary: self.summary, columns: self.columns_found, sheet, names: self.names, paths })
    }

    /// Adds a row. `line` is its line, 0 if there are no lines.
    fn row(&mut self, cells: &[Cell<'_>], line: u64) -> Result<(), Problem> {
        self.summary.rows += 1;
        let place = Place { row: self.summary.rows, line };
        self.batch.take(cells, &self.layout.columns, place, self.layout.skip_bad)?;
        if self.batch.rows + self.batch.bad.len() >= BATCH_ROWS {
            self.hand_over();
        }
        Ok(())
    }

    /// A name that no record has is a column that is not there; a path may find nothing.
    fn check_names(&self) -> Result<(), Problem> {
        if matches!(self.layout.kind, Kind::Sheet(_)) || self.names.is_empty() || self.full {
            return Ok(());
        }
        let columns = self.layout.columns.iter().zip(&self.layout.at).zip(&self.columns_found);
        let missing = columns
            .into_iter()
            .find(|((field, at), columns_found)| matches!(at, At::Name) && !field.may_lack && !**columns_found);
        match missing {
            Some(((field, _), _)) => {
                Err(Problem::NoColumn { header: field.header.clone(), found: self.names.clone(), line: None })
            }
            None => Ok(()),
        }
    }

    /// The paths that were looked up in records, and whether each found something.
    fn paths(&self) -> Vec<(String, bool)> {
        let mut paths = Vec::new();
        if let (Kind::Document { each: Some(each), .. }, Some(found)) = (&self.layout.kind, self.each_found) {
            paths.push((each.to_string(), found));
        }
        let columns = self.layout.at.iter().zip(&self.columns_found).filter(|_| self.summary.rows > 0);
        paths.extend(columns.filter_map(|(at, found)| match at {
            At::Path(path) | At::Outer(path) => Some((path.to_string(), *found)),
            At::Name => None,
        }));
        paths
    }

    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Batch::empty(&self.layout.columns));
        self.full = self.full || (self.sink)(batch).is_break();
    }
}
