//! Sources → frames: files that are read row by row or scanned, and rows that are given.

mod cast;
mod chunk;
mod dictionary;
mod files;
mod frame;
mod nested;
mod pages;
mod parquet;
mod parquet_skip_bad;
mod rejected;
mod sample;

use std::{ops::ControlFlow, path::Path};

use cpl_batch::{Batch, Problem, Source, SourceStats};
use cpl_model::program::{ColumnLocator, Fetch, FetchColumn, SourceKind, Table};
use cpl_source::{FileSource, HashedSource, Salt, SourceFile, in_files};

use crate::error::{Cause, ExecError, SourceError, name_of};

pub use chunk::Chunk;
pub use dictionary::Dictionary;
pub use files::expand;
pub use pages::PagedFiles;
pub use parquet::{DeferredValidation, ScanPartitions};
pub use rejected::{RejectedRows, ScanStats};
pub use sample::{StoredColumn, parquet_sample};

use parquet::ParquetFile;

/// What is to be read of a fetch.
#[derive(Clone, Copy)]
pub struct ScanRequest<'r> {
    /// The table.
    pub table: &'r Table,
    /// The fetch.
    pub fetch: &'r Fetch,
    /// The columns to read.
    pub columns: &'r [FetchColumn],
    /// Those of them that may come as numbers of a dictionary.
    pub dictionary: &'r [String],
}

/// Where the rows of a scan come from.
pub enum Input<'a> {
    /// Batches of a source; its columns bear the names of the request's.
    Stream(Box<dyn Source + 'a>),
    /// The same, of which personal columns are hashed already.
    Hashed(Box<dyn Source + 'a>),
    /// Parquet files.
    Parquet(Vec<SourceFile>),
    /// Rows that are given: the columns of the request, in its order.
    Given(Box<dyn Source + 'a>),
}

/// Opens the inputs of scans.
pub trait Inputs: Sync {
    /// The input of a scan.
    ///
    /// # Errors
    /// What is missing.
    fn open<'a>(&'a self, request: ScanRequest<'_>) -> Result<Input<'a>, ExecError>;

    /// Wraps a source, whose personal columns are hashed, before it is read: a recorder sees its batches.
    fn wrap_source<'a>(
        &'a self,
        _table: &Table,
        _columns: &[FetchColumn],
        source: Box<dyn Source + 'a>,
    ) -> Box<dyn Source + 'a> {
        source
    }

    /// What the values of personal columns are hashed with; none where none is read.
    fn salt(&self) -> Option<&Salt> {
        None
    }
}

/// Files, relative to a folder.
pub struct Files<'a> {
    /// The folder of the pipeline's file.
    pub folder: &'a Path,
    /// How many threads read files.
    pub threads: usize,
    /// Hears what is read: `fetch spend: data/spend.csv`.
    pub progress: &'a (dyn Fn(&str) + Sync),
}

impl Inputs for Files<'_> {
    fn open<'a>(&'a self, request: ScanRequest<'_>) -> Result<Input<'a>, ExecError> {
        let files = files::expand(request.fetch, self.folder)?;
        let files = files.into_iter().map(|file| SourceFile::on_disk(name_of(&file, self.folder), file)).collect();
        Ok(self.input(request, files))
    }
}

impl Files<'_> {
    /// The rows of files, wherever they stand.
    #[must_use]
    pub fn input(&self, request: ScanRequest<'_>, files: Vec<SourceFile>) -> Input<'_> {
        let ScanRequest { table, fetch, columns, dictionary } = request;
        if fetch.kind == SourceKind::Parquet {
            return Input::Parquet(files);
        }
        let title = format!("fetch {}", table.name);
        let begun = Box::new(move |file: &str| (self.progress)(&format!("{title}: {file}")));
        Input::Stream(Box::new(FileSource::new(fetch, columns, dictionary, files, self.threads, begun)))
    }
}

/// A scan whose input is open.
pub struct OpenScan<'a> {
    table: Table,
    fetch: Fetch,
    columns: Vec<FetchColumn>,
    rows: OpenRows<'a>,
}

/// The rows of a started source.
enum OpenRows<'a> {
    /// Batches that are handed out one after the other.
    Stream(Box<dyn Source + 'a>),
    /// Files that the engine reads by itself.
    Parquet(Vec<ParquetFile>),
}

impl<'a> OpenScan<'a> {
    /// Opens the input of a scan, of which those columns are read, and starts it.
    pub fn start(
        inputs: &'a dyn Inputs,
        table: &Table,
        fetch: &Fetch,
        columns: &[String],
        dictionary: &[String],
    ) -> Result<Self, ExecError> {
        let mut columns: Vec<FetchColumn> =
            fetch.columns.iter().filter(|column| columns.contains(&column.name)).cloned().collect();
        let mut source = match inputs.open(ScanRequest { table, fetch, columns: &columns, dictionary })? {
            // What a test gives is nobody's.
            Input::Parquet(_) | Input::Stream(_) if has_personal(&columns) && inputs.salt().is_none() => {
                unreachable!("who opens personal columns has a salt")
            }
            Input::Parquet(files) => {
                let open = |file: SourceFile| {
                    parquet::open(&file, &columns, inputs.salt()).map_err(|problem| {
                        SourceError::in_file(fetch, &file.name, file.explained(problem, &fetch.kind))
                    })
                };
                let files = files.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
                in_some_file(&files, fetch, &columns)?;
                return Ok(Self {
                    table: table.clone(),
                    fetch: fetch.clone(),
                    columns,
                    rows: OpenRows::Parquet(files),
                });
            }
            Input::Hashed(source) => source,
            Input::Given(source) => {
                // All columns are given, also the file's name.
                for column in &mut columns {
                    column.locator = ColumnLocator::Named;
                }
                source
            }
            Input::Stream(source) => {
                let personal = in_files(&columns).enumerate().filter(|(_, column)| column.is_personal);
                let places: Vec<_> = personal.map(|(at, column)| (at, column.header.clone())).collect();
                let source = match inputs.salt() {
                    Some(salt) if !places.is_empty() => Box::new(HashedSource::new(source, salt.clone(), places)),
                    _ => source,
                };
                inputs.wrap_source(table, &columns, source)
            }
        };
        source.start().map_err(|error| SourceError::of(fetch, Cause::InFile(error)))?;
        Ok(Self { table: table.clone(), fetch: fetch.clone(), columns, rows: OpenRows::Stream(source) })
    }

