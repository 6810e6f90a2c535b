//! Files that are read row by row: `cpl-csv` and `cpl-records` read and check them.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    ops::ControlFlow,
    sync::{Mutex, PoisonError, mpsc::sync_channel},
    thread,
};

use cpl_batch::{Batch, BatchSink, Field, Problem, ReadError, Source, SourceStats, ValueFormat};
use cpl_csv::{HeaderMode, Input};
use cpl_model::program::{ColumnLocator, CsvFormat, Fetch, FetchColumn, SourceKind, TextEncoding};
use cpl_records::{At, Kind};

use crate::{
    fields::{field, in_files, path},
    source_file::{FileAt, SourceFile},
};

/// The files of a fetch, one after the other or side by side.
pub struct FileSource<'a> {
    reader: Reader,
    kind: SourceKind,
    files: Vec<SourceFile>,
    threads: usize,
    /// Hears the name of each file as it is begun.
    begun: Box<dyn Fn(&str) + Send + 'a>,
    seen: Seen,
}

/// Of the wanted columns, whether some file has them.
#[derive(Default)]
struct Seen(Vec<bool>);

impl Seen {
    fn add(&mut self, found: &[bool]) {
        self.0.resize(self.0.len().max(found.len()), false);
        self.0.iter_mut().zip(found).for_each(|(seen, found)| *seen |= found);
    }
}

impl<'a> FileSource<'a> {
    /// Files of which those columns are read; texts called as in `dictionary` may come as numbers.
    #[must_use]
    pub fn new(
        fetch: &Fetch,
        columns: &[FetchColumn],
        dictionary: &[String],
        files: Vec<SourceFile>,
        threads: usize,
        begun: Box<dyn Fn(&str) + Send + 'a>,
    ) -> Self {
        let reader = Reader::of(fetch, columns, dictionary);
        Self { reader, kind: fetch.kind.clone(), files, threads, begun, seen: Seen::default() }
    }

    /// A column that files may lack is in one of them at least.
    fn in_some_file(&self) -> Result<(), ReadError> {
        let missing = missing_everywhere(self.reader.columns(), &self.seen.0, Vec::new());
        let (Some(problem), Some(last)) = (missing, self.files.len().checked_sub(1)) else { return Ok(()) };
        Err(self.error(last, problem))
    }

    fn error(&self, at: usize, problem: Problem) -> ReadError {
        let file = &self.files[at];
        ReadError { file: file.name.clone(), problem: file.explained(problem, &self.kind) }
    }
}

impl Source for FileSource<'_> {
    fn start(&mut self) -> Result<(), ReadError> {
        for (at, file) in self.files.iter().enumerate() {
            let found = self.reader.check(file).map_err(|problem| self.error(at, problem))?;
            self.seen.add(&found);
        }
        // A file of records shows what it has when it is read.
        if matches!(self.reader, Reader::Csv(_)) { self.in_some_file() } else { Ok(()) }
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut full = false;
        let mut stats = SourceStats::default();
        let mut take = |at: usize, mut batch: Batch| {
            stats.rows += (batch.rows + batch.bad.len()) as u64;
            self.files[at].clean_rejected(&mut batch);
            let flow = sink(&self.files[at].name, batch);
            full |= flow.is_break();
            flow
        };
        let begun = |at: usize| (self.begun)(&self.files[at].name);
        let read = if self.files.len() > self.threads {
            side_by_side(&self.reader, &self.files, self.threads, begun, &mut take)
        } else {
            one_by_one(&self.reader, &self.files, self.threads, begun, &mut take)
        };
        let read = read.map_err(|(at, problem)| self.error(at, problem))?;
        for file in &self.files {
            file.check_one_version().map_err(|problem| ReadError { file: file.name.clone(), problem })?;
        }
        for file in &read {
            self.seen.add(&file.columns);
        }
        if !full {
            self.in_some_file()?;
        }
        stats.left_out = read.iter().map(|file| file.left_out).sum();
        stats.empty_paths = empty_paths(&read);
        stats.sheets = read.into_iter().filter_map(|file| file.sheet).collect();
        stats.bytes = self.files.iter().map(SourceFile::size).sum();
        Ok(stats)
    }
}

