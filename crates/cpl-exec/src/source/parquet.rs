//! Parquet: scanned lazily; each needed column is checked and typed as it streams by.

use std::{io, path::Path};

use cpl_batch::{Place, Problem, bad_value};
use cpl_model::program::{ColumnLocator, Encoding, Fetch, FetchColumn};
use cpl_source::{FileAt, Object, Salt, SourceFile, field, in_files};
use polars::prelude::{
    self as pl, HiveOptions, IntoColumn, LazyFrame, NewChunkedArray, PlRefPath, ScanArgsParquet, cloud::CloudOptions,
};

use super::{
    cast::{Cast, can_hold, engine_type, is_utc, may_round},
    nested::{ColumnTypes, Inside, example_path, is_nested, stored_as},
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
    /// Where it stands.
    pub file: SourceFile,
    /// Its rows as they are stored.
    pub frame: LazyFrame,
    /// The types of its columns.
    pub schema: pl::SchemaRef,
    /// The declared columns, in their order.
    pub columns: Vec<FileColumn>,
}

impl ParquetFile {
    /// Checks that it is what it was when it was opened.
    ///
    /// # Errors
    /// Where it has changed, or its store does not tell.
    pub fn check_unchanged(&self, fetch: &Fetch) -> Result<(), ExecError> {
        self.file.check_unchanged().map_err(|problem| SourceError::in_file(fetch, &self.file.name, problem).into())
    }

    /// The columns that stand in it, and how each is read.
    pub fn casts(&self) -> impl Iterator<Item = (&FetchColumn, &Cast)> {
        self.columns.iter().filter_map(|column| Some((&column.declared, column.cast.as_ref()?)))
    }

    /// Whether it has a column, which it may lack.
    pub fn has(&self, column: &FetchColumn) -> bool {
        self.casts().any(|(has, _)| has.name == column.name)
    }

    /// The declared columns in their order, of so many rows: those of the file, in the same order, are handed in.
    pub fn in_order(&self, rows: usize, mut of_file: impl FnMut() -> pl::Column) -> Vec<pl::Column> {
        let each = self.columns.iter().map(|column| match &column.cast {
            Some(_) => of_file(),
            None => column.absent(&self.file.name, rows),
        });
        each.collect()
    }

    /// The expressions that check and type each declared column.
    pub fn typed(&self) -> Vec<pl::Expr> {
        self.columns.iter().map(|column| column.typed(&self.file.name)).collect()
    }
}

/// A declared column of a file.
#[derive(Clone)]
pub struct FileColumn {
    declared: FetchColumn,
    /// How it is read; none where it does not stand in the file.
    cast: Option<Cast>,
    /// Whether amounts stored so can have digits beyond the sixth.
    may_round: bool,
}

impl FileColumn {
    /// So many rows of one that does not stand in the file.
    fn absent(&self, file: &str, rows: usize) -> pl::Column {
        let name = self.declared.name.as_str().into();
        if self.declared.locator == ColumnLocator::File {
            return pl::Column::new_scalar(name, pl::Scalar::from(pl::PlSmallStr::from_str(file)), rows);
        }
        pl::Column::full_null(name, rows, &engine_type(&self.declared.encoding))
    }

    /// The expression that checks and types it.
    fn typed(&self, file: &str) -> pl::Expr {
        let (of, ty) = (&self.declared, engine_type(&self.declared.encoding));
        let typed = match self.cast.clone() {
            Some(cast) => {
                let values = [pl::col(of.header.as_str())];
                elementwise(values, ty, move |values| cast.convert(&values[0]).map_err(|_| raise(Failure::BadValue)))
            }
            None if of.locator == ColumnLocator::File => pl::lit(file),
            None => pl::lit(pl::Null {}).cast(ty),
        };
        typed.alias(of.name.as_str())
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
    fetch: Fetch,
}

impl DeferredValidation {
    /// The first file that changed since it was opened.
    pub fn changed(&self) -> Option<ExecError> {
        self.files.iter().find_map(|file| file.check_unchanged(&self.fetch).err())
    }

