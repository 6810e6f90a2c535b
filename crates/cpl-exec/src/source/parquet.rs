//! Parquet: scanned lazily; each needed column is checked and typed as it streams by.

use std::path::{Path, PathBuf};

use cpl_batch::{Place, Problem, bad_value};
use cpl_model::program::{ColumnLocator, Encoding, Fetch, FetchColumn};
use polars::prelude::{self as pl, HiveOptions, LazyFrame, PlRefPath, ScanArgsParquet};

use super::{
    cast::{can_hold, convert, engine_type, is_utc, may_round, rounded},
    fields::{field, in_files},
    stamp::FileStamp,
};
use crate::{
    engine::{Failure, catch_panic, concat, elementwise, first_line, height, raise},
    error::{ExecError, SourceError},
};

/// The name of the column that counts.
const ROUNDED: &str = "·rounded";

/// A Parquet file: its footer was read, and its columns can hold what is declared.
#[derive(Clone)]
pub struct ParquetFile {
    /// Its name, for messages and the column of file names.
    pub name: String,
    /// Its rows as they are stored.
    pub frame: LazyFrame,
    /// The types of its columns.
    pub schema: pl::SchemaRef,
    /// The expressions that check and type each declared column.
    pub columns: Vec<pl::Expr>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its path, and what it was when it was opened.
    pub path: PathBuf,
    pub stamp: Option<FileStamp>,
}

impl ParquetFile {
    /// Whether it is no longer what it was when it was opened.
    pub fn has_changed(&self) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| stamp.has_changed(&self.path))
    }

    /// Whether it has a column, which it may lack.
    pub fn has(&self, column: &FetchColumn) -> bool {
        self.schema.get(&column.header).is_some()
    }
}

/// Days that are stored as midnights of UTC, where the pipeline's days are those of another zone.
pub fn utc_days(files: &[ParquetFile], columns: &[FetchColumn]) -> Vec<String> {
    let is_day = |column: &&FetchColumn| matches!(column.encoding, Encoding::Date(_) | Encoding::DayOf(..));
    let stored = |column: &&FetchColumn| files.iter().any(|file| file.schema.get(&column.header).is_some_and(is_utc));
    in_files(columns).filter(is_day).filter(stored).map(|column| column.name.clone()).collect()
}

/// The rows of files whose values are checked while the plan runs.
pub struct ScanPartitions {
    /// The rows, in the files' order.
    pub partitions: Vec<LazyFrame>,
    /// The sum of this frame's only column is how many amounts are rounded.
    pub rounded: Option<LazyFrame>,
    /// Locates a bad value where running them fails.
    pub validation: DeferredValidation,
}

/// Files whose values are checked while the plan runs: after a failure they are read again to locate it.
pub struct DeferredValidation {
    files: Vec<ParquetFile>,
    columns: Vec<FetchColumn>,
    fetch: Fetch,
}

impl DeferredValidation {
    /// The first file that changed since it was opened.
    pub fn changed(&self) -> Option<ExecError> {
        let changed = self.files.iter().find(|file| file.has_changed())?;
        Some(SourceError::in_file(&self.fetch, &changed.name, Problem::Changed).into())
    }

    /// The value that does not fit, or the column that can't be read, where that is why a plan failed.
    pub fn locate_error(&self) -> Option<ExecError> {
        let found = self.files.iter().find_map(|file| {
            let there = in_files(&self.columns).filter(|column| file.has(column));
            let problem = there.into_iter().find_map(|column| locate_error(file, column))?;
            Some(SourceError::in_file(&self.fetch, &file.name, problem))
        });
        found.map(ExecError::Source)
    }
}

