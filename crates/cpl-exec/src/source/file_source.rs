//! Files that are read row by row: `cpl-csv` and `cpl-records` read and check them.

use std::{
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc::sync_channel},
    thread,
};

use cpl_batch::{Batch, BatchSink, Problem, ReadError, Source, SourceStats, ValueFormat};
use cpl_csv::HeaderMode;
use cpl_model::program::{ColumnLocator, Fetch, FetchColumn, SourceKind};
use cpl_records::{At, Kind};

use super::fields::{field, in_files, path};

/// The files of a fetch, one after the other or side by side.
pub struct FileSource<'a> {
    reader: Reader,
    files: Vec<(String, PathBuf)>,
    threads: usize,
    /// Hears the name of each file as it is begun.
    begun: Box<dyn Fn(&str) + Send + 'a>,
}

impl<'a> FileSource<'a> {
    /// Files with their names, of which those columns are read; texts called as in `dictionary` may come as numbers.
    pub fn new(
        fetch: &Fetch,
        columns: &[FetchColumn],
        dictionary: &[String],
        files: Vec<(String, PathBuf)>,
        threads: usize,
        begun: Box<dyn Fn(&str) + Send + 'a>,
    ) -> Self {
        Self { reader: Reader::of(fetch, columns, dictionary), files, threads, begun }
    }

    fn error(&self, at: usize, problem: Problem) -> ReadError {
        ReadError { file: self.files[at].0.clone(), problem }
    }
}

impl Source for FileSource<'_> {
    fn start(&mut self) -> Result<(), ReadError> {
        let check = |(at, (_, file)): (usize, &(String, PathBuf))| {
            self.reader.check(file).map_err(|problem| self.error(at, problem))
        };
        self.files.iter().enumerate().try_for_each(check)
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut stats = SourceStats::default();
        let paths: Vec<PathBuf> = self.files.iter().map(|(_, file)| file.clone()).collect();
        let mut take = |at: usize, batch: Batch| {
            stats.rows += (batch.rows + batch.bad.len()) as u64;
            sink(&self.files[at].0, batch)
        };
        let begun = |at: usize| (self.begun)(&self.files[at].0);
        let read = if paths.len() > self.threads {
            side_by_side(&self.reader, &paths, self.threads, begun, &mut take)
        } else {
            let mut full = false;
            (0..paths.len()).try_for_each(|at| {
                if full {
                    return Ok(());
                }
                begun(at);
                let each = |batch| {
                    let flow = take(at, batch);
                    full |= flow.is_break();
                    flow
                };
                self.reader.read(&paths[at], self.threads, each).map_err(|problem| (at, problem))
            })
        };
        read.map_err(|(at, problem)| self.error(at, problem))?;
        stats.bytes = paths.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        Ok(stats)
    }
}

/// Batches of a file that wait for those of the files before it.
const WAITING: usize = 4;

/// Reads several files at once, each on a thread of its own; their batches are taken in the files' order.
fn side_by_side(
    reader: &Reader,
    files: &[PathBuf],
    threads: usize,
    begun: impl Fn(usize),
    take: &mut impl FnMut(usize, Batch) -> ControlFlow<()>,
) -> Result<(), (usize, Problem)> {
    let (senders, receivers): (Vec<_>, Vec<_>) = files.iter().map(|_| sync_channel(WAITING)).unzip();
    let open = Mutex::new(files.iter().zip(senders));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // Files are begun in their order: the one that is waited for is always under way.
                while let Some((file, out)) = open.lock().ok().and_then(|mut open| open.next()) {
                    let hand = |batch| match out.send(Ok(batch)) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    };
                    if let Err(problem) = reader.read(file, 1, hand) {
                        // Nobody may be there to hear it.
                        let _ = out.send(Err(problem));
                    }
                }
            });
        }
        let end = receivers.into_iter().enumerate().try_for_each(|(at, batches)| {
            begun(at);
            batches.into_iter().try_for_each(|batch| match batch {
                Ok(batch) => {
                    if take(at, batch).is_break() {
                        Err(None)
                    } else {
                        Ok(())
                    }
                }
                Err(problem) => Err(Some((at, problem))),
            })
        });
        // The rest of the files is not begun.
        if end.is_err() {
            open.lock().map(|mut open| open.by_ref().for_each(drop)).unwrap_or_default();
        }
        match end {
            Err(Some(problem)) => Err(problem),
            Ok(()) | Err(None) => Ok(()),
        }
    })
}

