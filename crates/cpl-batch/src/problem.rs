//! What can be wrong with a file.

use serde::{Deserialize, Serialize};

use crate::{
    database_problem::DatabaseProblem,
    field::{Field, ValueFormat},
    server_problem::ServerProblem,
    values::is_skipped,
};

/// Where in a file a row stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The row, counted from 1 without the header.
    pub row: u64,
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
}

/// What is wrong with a file: the first thing, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// The system can't read it.
    Unreadable(String),
    /// It is no Parquet file, or not a whole one.
    NotParquet(String),
    /// It has a column of a type that no reader here knows.
    UnknownColumnType,
    /// A column is stored as a type that can't hold what is declared.
    StoredAs {
        /// The column's name in the file.
        header: String,
        /// How it is stored.
        stored: String,
        /// What finds a value inside of those stored, where they are made of others: `from "a" at "$[0]"`.
        inside: Option<String>,
        /// What was wanted.
        wanted: String,
    },
    /// The values of a column can't be read.
    ColumnUnreadable {
        /// The column's name in the file.
        header: String,
        /// Why.
        why: String,
    },
    /// It holds nothing, not even a header.
    Empty,
    /// Its header is no UTF-8.
    HeaderNotText,
    /// A wanted column is not in the header.
    NoColumn {
        /// The wanted name.
        header: String,
        /// The names that are there.
        found: Vec<String>,
        /// The line further down, counted from 1, that names all wanted columns.
        line: Option<u64>,
    },
    /// Bytes of which no text is made, as at the end of a file that was cut off while it was written.
    NulBytes {
        /// Where; only the line is known.
        place: Place,
    },
    /// A server gives no answer that can be used.
    Server(ServerProblem),
    /// A database gives no rows.
    Database(DatabaseProblem),
    /// What it gives can't be recorded.
    NotRecorded(String),
    /// It changed while it was read.
    Changed,
    /// It is a file of another kind.
    OtherKind(FileKind),
    /// It has fewer lines than are to be skipped.
    FewLines {
        /// How many.
        lines: u64,
    },
    /// A wanted column is twice in the header.
    ColumnTwice {
        /// Its name.
        header: String,
    },
    /// A value does not fit.
    Value {
        /// Where.
        place: Place,
        /// The column's name in the file.
        header: String,
        /// The value, shortened; none where it is missing.
        value: Option<String>,
        /// What was wanted.
        wanted: String,
    },
    /// A row has more or fewer fields than the header.
    Fields {
        /// Where.
        place: Place,
        /// How many it has.
        found: usize,
        /// How many the header has.
        wanted: usize,
    },
    /// It is no JSON.
    NoJson {
        /// Where; no row in a document.
        place: Place,
        /// The column on that line, counted from 1 in bytes.
        column: u64,
        /// What is wrong there.
        why: String,
    },
    /// A record is no object.
    NoRecord {
        /// Where.
        place: Place,
        /// What stands there, shortened.
        found: String,
    },
    /// An object names a member twice, and one value of it is wanted.
    DuplicateMember {
        /// Where; no row in the part of a document that leads to its records.
        place: Place,
        /// The member's name.
        name: String,
    },
    /// A document has no records where they are looked for.
    NoRecords {
        /// Paths to the lists it has.
        found: Vec<String>,
    },
    /// A workbook has no sheet of that name.
    NoSheet {
        /// The wanted name.
        sheet: String,
        /// Those it has.
        found: Vec<String>,
    },
    /// A workbook of which each sheet is hidden, and none is named.
    NoVisibleSheet {
        /// Those it has.
        found: Vec<String>,
    },
    /// It, or a part of it, is larger than what is read at once.
    TooLarge {
        /// What is too large.
        what: Oversized,
        /// How many bytes it may have.
        limit: u64,
        /// Where; no row of a whole file.
        place: Place,
    },
    /// A quote opens and never closes, or more follows a closing one.
    Quote {
        /// Where.
        place: Place,
        /// Whether it never closes.
        open: bool,
    },
}

/// Kinds of files that are not what they are declared to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A zip archive, which a workbook is too.
    Archive,
    /// A workbook of before 2007.
    OldWorkbook,
    /// What a program leaves next to a workbook that it has open.
    LockFile,
    /// Packed by gzip, and not named so.
    Gzip,
    /// Apache Parquet.
    Parquet,
    /// PDF.
    Pdf,
    /// HTML or XML.
    Markup,
    /// A text.
    Text,
    /// A text whose lines end with a carriage return only.
    CarriageReturns,
}

/// What may have no more than so many bytes, since it is read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oversized {
    /// A JSON document, unpacked.
    Document,
    /// A server's answer, unpacked.
    Answer,
    /// A line of a record.
    Line,
    /// All sheets of a workbook, unpacked.
    Workbook,
    /// A row of a text table.
    Row,
    /// What a file ending with `.gz` holds.
    Unpacked,
}

/// A problem of a source of bytes, on its way through readers that know errors of input alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadProblem(pub Problem);

impl std::fmt::Display for ReadProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its bytes can't be read to the end")
    }
}

impl std::error::Error for ReadProblem {}

impl Problem {
    /// The same problem, so many rows and lines later.
    #[must_use]
    pub fn offset_by(self, before: Place) -> Self {
        let place = self.place().unwrap_or_default();
        self.moved(Place { row: place.row + before.row, line: place.line + before.line })
    }

    /// Where it is, if it is at one row.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Value { place, .. }
            | Self::Fields { place, .. }
            | Self::Quote { place, .. }
            | Self::NoJson { place, .. }
            | Self::NoRecord { place, .. }
            | Self::DuplicateMember { place, .. }
            | Self::NulBytes { place }
            | Self::TooLarge { place, .. } => Some(*place),
            _ => None,
        }
    }

    /// The same problem, at another place.
    #[must_use]
    pub fn moved(mut self, to: Place) -> Self {
        match &mut self {
            Self::Value { place, .. }
            | Self::Fields { place, .. }
            | Self::Quote { place, .. }
            | Self::NoJson { place, .. }
            | Self::NoRecord { place, .. }
            | Self::DuplicateMember { place, .. }
            | Self::NulBytes { place }
            | Self::TooLarge { place, .. } => *place = to,
            _ => {}
        }
        self
    }
}

/// What is wrong where a column's value is that text, or missing.
#[must_use]
pub fn bad_value(field: &Field, value: Option<&str>) -> Problem {
    const SHOWN: usize = 60;
    let raw = value.unwrap_or_default();
    let shown: String = raw.chars().take(SHOWN).collect();
    let shown = if raw.chars().count() > SHOWN { format!("{shown}…") } else { shown };
    Problem::Value {
        place: Place::default(),
        header: field.called(),
        value: (!shown.trim().is_empty()).then_some(shown),
        wanted: match &field.format {
            ValueFormat::Datetime(pattern, zone) if is_skipped(raw.trim().as_bytes(), pattern.as_deref(), zone) => {
                let zone = zone.iana_name().unwrap_or("that zone");
                format!("a time that there was: the clocks of {zone} skip this one")
            }
            form => form.wanted(),
        },
    }
}