/// The rows of Parquet files, in partitions of at most so many rows.
pub fn partitions(
    most: usize,
    fetch: &Fetch,
    files: Vec<ParquetFile>,
    columns: Vec<FetchColumn>,
) -> Result<ScanPartitions, ExecError> {
    let (mut parts, mut counts) = (Parts { most, ..Parts::default() }, Vec::new());
    for file in &files {
        counts.extend(cut_amounts(&columns, &file.frame, &file.schema));
        // Next to the file's columns its name is one value of each row.
        let names: Vec<pl::Expr> = columns.iter().map(|column| pl::col(column.name.as_str())).collect();
        let fitted = |frame: LazyFrame| frame.with_columns(file.columns.clone()).select(names.clone());
        parts.add(file.frame.clone(), fitted)?;
    }
    let rounded = if counts.is_empty() { None } else { Some(concat(counts)) };
    parts.close();
    let validation = DeferredValidation { files, columns, fetch: fetch.clone() };
    Ok(ScanPartitions { partitions: parts.done, rounded, validation })
}

/// Parts so far.
#[derive(Default)]
struct Parts {
    done: Vec<LazyFrame>,
    /// What is not worth a part yet, and how many rows that are.
    open: Vec<LazyFrame>,
    rows: usize,
    most: usize,
}

impl Parts {
    /// Adds a file's rows. They are cut before anything else is done with them: the engine skips what lies before a cut
    /// in files only.
    fn add(&mut self, file: LazyFrame, fitted: impl Fn(LazyFrame) -> LazyFrame) -> Result<(), ExecError> {
        let rows = if self.most == usize::MAX { 0 } else { height(&file)? };
        if self.rows + rows > self.most {
            self.close();
        }
        if rows <= self.most {
            self.open.push(fitted(file));
            self.rows += rows;
            return Ok(());
        }
        for start in (0..rows).step_by(self.most) {
            let length = pl::IdxSize::try_from(self.most).unwrap_or(pl::IdxSize::MAX);
            let cut = file.clone().slice(i64::try_from(start).unwrap_or(i64::MAX), length);
            self.done.push(fitted(cut));
        }
        Ok(())
    }

    fn close(&mut self) {
        self.rows = 0;
        if !self.open.is_empty() {
            self.done.push(concat(std::mem::take(&mut self.open)));
        }
    }
}

/// One row: how many amounts of the file are rounded; none where none can be.
fn cut_amounts(columns: &[FetchColumn], frame: &LazyFrame, schema: &pl::SchemaRef) -> Option<LazyFrame> {
    let rounds =
        |column: &FetchColumn| schema.get(&column.header).is_some_and(|found| may_round(found, &column.encoding));
    let counted = columns.iter().filter(|column| rounds(column)).map(|column| {
        let of = column.clone();
        let values = [pl::col(column.header.as_str())];
        elementwise(values, pl::DataType::Int64, move |values| rounded(&values[0], &of)).sum()
    });
    let total = counted.reduce(|all, one| all + one)?;
    Some(frame.clone().select([total.alias(ROUNDED)]))
}

/// Opens a file: reads its footer, and checks that its columns can hold what is declared.
///
/// # Errors
/// What is wrong with the file as a whole.
pub fn open(name: &str, file: &Path, columns: &[FetchColumn]) -> Result<ParquetFile, Problem> {
    let stamp = FileStamp::of(file).ok().flatten();
    let (frame, schema) = scan(file)?;
    let columns = columns.iter().map(|column| fitted(column, name, &schema)).collect::<Result<Vec<_>, _>>()?;
    let bytes = file.metadata().map_or(0, |found| found.len());
    Ok(ParquetFile { name: name.to_owned(), frame, schema, columns, bytes, path: file.to_owned(), stamp })
}