/// What was found in one file besides its rows.
#[derive(Default)]
struct FileFound {
    /// Of the wanted columns, whether it has them; empty where that was seen before.
    columns: Vec<bool>,
    left_out: u64,
    sheet: Option<String>,
    /// The paths that were looked up in its records, and whether each found something.
    paths: Vec<(String, bool)>,
}

/// The paths that found nothing in any of the files.
fn empty_paths(files: &[FileFound]) -> Vec<String> {
    let mut found = BTreeMap::new();
    for (path, is_found) in files.iter().flat_map(|file| &file.paths) {
        *found.entry(path).or_insert(false) |= is_found;
    }
    found.into_iter().filter(|(_, found)| !found).map(|(path, _)| path.clone()).collect()
}

/// Reads files one after the other, each on all threads.
fn one_by_one(
    reader: &Reader,
    files: &[SourceFile],
    threads: usize,
    begun: impl Fn(usize),
    take: &mut impl FnMut(usize, Batch) -> ControlFlow<()>,
) -> Result<Vec<FileFound>, (usize, Problem)> {
    let (mut found, mut full) = (Vec::new(), false);
    for (at, file) in files.iter().enumerate() {
        if full {
            break;
        }
        begun(at);
        let each = |batch| {
            let flow = take(at, batch);
            full |= flow.is_break();
            flow
        };
        found.push(reader.read(file, threads, each).map_err(|problem| (at, problem))?);
    }
    Ok(found)
}

/// Batches of a file that wait for those of the files before it.
const WAITING: usize = 4;

