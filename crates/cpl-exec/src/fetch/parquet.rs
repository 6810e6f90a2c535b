//! Parquet: scanned lazily; each needed column is checked and typed as it streams by.

use std::path::{Path, PathBuf};

use cpl_csv::Place;
use cpl_plan::program::{Fetch, FetchColumn, Found};
use cpl_syntax::{Code, Diagnostic};
use polars::prelude::{self as pl, LazyFrame, PlRefPath, ScanArgsParquet};

use super::{
    Late, ScannedParts, batches, explain, one_behind_the_other,
    stored::{can_hold, convert, engine_type, may_round, rounded},
};
use crate::{
    by_row::by_row,
    collect::collected_one,
    trouble::{self, Trouble},
};

/// The name of the column that counts.
const ROUNDED: &str = "·rounded";

/// The rows of Parquet files, in parts of at most so many rows.
pub fn parts(
    most: usize,
    fetch: &Fetch,
    files: Vec<PathBuf>,
    columns: Vec<FetchColumn>,
    folder: &Path,
) -> Result<ScannedParts, Trouble> {
    let files: Vec<(String, PathBuf)> = files.into_iter().map(|file| (explain::called(&file, folder), file)).collect();
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
    let rounded = if counts.is_empty() { None } else { Some(one_behind_the_other(counts)?) };
    parts.close()?;
    Ok(ScannedParts { parts: parts.done, rounded, late: Late { files, columns, of: fetch.clone() } })
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
    fn add(&mut self, file: LazyFrame, fitted: impl Fn(LazyFrame) -> LazyFrame) -> Result<(), Trouble> {
        let rows = if self.most == usize::MAX { 0 } else { height(&file)? };
        if self.rows + rows > self.most {
            self.close()?;
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

    fn close(&mut self) -> Result<(), Trouble> {
        self.rows = 0;
        if !self.open.is_empty() {
            self.done.push(one_behind_the_other(std::mem::take(&mut self.open))?);
        }
        Ok(())
    }
}

/// How many rows a frame has.
pub fn height(frame: &LazyFrame) -> Result<usize, Trouble> {
    let rows = collected_one(frame.clone().select([pl::len().cast(pl::DataType::Int64)]), pl::Engine::InMemory)?;
    let rows = rows.columns().first().and_then(|column| column.i64().ok()?.get(0));
    Ok(usize::try_from(rows.unwrap_or(0)).unwrap_or(0))
}

/// One row: how many amounts of the file are rounded; none where none can be.
fn cut_amounts(columns: &[FetchColumn], frame: &LazyFrame, schema: &pl::SchemaRef) -> Option<LazyFrame> {
    let stored =
        |column: &FetchColumn| schema.get(&column.header).is_some_and(|found| may_round(found, &column.stored));
    let counted = columns.iter().filter(|column| stored(column)).map(|column| {
        let of = column.clone();
        let values = [pl::col(column.header.as_str())];
        by_row(values, pl::DataType::Int64, move |values| rounded(&values[0], &of)).sum()
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
pub fn scan(name: &str, file: &Path, fetch: &Fetch) -> Result<Scanned, Trouble> {
    let unreadable = |why: String| {
        let told = Diagnostic::new(Code::E1002, format!("{name} can't be read: {why}"));
        vec![told.at(fetch.path_span, "read from here").help("is it a Parquet file, and whole?")]
    };
    if file.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    let path = PlRefPath::new(file.to_string_lossy().as_ref());
    let args = ScanArgsParquet { glob: false, ..Default::default() };
    let first_line =
        |error: pl::PolarsError| unreadable(error.to_string().lines().next().unwrap_or_default().to_owned());
    // The engine panics at types it does not know, such as intervals, in any column of the file.
    let scanned = trouble::guarded(|| {
        let mut frame = LazyFrame::scan_parquet(path, args)?;
        let schema = frame.collect_schema()?;
        Ok(Scanned { frame, schema })
    });
    match scanned {
        Ok(scanned) => scanned.map_err(first_line),
        Err(_) => {
            let told = format!("{name} can't be read: it holds a column of a type that is not known here");
            let told = Diagnostic::new(Code::E1002, told).at(fetch.path_span, "read from here");
            Err(vec![told.help("leave out, as the file is written, what is a float of 16 bits, an interval, or a moment of an offset without a zone's name")])
        }
    }
}

/// The expression that checks and types one column.
pub fn fitted(column: &FetchColumn, name: &str, fetch: &Fetch, schema: &pl::Schema) -> Result<pl::Expr, Trouble> {
    if column.found == Found::File {
        return Ok(pl::lit(name).alias(column.name.as_str()));
    }
    let Some(stored) = schema.get(&column.header) else {
        let found: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        return Err(vec![explain::no_column(name, &column.header, &found, Some(column), fetch)]);
    };
    let cell = matches!(column.found, Found::Inside(_));
    if (cell && *stored != pl::DataType::String) || !can_hold(stored, &column.stored) {
        let wanted = batches::field(column).form.wanted();
        return Err(vec![
            Diagnostic::new(Code::E1005, format!("{name}: the column `{}` is stored as {stored}", column.header))
                .at(column.span, format!("wanted: {wanted}"))
                .help("declare the column by what it holds"),
        ]);
    }
    let of = column.clone();
    let ty = engine_type(&column.stored);
    let alias = column.name.clone();
    let values = [pl::col(column.header.as_str())];
    Ok(by_row(values, ty, move |values| convert(&values[0], &of).map_err(|at| bad(&of, at))).alias(alias.as_str()))
}

fn bad(column: &FetchColumn, at: usize) -> pl::PolarsError {
    pl::polars_err!(ComputeError: "a bad value in `{}` at {at}", column.header)
}

/// Reads again, file by file and column by column, to tell which value did not fit.
pub fn find(fetch: &Fetch, files: &[(String, PathBuf)], columns: &[FetchColumn]) -> Option<Trouble> {
    for (name, file) in files {
        for column in batches::stored(columns) {
            let frame = scan(name, file, fetch).ok()?.frame.select([pl::col(column.header.as_str())]);
            let values = match trouble::guarded(|| frame.collect()) {
                Ok(Ok(values)) => values,
                Ok(Err(error)) => return Some(damaged(name, &column.header, &error.to_string(), fetch)),
                // The engine's own words would help nobody.
                Err(_) => return Some(damaged(name, &column.header, "they are damaged", fetch)),
            };
            let values = values.column(&column.header).ok()?;
            if let Err(at) = convert(values, column) {
                let value = shown(values, at);
                let place = Place { row: at as u64 + 1, line: 0 };
                let wanted = batches::field(column).form.wanted();
                return Some(vec![explain::bad_value(name, place, value.as_deref(), &wanted, Some(column), fetch)]);
            }
        }
    }
    None
}

/// What is said of a file that promises what it does not hold.
fn damaged(name: &str, column: &str, why: &str, fetch: &Fetch) -> Trouble {
    let why = why.lines().next().unwrap_or_default();
    let told = format!("{name}: the values of `{column}` can't be read: {why}");
    let told = Diagnostic::new(Code::E1002, told).at(fetch.path_span, "read from here");
    vec![told.help("have the file written anew; decimals of more than 38 digits are not read")]
}

/// A value as it is told; days and moments beyond the calendar as the numbers they are.
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