    /// Days that are stored as midnights of UTC.
    pub fn utc_days(&self) -> Vec<String> {
        match &self.rows {
            OpenRows::Parquet(files) => parquet::utc_days(files, &self.columns),
            OpenRows::Stream(_) => Vec::new(),
        }
    }

    /// Whether the engine reads the rows by itself, while the plan runs.
    pub fn is_lazy(&self) -> bool {
        matches!(self.rows, OpenRows::Parquet(_)) && self.fetch.skip_bad.is_none()
    }

    /// The rows that the engine reads by itself, in partitions of at most so many.
    pub fn partitions(&self, most: usize) -> Result<ScanPartitions, ExecError> {
        let OpenRows::Parquet(files) = &self.rows else { unreachable!("only Parquet files are scanned lazily") };
        parquet::partitions(most, &self.fetch, files.clone(), &self.columns)
    }

    /// The files of a scan that the engine would read by itself, where they can be read page by page.
    pub fn pages<'f>(&'f self, dictionary: &'f [String]) -> Option<PagedFiles<'f>> {
        let OpenRows::Parquet(files) = &self.rows else { return None };
        PagedFiles::of(files, dictionary)
    }

    /// No rows of its columns.
    pub fn no_rows(&self) -> Result<Chunk, ExecError> {
        Chunk::empty(&self.columns)
    }

    /// Hands out the rows in chunks of about so many, at least one chunk; what else reading showed.
    pub fn chunks(
        &mut self,
        rows: usize,
        mut sink: impl FnMut(Chunk) -> Result<(), ExecError>,
    ) -> Result<ScanStats, ExecError> {
        sink(Chunk::empty(&self.columns)?)?;
        // Batches are of a block of a file, and mostly far smaller than a chunk: only small chunks are cut.
        let mut sink = |chunk: Chunk| chunk.cut(rows.saturating_mul(2)).into_iter().try_for_each(&mut sink);
        let stats = match &mut self.rows {
            OpenRows::Parquet(files) => {
                let good = |rows| sink(Chunk::from(rows));
                parquet_skip_bad::good_rows(&self.fetch, files, &self.columns, good)?
            }
            OpenRows::Stream(source) => stream(source.as_mut(), &self.fetch, &self.columns, rows, &mut sink)?,
        };
        stats.check(&self.table, &self.fetch)?;
        Ok(stats)
    }

    /// The bytes of all its files.
    pub fn bytes(&self) -> u64 {
        let OpenRows::Parquet(files) = &self.rows else { return 0 };
        files.iter().map(|file| file.file.size()).sum()
    }
}

fn has_personal(columns: &[FetchColumn]) -> bool {
    columns.iter().any(|column| column.is_personal)
}

/// A column that files may lack is in one of them at least.
fn in_some_file(files: &[ParquetFile], fetch: &Fetch, columns: &[FetchColumn]) -> Result<(), ExecError> {
    let lacking = |column: &&FetchColumn| column.may_lack && !files.iter().any(|file| file.has(column));
    let (Some(file), Some(column)) = (files.last(), columns.iter().find(lacking)) else { return Ok(()) };
    let found = file.schema.iter_names().map(ToString::to_string).collect();
    let problem = Problem::NoColumn { header: column.header.clone(), found, line: None };
    Err(SourceError::in_file(fetch, &file.file.name, problem).into())
}

/// The batches of a source, in chunks.
fn stream(
    source: &mut dyn Source,
    fetch: &Fetch,
    columns: &[FetchColumn],
    rows: usize,
    sink: &mut impl FnMut(Chunk) -> Result<(), ExecError>,
) -> Result<ScanStats, ExecError> {
    let (mut chunk, mut stats) = (Chunk::empty(columns)?, ScanStats::default());
    let mut failed = None;
    let read = source.read(&mut |file: &str, mut batch: Batch| {
        let taken = stats
            .take(&mut batch, file, columns)
            .map_err(|error| SourceError::of(fetch, Cause::RejectedNotKept(error)).into());
        let full = taken.and_then(|()| chunk.append(batch, columns, file, rows));
        match full.and_then(|full| full.map_or(Ok(()), &mut *sink)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    // Whoever takes the batches failed first.
    if let Some(error) = failed {
        return Err(error);
    }
    let read = read.map_err(|error| SourceError::of(fetch, Cause::InFile(error)))?;
    sink(chunk)?;
    let SourceStats { bytes, left_out, sheets, empty_paths, more_pages, empty_page_paths, .. } = read;
    Ok(ScanStats { bytes, left_out, sheets, empty_paths, more_pages, empty_page_paths, ..stats })
}