/// The reader of a fetch's files.
enum Reader {
    Csv(cpl_csv::Layout),
    Records(cpl_records::Layout),
}

impl Reader {
    /// Checks a file before any is read: it can be opened, and a text table names the columns. What is no plain file,
    /// such as a pipe, can be read once and is not looked into.
    fn check(&self, file: &Path) -> Result<(), Problem> {
        let unreadable = |error: io::Error| Problem::Unreadable(error.to_string());
        let kind = file.metadata().map_err(unreadable)?.file_type();
        if kind.is_dir() {
            return Err(Problem::Unreadable("it is a directory".to_owned()));
        }
        match self {
            _ if !kind.is_file() => Ok(()),
            Self::Csv(layout) => cpl_csv::check_header(file, layout),
            Self::Records(_) => File::open(file).map(drop).map_err(unreadable),
        }
    }

    fn read(&self, file: &Path, threads: usize, sink: impl FnMut(Batch) -> ControlFlow<()>) -> Result<(), Problem> {
        match self {
            Self::Csv(layout) => cpl_csv::read(file, layout, threads, sink).map(drop),
            Self::Records(layout) => cpl_records::read(file, layout, sink).map(drop),
        }
    }

    /// The reader of those columns of a fetch, of which the texts called so may be handed out as words.
    fn of(fetch: &Fetch, columns: &[FetchColumn], dictionary: &[String]) -> Self {
        let records = |kind| {
            let at = in_files(columns).map(|column| match column.locator {
                ColumnLocator::Path => At::Path(path(&column.header)),
                _ => At::Name,
            });
            let (columns, at) = (in_files(columns).map(field).collect(), at.collect());
            Self::Records(cpl_records::Layout { kind, columns, at, skip_bad: fetch.skip_bad.is_some() })
        };
        match &fetch.kind {
            SourceKind::Csv { separator, header, short_rows } => {
                let mut layout = csv_layout(fetch, columns, *header);
                for (field, _) in layout
                    .columns
                    .iter_mut()
                    .zip(in_files(columns))
                    .filter(|(_, column)| dictionary.contains(&column.name))
                {
                    field.format = ValueFormat::Word;
                }
                Self::Csv(cpl_csv::Layout { separator: *separator, short_rows: *short_rows, ..layout })
            }
            SourceKind::Ndjson => records(Kind::Lines),
            SourceKind::Json { records: at } => records(Kind::Document(at.as_deref().map(records_at))),
            SourceKind::Excel { sheet } => records(Kind::Sheet(sheet.clone())),
            SourceKind::Parquet => unreachable!("Parquet is scanned"),
            SourceKind::Http { .. } | SourceKind::Sql(_) | SourceKind::Endpoint(_) => {
                unreachable!("a run that would ask a server is refused")
            }
        }
    }
}

fn csv_layout(fetch: &Fetch, columns: &[FetchColumn], header: bool) -> cpl_csv::Layout {
    // Without a header each column of the files is declared, but for the name of the file itself.
    let mut declared: Vec<&str> = in_files(&fetch.columns).map(|column| column.header.as_str()).collect();
    // Several columns may look into one cell.
    let all = declared.clone();
    let mut at = 0..;
    declared.retain(|header| at.next().is_none_or(|at| !all[..at].contains(header)));
    let place = |column: &FetchColumn| declared.iter().position(|header| *header == column.header);
    let head = if header {
        HeaderMode::Names
    } else {
        HeaderMode::Places { fields: declared.len(), at: in_files(columns).filter_map(place).collect() }
    };
    let columns = in_files(columns).map(field).collect();
    cpl_csv::Layout { columns, head, skip_bad: fetch.skip_bad.is_some(), ..cpl_csv::Layout::default() }
}

fn records_at(text: &str) -> cpl_records::Records {
    cpl_records::Records::at(text).unwrap_or_else(|error| unreachable!("a path is checked before: {error}"))
}