    /// The value that does not fit, or the column that can't be read, where that is why a plan failed.
    pub fn locate_error(&self) -> Option<ExecError> {
        let found = self.files.iter().find_map(|file| {
            let problem = file.casts().find_map(|(column, cast)| locate_error(file, column, cast))?;
            Some(SourceError::in_file(&self.fetch, &file.file.name, problem))
        });
        found.map(ExecError::Source)
    }
}

/// The rows of Parquet files, in partitions of at most so many rows.
pub fn partitions(
    most: usize,
    fetch: &Fetch,
    files: Vec<ParquetFile>,
    columns: &[FetchColumn],
) -> Result<ScanPartitions, ExecError> {
    let (mut parts, mut counts) = (Parts { most, ..Parts::default() }, Vec::new());
    for file in &files {
        counts.extend(cut_amounts(file));
        // Next to the file's columns its name is one value of each row.
        let names: Vec<pl::Expr> = columns.iter().map(|column| pl::col(column.name.as_str())).collect();
        let fitted = |frame: LazyFrame| frame.with_columns(file.typed()).select(names.clone());
        parts.add(file.frame.clone(), fitted)?;
    }
    let rounded = if counts.is_empty() { None } else { Some(concat(counts)) };
    parts.close();
    let validation = DeferredValidation { files, fetch: fetch.clone() };
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
fn cut_amounts(file: &ParquetFile) -> Option<LazyFrame> {
    let rounding = file.columns.iter().filter(|column| column.may_round);
    let counted = rounding.filter_map(|column| {
        let cast = column.cast.clone()?;
        let values = [pl::col(column.declared.header.as_str())];
        let count = move |values: &[pl::Column]| Ok(counted(&cast, &values[0]));
        Some(elementwise(values, pl::DataType::Int64, count).sum())
    });
    let total = counted.reduce(|all, one| all + one)?;
    Some(file.frame.clone().select([total.alias(ROUNDED)]))
}

/// Numbers as many as the values are, whose sum is how many amounts are rounded.
fn counted(cast: &Cast, values: &pl::Column) -> pl::Column {
    let count = i64::try_from(cast.rounded(values)).unwrap_or(i64::MAX);
    let counts = (0..values.len()).map(|at| if at == 0 { count } else { 0 });
    pl::Int64Chunked::from_iter_values(values.name().clone(), counts).into_column()
}

/// Opens a file: reads its footer, and checks that its columns can hold what is declared.
///
/// # Errors
/// What is wrong with the file as a whole.
pub fn open(file: &SourceFile, columns: &[FetchColumn], salt: Option<&Salt>) -> Result<ParquetFile, Problem> {
    let (frame, schema) = match &file.at {
        FileAt::Disk(path) => scan(path)?,
        FileAt::Store(object) => scan_object(object)?,
    };
    let types = ColumnTypes::of(&file.at);
    let columns = columns.iter().map(|column| stored(column, &types, &schema, salt)).collect::<Result<Vec<_>, _>>()?;
    Ok(ParquetFile { file: file.clone(), frame, schema, columns })
}

/// The rows of a file as they are stored, and their types.
pub fn scan(file: &Path) -> Result<(LazyFrame, pl::SchemaRef), Problem> {
    if file.is_dir() {
        return Err(Problem::NotParquet("it is a directory".to_owned()));
    }
    file.metadata().map_err(|error| Problem::Unreadable(error.to_string()))?;
    // A pipe would be waited for, and can't be read from its end.
    if !file.is_file() {
        return Err(Problem::NotParquet("it is no plain file".to_owned()));
    }
    let path = address(file).map_err(|error| Problem::Unreadable(error.to_string()))?;
    scan_at(path, None).map_err(|error| {
        error.map_or(Problem::UnknownColumnType, |error| Problem::NotParquet(first_line(&error.to_string())))
    })
}

/// The same of an object in a store.
fn scan_object(object: &Object) -> Result<(LazyFrame, pl::SchemaRef), Problem> {
    let address = object.address();
    let path = PlRefPath::new(address);
    let options = CloudOptions::from_untyped_config(path.scheme(), object.options());
    let unreadable = |error: pl::PolarsError| {
        let text = error.to_string();
        // What the store says is no fault of the file.
        if text.contains("object-store error") {
            object.problem_of(&text)
        } else {
            Problem::NotParquet(object.shown(&text))
        }
    };
    let options = options.map_err(unreadable)?;
    scan_at(path, Some(options)).map_err(|error| error.map_or(Problem::UnknownColumnType, unreadable))
}

/// The rows at an address of the engine; no error where it holds a type that the engine does not know.
fn scan_at(
    path: PlRefPath,
    cloud_options: Option<CloudOptions>,
) -> Result<(LazyFrame, pl::SchemaRef), Option<pl::PolarsError>> {
    // A folder named `day=2026-11-20` must never become a column.
    let hive_options = HiveOptions { enabled: Some(false), ..HiveOptions::default() };
    let args = ScanArgsParquet { glob: false, hive_options, cloud_options, ..Default::default() };
    // The engine panics at types it does not know, such as intervals, in any column of the file.
    let scanned = catch_panic(|| {
        let mut frame = LazyFrame::scan_parquet(path, args)?;
        let schema = frame.collect_schema()?;
        Ok((frame, schema))
    });
    match scanned {
        Ok(scanned) => scanned.map_err(Some),
        Err(_) => Err(None),
    }
}

/// The path under which the engine reads a file, and does not map it: one that is cut short while it is mapped would end
/// the process. Windows does not cut a mapped file.
fn address(file: &Path) -> io::Result<PlRefPath> {
    let file = std::path::absolute(file)?;
    let scheme = if cfg!(unix) { "file://" } else { "" };
    // A percent sign begins an escape in an address.
    let name = file.to_string_lossy().replace('%', if cfg!(unix) { "%25" } else { "%" });
    Ok(PlRefPath::new(format!("{scheme}{name}")))
}

/// How a column stands in a file, which can hold what is declared.
fn stored(
    column: &FetchColumn,
    types: &ColumnTypes<'_>,
    schema: &pl::Schema,
    salt: Option<&Salt>,
) -> Result<FileColumn, Problem> {
    let absent = || FileColumn { declared: column.clone(), cast: None, may_round: false };
    if column.locator == ColumnLocator::File {
        return Ok(absent());
    }
    let lacks = |header: String, found: Vec<String>| {
        if column.may_lack { Ok(absent()) } else { Err(Problem::NoColumn { header, found, line: None }) }
    };
    let Some(found) = schema.get(&column.header) else {
        return lacks(column.header.clone(), schema.iter_names().map(ToString::to_string).collect());
    };
    let inside = match &column.locator {
        ColumnLocator::Embedded(path) if is_nested(found) => match Inside::of(path, &column.header, found, types)? {
            Ok(inside) => Some(inside),
            Err(fields) => {
                let fields = fields.iter().map(|path| format!("{} at {path}", column.header)).collect();
                return lacks(column.called(), fields);
            }
        },
        _ => None,
    };
    let read = inside.as_ref().map_or_else(|| found.clone(), |inside| inside.dtype(found));
    let is_json = matches!(column.locator, ColumnLocator::Embedded(_)) && !matches!(inside, Some(Inside::Field(_)));
    if if is_json { read != pl::DataType::String } else { !can_hold(&read, &column.encoding) } {
        let (header, wanted) = (column.called(), field(column).format.wanted());
        let inside = is_nested(&read).then(|| format!("from {:?} at {:?}", column.header, example_path(&read)));
        return Err(Problem::StoredAs { header, stored: stored_as(&read), inside, wanted });
    }
    let may_round = may_round(&read, &column.encoding);
    Ok(FileColumn { declared: column.clone(), cast: Some(Cast::new(column, inside, salt)), may_round })
}

/// Reads a column again, to find which of its values did not fit.
fn locate_error(file: &ParquetFile, column: &FetchColumn, cast: &Cast) -> Option<Problem> {
    let values = match read_column(file, &column.header) {
        Ok(values) => values,
        Err(problem) => return Some(problem),
    };
    let at = cast.convert(&values).err()?;
    let place = Place { row: at as u64 + 1, line: 0 };
    Some(bad_value(&field(column), cast.shown(&values, at).as_deref()).moved(place))
}

/// The values of one column, as they are stored.
///
/// # Errors
/// Where the file promises what it does not hold.
pub fn read_column(file: &ParquetFile, header: &str) -> Result<pl::Column, Problem> {
    let unreadable = |why: String| {
        let why = match &file.file.at {
            FileAt::Store(object) => object.shown(&why),
            FileAt::Disk(_) => why,
        };
        Problem::ColumnUnreadable { header: header.to_owned(), why }
    };
    match catch_panic(|| file.frame.clone().select([pl::col(header)]).collect()) {
        Ok(Ok(values)) => values.column(header).cloned().map_err(|error| unreadable(first_line(&error.to_string()))),
        Ok(Err(error)) => Err(unreadable(first_line(&error.to_string()))),
        // The engine's own words would help nobody.
        Err(_) => Err(unreadable("they are damaged".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use cpl_check::{Setup, tree_to_program};
    use cpl_model::{clock::AsOf, program::TableSource};
    use polars::prelude::{NamedFrom, ParquetWriter, Series};

    use super::*;

    const PIPELINE: &str = "pipeline p { retire 2027-01-01 }\nfetch a from parquet(\"a\") { columns { n: count } }";

    fn fetch() -> Fetch {
        let setup = Setup::at(AsOf::Date(jiff::civil::date(2026, 11, 20)));
        let program = tree_to_program(PIPELINE, &cpl_syntax::parse(PIPELINE).0, setup).program;
        match program.map(|program| program.tables[0].source.clone()) {
            Some(TableSource::Fetch(fetch)) => fetch,
            _ => panic!("no fetch"),
        }
    }

    /// A file that is cut short behind the reader's back is an error; mapped into memory it would end the process.
    #[test]
    fn a_file_that_is_cut_once_it_is_open_is_told() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("a.parquet");
        let numbers = Series::new("n".into(), (0..500_000i64).map(|n| n * 7_919 % 1_000_003).collect::<Vec<_>>());
        let mut rows = pl::DataFrame::new(numbers.len(), vec![numbers.into_column()]).unwrap_or_default();
        let file = std::fs::File::create(&path).unwrap_or_else(|error| panic!("{error}"));
        let size = ParquetWriter::new(file).finish(&mut rows).unwrap_or_else(|error| panic!("{error}"));

        let fetch = fetch();
        for left in [0, 1, size / 3, size - 1] {
            let file = SourceFile::on_disk("a.parquet".to_owned(), path.clone());
            let opened = open(&file, &fetch.columns, None).unwrap_or_else(|problem| panic!("{problem:?}"));
            let whole = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}"));
            let file = OpenOptions::new().write(true).open(&path).unwrap_or_else(|error| panic!("{error}"));
            file.set_len(left).unwrap_or_else(|error| panic!("{error}"));
            let scanned = partitions(usize::MAX, &fetch, vec![opened], &fetch.columns);
            let Ok(scanned) = scanned else { panic!("it is not read before the plan runs") };
            let read = catch_panic(|| scanned.partitions[0].clone().collect());
            assert!(!matches!(read, Ok(Ok(_))) || left == size - 1, "{left} of {size} bytes");
            assert!(scanned.validation.changed().is_some(), "{left} of {size} bytes");
            std::fs::write(&path, whole).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
