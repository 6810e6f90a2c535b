//! The rows of a file as texts, and how it is written.

mod records;
mod table;

use std::path::Path;

use cpl_batch::{Problem, StoredKind};

pub use self::records::{DeclaredAnswer, answer};

/// What was looked at of a file.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How it is fetched.
    pub found: Found,
    /// Its columns.
    pub columns: Vec<Column>,
    /// How many rows were looked at.
    pub rows: usize,
    /// They are all rows of the file.
    pub whole: bool,
    /// What could not be made a column, and why.
    pub left_out: Vec<String>,
    /// What is not sure of the whole.
    pub doubts: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Where it stands.
    pub place: Located,
    /// Its values; none where there is none.
    pub values: Vec<Option<String>>,
    /// How Parquet stores it.
    pub stored: Option<StoredKind>,
    /// Some row of the file has no value, also where it was not looked at.
    pub has_missing: bool,
}

impl Column {
    /// A column of Parquet, or a field of its records, to which the names of such fields lead.
    ///
    /// # Errors
    /// Why no column can be made of it.
    pub fn stored(
        of: String,
        fields: &[String],
        kind: StoredKind,
        values: Vec<Option<String>>,
        has_missing: bool,
    ) -> Result<Self, String> {
        let path = fields.iter().fold("$".to_owned(), |path, field| path + &cpl_records::step(field));
        if kind == StoredKind::Other {
            return Err(format!("`{of}` is stored as something that no type reads: bytes, a time, a duration"));
        }
        if kind == StoredKind::Nested {
            return Err(format!(
                "`{of}` holds lists or maps: `from {of:?} at \"{path}[0]\"` takes a value of a list, `from {of:?} at \
                 \"{path}.KEY\"` one of a map"
            ));
        }
        let name = [std::slice::from_ref(&of), fields].concat().join("_");
        let place = if fields.is_empty() { Located::Named } else { Located::Within(of, path) };
        Ok(Self { name, place, values, stored: Some(kind), has_missing })
    }
}

/// Where the values of a column stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Located {
    /// Under its name.
    #[default]
    Named,
    /// At a path within the record.
    Path(String),
    /// In the column of that name, at a path.
    Within(String, String),
}

impl Located {
    /// Whether it is at that path.
    pub fn is_at(&self, path: &str) -> bool {
        matches!(self, Self::Path(own) if own == path)
    }
}

/// How a file is fetched.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A text table.
    Csv(Table),
    /// A workbook: its first visible sheet, the lines above the header, and how the row begins that ends the table.
    Excel(String, u64, Option<String>),
    /// Lines of JSON.
    Ndjson,
    /// A document, and the path to its records.
    Json(Option<String>),
    /// The same, which a server answers.
    Answer(Option<String>),
    /// Parquet.
    Parquet,
}

impl Default for Found {
    fn default() -> Self {
        Self::Csv(Table::default())
    }
}

/// How a text table is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What sets fields apart.
    pub separator: char,
    /// Lines above the header.
    pub skip_lines: u64,
    /// The first row names the columns.
    pub header: bool,
    /// The encoding, where it is not UTF-8.
    pub encoding: Option<&'static str>,
    /// How the row begins that ends the table.
    pub until: Option<String>,
    /// Some rows lack fields at their end.
    pub short_rows: bool,
}

/// The rows of a file, by its name's ending.
pub fn of(file: &Path) -> Result<Sample, Problem> {
    if is_workbook(file) {
        table::sheet(file)
    } else if ends(file, &[".ndjson", ".jsonl"]) {
        records::lines(file)
    } else if ends(file, &[".json"]) {
        records::document(file)
    } else {
        table::text(file)
    }
}

/// Whether a file's name is that of a workbook.
#[must_use]
pub fn is_workbook(file: &Path) -> bool {
    ends(file, &[".xlsx", ".xlsb", ".xls", ".ods", ".xlsm"])
}

fn ends(file: &Path, endings: &[&str]) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    endings.iter().any(|ending| name.trim_end_matches(".gz").ends_with(ending))
}