/// Reads several files at once, each on a thread of its own; their batches are taken in the files' order.
fn side_by_side(
    reader: &Reader,
    files: &[SourceFile],
    threads: usize,
    begun: impl Fn(usize),
    take: &mut impl FnMut(usize, Batch) -> ControlFlow<()>,
) -> Result<Vec<FileFound>, (usize, Problem)> {
    let all_found = Mutex::new(Vec::new());
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
                    match reader.read(file, 1, hand) {
                        Ok(found) => all_found.lock().unwrap_or_else(PoisonError::into_inner).push(found),
                        // Nobody may be there to hear it.
                        Err(problem) => drop(out.send(Err(problem))),
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
    })?;
    Ok(all_found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The reader of a fetch's files.
enum Reader {
    Csv(cpl_csv::Layout),
    Records(cpl_records::Layout),
}

impl Reader {
    /// Checks a file before any is read: it can be opened, and a text table names the columns. What is no plain file,
    /// such as a pipe, can be read once and is not looked into.
    fn check(&self, file: &SourceFile) -> Result<Vec<bool>, Problem> {
        let unreadable = |error: io::Error| Problem::Unreadable(error.to_string());
        let file = match (&file.at, self) {
            (FileAt::Disk(path), _) => path,
            (FileAt::Store(object), Self::Csv(layout)) => return cpl_csv::check_header(object, layout),
            // It is there: it was found.
            (FileAt::Store(_), Self::Records(_)) => return Ok(Vec::new()),
        };
        let kind = file.metadata().map_err(unreadable)?.file_type();
        if kind.is_dir() {
            return Err(Problem::Unreadable("it is a directory".to_owned()));
        }
        match self {
            // Its columns are looked for as it is read.
            Self::Csv(layout) if !kind.is_file() => Ok(vec![true; layout.columns.len()]),
            Self::Csv(layout) => cpl_csv::check_header(file, layout),
            Self::Records(_) if !kind.is_file() => Ok(Vec::new()),
            Self::Records(_) => File::open(file).map(|_| Vec::new()).map_err(unreadable),
        }
    }

    fn read(
        &self,
        file: &SourceFile,
        threads: usize,
        sink: impl FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<FileFound, Problem> {
        Ok(match self {
            Self::Csv(layout) => {
                let read = cpl_csv::read(file.input(), layout, threads, sink)?;
                FileFound { left_out: read.left_out, ..FileFound::default() }
            }
            Self::Records(layout) => {
                let found = match (&file.at, &layout.kind) {
                    (FileAt::Store(object), Kind::Lines | Kind::Document { .. }) => {
                        cpl_records::read_json(object.open()?, layout, threads, sink)?
                    }
                    _ => {
                        let (path, _copy) = file.on_some_disk()?;
                        cpl_records::read(&path, layout, threads, sink)?
                    }
                };
                FileFound {
                    columns: found.columns,
                    left_out: found.summary.left_out,
                    sheet: found.sheet,
                    paths: found.paths,
                }
            }
        })
    }

    /// The wanted columns.
    fn columns(&self) -> &[Field] {
        match self {
            Self::Csv(layout) => &layout.columns,
            Self::Records(layout) => &layout.columns,
        }
    }

    /// The reader of those columns of a fetch, of which the texts called so may be handed out as words.
    fn of(fetch: &Fetch, columns: &[FetchColumn], dictionary: &[String]) -> Self {
        let records = |kind| Self::Records(records_layout(fetch, columns, kind));
        match &fetch.kind {
            SourceKind::Csv(format) => {
                let mut layout = csv_layout(fetch, columns, format);
                for (field, _) in layout
                    .columns
                    .iter_mut()
                    .zip(in_files(columns))
                    .filter(|(_, column)| dictionary.contains(&column.name))
                {
                    field.format = ValueFormat::Word;
                }
                Self::Csv(layout)
            }
            SourceKind::Ndjson => records(Kind::Lines),
            SourceKind::Json { records: at, each } => {
                records(Kind::Document { records: at.as_deref().map(records_at), each: each.as_deref().map(path) })
            }
            SourceKind::Excel(format) => records(Kind::Sheet(cpl_records::Sheet {
                name: format.sheet.clone(),
                skip_lines: format.skip_lines,
                until: fetch.until.clone(),
                merged: format.merged,
            })),
            SourceKind::Parquet => unreachable!("Parquet is scanned"),
            SourceKind::Http { .. } | SourceKind::Sql(_) | SourceKind::Endpoint(_) => {
                unreachable!("what a server answers is no file")
            }
        }
    }
}

/// What is read of a text table.
pub fn csv_layout(fetch: &Fetch, columns: &[FetchColumn], format: &CsvFormat) -> cpl_csv::Layout {
    // Without a header each column of the files is declared, but for the name of the file itself.
    let mut declared: Vec<&str> = in_files(&fetch.columns).map(|column| column.header.as_str()).collect();
    // Several columns may look into one cell.
    let all = declared.clone();
    let mut at = 0..;
    declared.retain(|header| at.next().is_none_or(|at| !all[..at].contains(header)));
    let place = |column: &FetchColumn| declared.iter().position(|header| *header == column.header);
    let head = if format.header {
        HeaderMode::Names
    } else {
        HeaderMode::Places { fields: declared.len(), at: in_files(columns).filter_map(place).collect() }
    };
    let columns = in_files(columns).map(field).collect();
    cpl_csv::Layout {
        separator: format.separator,
        columns,
        head,
        short_rows: format.short_rows,
        skip_lines: u64::from(format.skip_lines),
        encoding: match format.encoding {
            TextEncoding::Utf8 => cpl_csv::Encoding::Utf8,
            TextEncoding::Utf16 => cpl_csv::Encoding::Utf16,
            TextEncoding::Windows1252 => cpl_csv::Encoding::Windows1252,
        },
        until: fetch.until.clone(),
        skip_bad: fetch.skip_bad.is_some(),
    }
}

/// The problem of a column that each file may lack, and that none has; `found` says of each column whether some file has
/// it, and `names` what is there.
pub fn missing_everywhere(columns: &[Field], found: &[bool], names: Vec<String>) -> Option<Problem> {
    let (field, _) = columns.iter().zip(found).find(|(field, found)| field.may_lack && !**found)?;
    Some(Problem::NoColumn { header: field.header.clone(), found: names, line: None })
}

/// What is read of records.
pub fn records_layout(fetch: &Fetch, columns: &[FetchColumn], kind: Kind) -> cpl_records::Layout {
    let at = in_files(columns).map(|column| match column.locator {
        ColumnLocator::Path => At::Path(path(&column.header)),
        ColumnLocator::Outer => At::Outer(path(&column.header)),
        _ => At::Name,
    });
    let (columns, at) = (in_files(columns).map(field).collect(), at.collect());
    cpl_records::Layout { kind, columns, at, skip_bad: fetch.skip_bad.is_some() }
}

/// Where records are, by a path that was checked with the pipeline.
pub fn records_at(text: &str) -> cpl_records::Records {
    cpl_records::Records::at(text).unwrap_or_else(|error| unreachable!("a path is checked before: {error}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::Path};

    use cpl_check::{Setup, tree_to_program};
    use cpl_model::{clock::AsOf, program::TableSource};

    use super::*;

    fn fetch(from: &str) -> Fetch {
        let text = format!("pipeline p {{ retire 2027-01-01 }}\nfetch a from {from} {{ columns {{ n: count }} }}");
        let setup = Setup::at(AsOf::Date(jiff::civil::date(2026, 11, 20)));
        match tree_to_program(&text, &cpl_syntax::parse(&text).0, setup).program.map(|mut p| p.tables.remove(0).source)
        {
            Some(TableSource::Fetch(fetch)) => fetch,
            _ => panic!("no fetch"),
        }
    }

    /// The problem of a file to which that happens between its start and its reading.
    fn problem_of(from: &str, name: &str, whole: &str, happens: impl Fn(&Path)) -> Option<Problem> {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join(name);
        fs::write(&path, whole).unwrap_or_else(|error| panic!("{error}"));
        let fetch = fetch(from);
        let files = vec![SourceFile::on_disk(name.to_owned(), path.clone())];
        let mut source = FileSource::new(&fetch, &fetch.columns, &[], files, 2, Box::new(|_| {}));
        source.start().unwrap_or_else(|error| panic!("{error:?}"));
        happens(&path);
        source.read(&mut |_, _| ControlFlow::Continue(())).err().map(|error| error.problem)
    }

    #[test]
    fn a_file_that_changes_once_it_is_started_is_told() {
        let written = |path: &Path, text: &str| fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
        for (from, name, whole) in [
            ("csv(\"a.csv\")", "a.csv", "n\n1\n2\n"),
            ("ndjson(\"a.ndjson\")", "a.ndjson", "{\"n\": 1}\n{\"n\": 2}\n"),
            ("json(\"a.json\")", "a.json", "[{\"n\": 1}, {\"n\": 2}]"),
        ] {
            let changed = Some(Problem::Changed);
            assert_eq!(problem_of(from, name, whole, |_| {}), None, "{name} as it was");
            assert_eq!(problem_of(from, name, whole, |path| written(path, "")), changed, "{name} emptied");
            assert_eq!(
                problem_of(from, name, whole, |path| written(path, &whole[..whole.len() / 2])),
                changed,
                "{name} cut"
            );
            assert_eq!(
                problem_of(from, name, whole, |path| fs::remove_file(path).unwrap_or_default()),
                changed,
                "{name} gone"
            );
            let replaced = |path: &Path| {
                let other = path.with_extension("new");
                written(&other, whole);
                fs::rename(other, path).unwrap_or_else(|error| panic!("{error}"));
            };
            assert_eq!(problem_of(from, name, whole, replaced), changed, "{name} replaced by its like");
            let appended = |path: &Path| {
                let file = fs::OpenOptions::new().append(true).open(path);
                file.and_then(|mut file| file.write_all(b"\n")).unwrap_or_else(|error| panic!("{error}"));
            };
            assert_eq!(problem_of(from, name, whole, appended), changed, "{name} appended to");
        }
    }
}