/// The rows of a file as they are stored, and their types.
pub fn scan(file: &Path) -> Result<(LazyFrame, pl::SchemaRef), Problem> {
    if file.is_dir() {
        return Err(Problem::NotParquet("it is a directory".to_owned()));
    }
    // A pipe would be waited for, and can't be read from its end.
    if !file.is_file() {
        return Err(Problem::NotParquet("it is no plain file".to_owned()));
    }
    let path = PlRefPath::new(file.to_string_lossy().as_ref());
    // A folder named `day=2026-11-20` must never become a column.
    let hive_options = HiveOptions { enabled: Some(false), ..HiveOptions::default() };
    let args = ScanArgsParquet { glob: false, hive_options, ..Default::default() };
    // The engine panics at types it does not know, such as intervals, in any column of the file.
    let scanned = catch_panic(|| {
        let mut frame = LazyFrame::scan_parquet(path, args)?;
        let schema = frame.collect_schema()?;
        Ok((frame, schema))
    });
    match scanned {
        Ok(scanned) => scanned.map_err(|error: pl::PolarsError| Problem::NotParquet(first_line(&error.to_string()))),
        Err(_) => Err(Problem::UnknownColumnType),
    }
}

/// The expression that checks and types one column.
fn fitted(column: &FetchColumn, name: &str, schema: &pl::Schema) -> Result<pl::Expr, Problem> {
    if column.locator == ColumnLocator::File {
        return Ok(pl::lit(name).alias(column.name.as_str()));
    }
    let Some(stored) = schema.get(&column.header) else {
        if column.may_lack {
            let missing = pl::lit(pl::Null {}).cast(engine_type(&column.encoding));
            return Ok(missing.alias(column.name.as_str()));
        }
        let found = schema.iter_names().map(ToString::to_string).collect();
        return Err(Problem::NoColumn { header: column.header.clone(), found, line: None });
    };
    let cell = matches!(column.locator, ColumnLocator::Embedded(_));
    let holds_values = matches!(stored, pl::DataType::String | pl::DataType::List(_));
    if if cell { !holds_values } else { !can_hold(stored, &column.encoding) } {
        let (header, wanted) = (column.called(), field(column).format.wanted());
        let is_list = matches!(stored, pl::DataType::List(_));
        return Err(Problem::StoredAs { header, stored: stored.to_string(), is_list, wanted });
    }
    let of = column.clone();
    let ty = engine_type(&column.encoding);
    let values = [pl::col(column.header.as_str())];
    let checked = elementwise(values, ty, move |values| convert(&values[0], &of).map_err(|_| raise(Failure::BadValue)));
    Ok(checked.alias(column.name.as_str()))
}

/// Reads a column again, to find which of its values did not fit.
fn locate_error(file: &ParquetFile, column: &FetchColumn) -> Option<Problem> {
    let values = match read_column(file, &column.header) {
        Ok(values) => values,
        Err(problem) => return Some(problem),
    };
    let at = convert(&values, column).err()?;
    let place = Place { row: at as u64 + 1, line: 0 };
    Some(bad_value(&field(column), shown(&values, at).as_deref()).moved(place))
}

/// The values of one column, as they are stored.
///
/// # Errors
/// Where the file promises what it does not hold.
pub fn read_column(file: &ParquetFile, header: &str) -> Result<pl::Column, Problem> {
    let unreadable = |why: String| Problem::ColumnUnreadable { header: header.to_owned(), why };
    match catch_panic(|| file.frame.clone().select([pl::col(header)]).collect()) {
        Ok(Ok(values)) => values.column(header).cloned().map_err(|error| unreadable(first_line(&error.to_string()))),
        Ok(Err(error)) => Err(unreadable(first_line(&error.to_string()))),
        // The engine's own words would help nobody.
        Err(_) => Err(unreadable("they are damaged".to_owned())),
    }
}

/// A value as a message shows it; days and moments beyond the calendar as the numbers they are.
pub fn shown(values: &pl::Column, at: usize) -> Option<String> {
    let raw = values.to_physical_repr();
    let (value, number) = (values.get(at).ok()?, raw.get(at).ok()?);
    if value.is_null() || value.get_str() == Some("") {
        return None;
    }
    let beyond = values.dtype().is_temporal()
        && number.extract::<f64>().is_none_or(|number| {
            number.abs() > 2.5e17 || (values.dtype() == &pl::DataType::Date && number.abs() > 3e6)
        });
    Some(if beyond { number.str_value().into_owned() } else { value.str_value().into_owned() })
}
