//! Files that are read row by row: `cpl-csv` and `cpl-records` read and check, this makes frames of their batches.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc::sync_channel},
    thread,
};

use cpl_csv::{Batch, Column, Data, Field, Form, Head, Problem};
use cpl_plan::program::{Fetch, FetchColumn, Format, Found, SourceKind, Stored};
use cpl_records::{At, Kind};
use cpl_syntax::tree::MoneyScale;
use polars::prelude::{
    self as pl, BooleanChunked, Float64Chunked, Int32Chunked, Int64Chunked, Int128Chunked, IntoColumn, NewChunkedArray,
    StringChunked,
};

use super::{Opened, Part, Told, explain, words::Words};
use crate::{
    trouble::{self, Trouble},
    types::{MONEY_SCALE, PRECISION, moment},
};

/// Hands out the rows of files, one behind the other, in parts; what else they told.
pub fn parts(
    opened: &Opened<'_>,
    words: &[String],
    mut sink: impl FnMut(Part) -> Result<(), Trouble>,
) -> Result<Told, Trouble> {
    let Opened { table, fetch, files, columns, world } = opened;
    let reader = Reader::of(fetch, columns, words);
    let names: Vec<String> = files.iter().map(|file| explain::called(file, world.folder)).collect();
    let (mut part, mut told) = (Part::of(columns)?, Told::default());
    let mut failed = None;
    let mut take = |file: usize, mut batch: Batch| {
        if failed.is_some() {
            return ControlFlow::Break(());
        }
        let taken = told.add(&mut batch, &names[file], columns);
        let full = taken.and_then(|()| part.append(batch, columns, &names[file]));
        match full.and_then(|full| full.map_or(Ok(()), &mut sink)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(trouble) => {
                failed = Some(trouble);
                ControlFlow::Break(())
            }
        }
    };
    let begun = |file: usize| (world.progress)(&format!("fetch {}: {}", table.name, names[file]));
    let read = if files.len() > world.threads {
        side_by_side(&reader, files, world.threads, begun, &mut take)
    } else {
        (0..files.len()).try_for_each(|at| {
            begun(at);
            reader.read(&files[at], world.threads, |batch| take(at, batch)).map_err(|problem| (at, problem))
        })
    };
    read.map_err(|(at, problem)| vec![explain::problem(&problem, &names[at], fetch, columns)])?;
    if let Some(trouble) = failed {
        return Err(trouble);
    }
    sink(part)?;
    Ok(told)
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

/// Who reads a fetch's files.
enum Reader {
    Csv(cpl_csv::Layout),
    Records(cpl_records::Layout),
}

impl Reader {
    fn read(&self, file: &Path, threads: usize, sink: impl FnMut(Batch) -> ControlFlow<()>) -> Result<(), Problem> {
        match self {
            Self::Csv(layout) => cpl_csv::read(file, layout, threads, sink).map(drop),
            Self::Records(layout) => cpl_records::read(file, layout, sink).map(drop),
        }
    }

    /// The reader of those columns of a fetch, of which the texts called so may be handed out as words.
    fn of(fetch: &Fetch, columns: &[FetchColumn], words: &[String]) -> Self {
        let records = |kind| {
            let at = stored(columns).map(|column| match column.found {
                Found::Path => At::Path(path(&column.header)),
                _ => At::Name,
            });
            let (columns, at) = (stored(columns).map(field).collect(), at.collect());
            Self::Records(cpl_records::Layout { kind, columns, at, skip_bad: fetch.skip_bad.is_some() })
        };
        match &fetch.kind {
            SourceKind::Csv { separator, header, short_rows } => {
                let mut layout = csv_layout(fetch, columns, *header);
                for (field, _) in
                    layout.columns.iter_mut().zip(stored(columns)).filter(|(_, column)| words.contains(&column.name))
                {
                    field.form = Form::Word;
                }
                Self::Csv(cpl_csv::Layout { separator: *separator, short_rows: *short_rows, ..layout })
            }
            SourceKind::Ndjson => records(Kind::Lines),
            SourceKind::Json { records: at } => records(Kind::Document(at.as_deref().map(records_at))),
            SourceKind::Excel { sheet } => records(Kind::Sheet(sheet.clone())),
            SourceKind::Parquet => unreachable!("Parquet is scanned"),
            SourceKind::Http { .. } | SourceKind::Sql | SourceKind::Endpoint => {
                unreachable!("a run that would ask a server is refused")
            }
        }
    }
}

fn csv_layout(fetch: &Fetch, columns: &[FetchColumn], header: bool) -> cpl_csv::Layout {
    // Without a header each column of the files is declared, but for what is told of the file itself.
    let mut declared: Vec<&str> = stored(&fetch.columns).map(|column| column.header.as_str()).collect();
    // Several columns may look into one cell.
    let all = declared.clone();
    let mut at = 0..;
    declared.retain(|header| at.next().is_none_or(|at| !all[..at].contains(header)));
    let place = |column: &FetchColumn| declared.iter().position(|header| *header == column.header);
    let head = if header {
        Head::Names
    } else {
        Head::Places { fields: declared.len(), at: stored(columns).filter_map(place).collect() }
    };
    let columns = stored(columns).map(field).collect();
    cpl_csv::Layout { columns, head, skip_bad: fetch.skip_bad.is_some(), ..cpl_csv::Layout::default() }
}

/// The columns that stand in the files: not those of their names.
pub fn stored(columns: &[FetchColumn]) -> impl Iterator<Item = &FetchColumn> {
    columns.iter().filter(|column| column.found != Found::File)
}

fn records_at(text: &str) -> cpl_records::Records {
    cpl_records::Records::at(text).unwrap_or_else(|error| unreachable!("a path is checked before: {error}"))
}

/// A path that was checked with the pipeline.
fn path(text: &str) -> cpl_records::JsonPath {
    cpl_records::path(text).unwrap_or_else(|error| unreachable!("a path is checked before: {error}"))
}

/// A frame of the columns without rows.
pub fn no_rows(columns: &[FetchColumn]) -> Result<pl::DataFrame, Trouble> {
    let fields: Vec<Field> = stored(columns).map(field).collect();
    frame(Batch::empty(&fields), columns, "", &mut Words::default()).map_err(trouble::engine)
}

/// How a stored value is read from text.
pub fn field(column: &FetchColumn) -> Field {
    let pattern = |format: &Format| match format {
        Format::Iso => None,
        Format::Pattern(pattern) => Some(pattern.clone()),
    };
    let form = match &column.stored {
        Stored::Text => Form::Text,
        Stored::Bool => Form::Bool,
        Stored::Count => Form::Whole { negative: false },
        Stored::Integer => Form::Whole { negative: true },
        Stored::Float => Form::Float,
        Stored::Percent => Form::Percent,
        Stored::Money(scale, digits) => Form::Money { shift: shift(*scale, *digits) },
        Stored::Date(format) => Form::Date(pattern(format)),
        Stored::Datetime(format, zone) => Form::Datetime(pattern(format), zone.clone()),
        Stored::UnixSeconds => Form::Unix { per_second: 1 },
        Stored::UnixMilliseconds => Form::Unix { per_second: 1_000 },
        Stored::Weekday => Form::Weekday,
    };
    let inside = match &column.found {
        Found::Inside(at) => Some(cpl_records::inside(path(at), at)),
        Found::Named | Found::Path | Found::File => None,
    };
    Field { header: column.header.clone(), form, optional: column.optional, inside }
}

/// How many digits a stored 1 stands behind the point.
pub fn shift(scale: MoneyScale, minor_digits: u32) -> u32 {
    match scale {
        MoneyScale::Units => 0,
        MoneyScale::Minor => minor_digits,
        MoneyScale::Micros => 6,
    }
}

/// The rows of a batch.
pub fn frame(batch: Batch, columns: &[FetchColumn], file: &str, words: &mut Words) -> pl::PolarsResult<pl::DataFrame> {
    let rows = batch.rows;
    let mut read = batch.columns.into_iter();
    let mut found = Vec::new();
    for column in columns {
        let values = if column.found == Found::File { None } else { read.next() };
        found.push(match values {
            Some(Column { data: Data::Words(texts, numbers), valid, .. }) => {
                words.column(&column.name, texts, numbers, valid).into_column()
            }
            Some(values) => engine_column(values, &column.name)?,
            None => pl::Column::new_scalar(
                column.name.as_str().into(),
                pl::Scalar::from(pl::PlSmallStr::from_str(file)),
                rows,
            ),
        });
    }
    pl::DataFrame::new(rows, found)
}

/// A column of the reader as one of the engine.
pub fn engine_column(column: Column, name: &str) -> pl::PolarsResult<pl::Column> {
    let name = pl::PlSmallStr::from_str(name);
    let valid = column.valid;
    Ok(match column.data {
        Data::Text(all, ends) => texts(name, &all, &ends, valid.as_deref()).into_column(),
        Data::Words(..) => unreachable!("words are numbered by the part that they are of"),
        Data::Bool(values) => match valid {
            None => BooleanChunked::from_slice(name, &values).into_column(),
            Some(valid) => BooleanChunked::from_iter_options(name, known(values, valid)).into_column(),
        },
        Data::Whole(values) => whole(name, values, valid).into_column(),
        Data::Float(values) => match valid {
            None => Float64Chunked::from_vec(name, values).into_column(),
            Some(valid) => Float64Chunked::from_iter_options(name, known(values, valid)).into_column(),
        },
        Data::Money(values) => {
            let values = match valid {
                None => Int128Chunked::from_vec(name, values),
                Some(valid) => Int128Chunked::from_iter_options(name, known(values, valid)),
            };
            values.into_decimal(PRECISION, MONEY_SCALE)?.into_column()
        }
        Data::Date(values) => days(name, values, valid).into_column().cast(&pl::DataType::Date)?,
        Data::Weekday(values) => days(name, values, valid).into_column(),
        Data::Datetime(values) => whole(name, values, valid).into_column().cast(&moment())?,
    })
}

fn whole(name: pl::PlSmallStr, values: Vec<i64>, valid: Option<Vec<bool>>) -> Int64Chunked {
    match valid {
        None => Int64Chunked::from_vec(name, values),
        Some(valid) => Int64Chunked::from_iter_options(name, known(values, valid)),
    }
}

fn days(name: pl::PlSmallStr, values: Vec<i32>, valid: Option<Vec<bool>>) -> Int32Chunked {
    match valid {
        None => Int32Chunked::from_vec(name, values),
        Some(valid) => Int32Chunked::from_iter_options(name, known(values, valid)),
    }
}

fn texts(name: pl::PlSmallStr, all: &str, ends: &[usize], valid: Option<&[bool]>) -> StringChunked {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let texts = starts.zip(ends).map(|(start, end)| &all[start..*end]);
    match valid {
        None => StringChunked::from_iter_values(name, texts),
        Some(valid) => {
            StringChunked::from_iter_options(name, texts.zip(valid).map(|(text, valid)| valid.then_some(text)))
        }
    }
}

/// Values, those that are missing as none.
fn known<T>(values: Vec<T>, valid: Vec<bool>) -> impl Iterator<Item = Option<T>> {
    values.into_iter().zip(valid).map(|(value, valid)| valid.then_some(value))
}
