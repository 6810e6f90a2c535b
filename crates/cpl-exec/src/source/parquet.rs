//! Parquet: scanned lazily; each needed column is checked and typed as it streams by.

use std::path::{Path, PathBuf};

use cpl_batch::Place;
use cpl_model::program::{ColumnLocator, Fetch, FetchColumn};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{self as pl, HiveOptions, LazyFrame, PlRefPath, ScanArgsParquet};

use super::{
    cast::{can_hold, convert, engine_type, may_round, rounded},
    fields::{field, in_files},
    problem_to_diagnostic,
};
use crate::{
    engine::{Failure, catch_panic, concat, elementwise, height, raise},
    error::ExecError,
};

/// The name of the column that counts.
const ROUNDED: &str = "·rounded";

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
    files: Vec<(String, PathBuf)>,
    columns: Vec<FetchColumn>,
    fetch: Fetch,
}

impl DeferredValidation {
    /// The value that does not fit, or the file that can't be read, where that is why a plan failed.
    pub fn locate_error(&self) -> Option<ExecError> {
        locate_error(&self.fetch, &self.files, &self.columns)
    }
}

/// The rows of Parquet files, in partitions of at most so many rows.
pub fn partitions(
    most: usize,
    fetch: &Fetch,
    files: Vec<(String, PathBuf)>,
    columns: Vec<FetchColumn>,
) -> Result<ScanPartitions, ExecError> {
    let (mut parts, mut counts) = (Parts { most, ..Parts::default() }, Vec::new());
    for (name, file) in &files {
        let Scanned { frame, schema } = scan(name, file, fetch)?;
        let exprs = columns.iter().map(|column| fitted(column, name, fetch, &schema)).collect::<Result<Vec<_>, _>>()?;
        counts.extend(cut_amounts(&columns, &frame, &schema));
        // Beside the file's columns its name is one value of each row.
        let names: Vec<pl::Expr> = columns.iter().map(|column| pl::col(column.name.as_str())).collect();
        let fitted = |frame: LazyFrame| frame.with_columns(exprs.clone()).select(names.clone());
        parts.add(frame, fitted)?;
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
    /// in files alone.
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

/// A file and its columns.
pub struct Scanned {
    pub frame: LazyFrame,
    pub schema: pl::SchemaRef,
}

/// Opens one file.
pub fn scan(name: &str, file: &Path, fetch: &Fetch) -> Result<Scanned, ExecError> {
    let unreadable = |why: String| {
        let diagnostic = Diagnostic::new(Code::E1002, format!("{name} can't be read: {why}"));
        let diagnostic = diagnostic.at(fetch.path_span, "read from here").help("is it a Parquet file, and whole?");
        ExecError::Source(vec![diagnostic])
    };
    if file.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    let path = PlRefPath::new(file.to_string_lossy().as_ref());
    // A folder named `day=2026-11-20` must never become a column.
    let hive_options = HiveOptions { enabled: Some(false), ..HiveOptions::default() };
    let args = ScanArgsParquet { glob: false, hive_options, ..Default::default() };
    let first_line =
        |error: pl::PolarsError| unreadable(error.to_string().lines().next().unwrap_or_default().to_owned());
    // The engine panics at types it does not know, such as intervals, in any column of the file.
    let scanned = catch_panic(|| -> pl::PolarsResult<Scanned> {
        let mut frame = LazyFrame::scan_parquet(path, args)?;
        let schema = frame.collect_schema()?;
        Ok(Scanned { frame, schema })
    });
    match scanned {
        Ok(scanned) => scanned.map_err(first_line),
        Err(_) => {
            let message = format!("{name} can't be read: it holds a column of a type that is not known here");
            let diagnostic = Diagnostic::new(Code::E1002, message).at(fetch.path_span, "read from here");
            let help = "leave out, as the file is written, what is a float of 16 bits, an interval, or a moment of an offset without a zone's name";
            Err(ExecError::Source(vec![diagnostic.help(help)]))
        }
    }
}

/// The expression that checks and types one column.
pub fn fitted(column: &FetchColumn, name: &str, fetch: &Fetch, schema: &pl::Schema) -> Result<pl::Expr, ExecError> {
    if column.locator == ColumnLocator::File {
        return Ok(pl::lit(name).alias(column.name.as_str()));
    }
    let Some(stored) = schema.get(&column.header) else {
        let found: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        return Err(ExecError::Source(vec![problem_to_diagnostic::no_column(
            name,
            &column.header,
            &found,
            Some(column),
            fetch,
        )]));
    };
    let cell = matches!(column.locator, ColumnLocator::Embedded(_));
    if (cell && *stored != pl::DataType::String) || !can_hold(stored, &column.encoding) {
        let wanted = field(column).format.wanted();
        let diagnostic =
            Diagnostic::new(Code::E1005, format!("{name}: the column `{}` is stored as {stored}", column.header));
        let diagnostic =
            diagnostic.at(column.span, format!("wanted: {wanted}")).help("declare the column by what it holds");
        return Err(ExecError::Source(vec![diagnostic]));
    }
    let of = column.clone();
    let ty = engine_type(&column.encoding);
    let values = [pl::col(column.header.as_str())];
    let checked = elementwise(values, ty, move |values| convert(&values[0], &of).map_err(|_| raise(Failure::BadValue)));
    Ok(checked.alias(column.name.as_str()))
}

/// Reads again, file by file and column by column, to tell which value did not fit.
fn locate_error(fetch: &Fetch, files: &[(String, PathBuf)], columns: &[FetchColumn]) -> Option<ExecError> {
    for (name, file) in files {
        for column in in_files(columns) {
            let frame = match scan(name, file, fetch) {
                Ok(scanned) => scanned.frame.select([pl::col(column.header.as_str())]),
                Err(error) => return Some(error),
            };
            let unreadable = |why: &str| Some(ExecError::Source(vec![damaged(name, &column.header, why, fetch)]));
            let values = match catch_panic(|| frame.collect()) {
                Ok(Ok(values)) => values,
                Ok(Err(error)) => return unreadable(&error.to_string()),
                // The engine's own words would help nobody.
                Err(_) => return unreadable("they are damaged"),
            };
            let values = values.column(&column.header).ok()?;
            if let Err(at) = convert(values, column) {
                let value = shown(values, at);
                let place = Place { row: at as u64 + 1, line: 0 };
                let wanted = field(column).format.wanted();
                let found =
                    problem_to_diagnostic::bad_value(name, place, value.as_deref(), &wanted, Some(column), fetch);
                return Some(ExecError::Source(vec![found]));
            }
        }
    }
    None
}

/// What is said of a file that promises what it does not hold.
pub fn damaged(name: &str, column: &str, why: &str, fetch: &Fetch) -> Diagnostic {
    let why = why.lines().next().unwrap_or_default();
    let message = format!("{name}: the values of `{column}` can't be read: {why}");
    let diagnostic = Diagnostic::new(Code::E1002, message).at(fetch.path_span, "read from here");
    diagnostic.help("have the file written anew; decimals of more than 38 digits are not read")
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
