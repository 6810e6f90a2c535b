//! Tables: where their rows come from and what is done to them.

use std::sync::Arc;

use cpl_syntax::{
    Span, keywords,
    tree::{Currency, MoneyScale},
};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::{DatabaseQuery, EndpointCall, Expr, Request, ids::TableId, store_address::StoreAddress};
use crate::{
    clock::Grain,
    types::{MinorDigits, Type},
};

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name by which a person knows it.
    pub name: String,
    /// What it is in the file.
    pub role: TableRole,
    /// Where it is named.
    pub span: Span,
    /// Where its rows come from.
    pub source: TableSource,
    /// Its columns as rules see them.
    pub columns: Vec<Column>,
    /// Columns that are unique together.
    pub key: Option<Vec<String>>,
    /// It has exactly one row.
    pub singleton: bool,
    /// The column that dates a row.
    pub time: Option<String>,
    /// How long a period's figures still move after it is over, in microseconds; of the tables that it is made of, the longest.
    pub settles: Option<i64>,
    /// The order its rows stand in.
    pub order: Order,
    /// What must hold of it.
    pub checks: Vec<Check>,
}

/// The days of a group's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Days {
    /// The day of a row.
    pub of_row: Expr,
    /// Whether no two rows of a group are of one day, by the key of what is grouped.
    pub one_row_each: bool,
}

/// What a table is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableRole {
    /// A fetch or a transform.
    Declared,
    /// The part of a transform before a check: it bears the transform's name.
    Intermediate,
    /// One row, which holds the total of a column of the table whose name it bears.
    Total {
        /// That table.
        of: TableId,
        /// The column.
        column: String,
    },
}

/// The order of a table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// None that means something.
    None,
    /// By the key, as a group leaves it.
    Key,
    /// As it was sorted.
    Sorted,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// A value may be unknown.
    pub unknown: bool,
    /// Where it is declared.
    pub span: Span,
    /// The period that each of its times begins; none where they are moments, or no times.
    pub grain: Option<Grain>,
}

/// Where a table's rows come from.
#[derive(Clone, Debug)]
pub enum TableSource {
    /// Read from files.
    Fetch(Fetch),
    /// Made of another table.
    Transform {
        /// The table it begins with.
        from: TableId,
        /// What is done, in order.
        stages: Vec<Stage>,
    },
}

/// Rows read from files.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// How the files are written.
    pub kind: SourceKind,
    /// A path relative to the pipeline's file; may hold `*` and `**`.
    pub path: String,
    /// Where the path stands.
    pub path_span: Span,
    /// The contract with the files.
    pub columns: Vec<FetchColumn>,
    /// Rows dated after `now` are kept.
    pub future: bool,
    /// Up to which share of the rows may be bad and are rejected; none where none may.
    pub skip_bad: Option<Decimal>,
    /// The first row whose first known field begins so, and all behind it, are not read.
    pub until: Option<String>,
}

/// How files are written, or which server answers.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// Text with a header.
    Csv(CsvFormat),
    /// Apache Parquet.
    Parquet,
    /// A JSON record a line.
    Ndjson,
    /// One JSON document.
    Json {
        /// The path to its records; none where it is a list of them.
        records: Option<String>,
        /// The path from each of those to the records within it, of which each is a row.
        each: Option<String>,
    },
    /// A sheet of a workbook.
    Excel(SheetFormat),
    /// What one request of HTTP answers, in JSON; the path is its address.
    Http {
        /// The path to its records; none where it is a list of them.
        records: Option<String>,
        /// The request.
        request: Box<Request>,
        /// Further pages are not wanted.
        only_first: bool,
    },
    /// What a database answers; the path is the query.
    Sql(Box<DatabaseQuery>),
    /// A connector's endpoint; the path is the call as it is written.
    Endpoint(Box<EndpointCall>),
}

/// How a text table is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// One ASCII character.
    pub separator: u8,
    /// The first row names the columns; else they stand in the order in which they are declared.
    pub header: bool,
    /// Fields that a row lacks at its end are missing values.
    pub short_rows: bool,
    /// How many lines stand above the header.
    pub skip_lines: u32,
    /// The encoding of a file without a byte order mark.
    pub encoding: TextEncoding,
}

impl CsvFormat {
    /// A text table as it is written where nothing else is said.
    pub const PLAIN: Self =
        Self { separator: b',', header: true, short_rows: false, skip_lines: 0, encoding: TextEncoding::Utf8 };
}

/// The sheet of a workbook that is read, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetFormat {
    /// Its name; none for the first visible one.
    pub sheet: Option<String>,
    /// How many lines stand above the header.
    pub skip_lines: u32,
    /// Merged cells: the value stands in each of them. Else they are bad values.
    pub merged: bool,
}

keywords! {
    /// The encoding of a text table.
    TextEncoding {
        Utf8 "utf-8",
        Utf16 "utf-16",
        Windows1252 "windows-1252",
    }
}

/// How the numbers of a text table are written, where they are not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberNotation {
    /// What stands before decimals: `.` or `,`.
    pub decimal: u8,
    /// What sets digits apart in threes.
    pub thousands: Option<char>,
}

impl Fetch {
    /// Whether it reads files of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.kind.is_file() && self.store().is_none()
    }

    /// Where its objects are, if they are in a store.
    #[must_use]
    pub fn store(&self) -> Option<StoreAddress> {
        if self.kind.is_file() { StoreAddress::of(&self.path) } else { None }
    }
}

impl SourceKind {
    /// Whether it is read from files, at the fetch's path.
    #[must_use]
    pub fn is_file(&self) -> bool {
        !matches!(self, Self::Http { .. } | Self::Sql(_) | Self::Endpoint(_))
    }

    /// The connector's name.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
            Self::Json { .. } => "json",
            Self::Excel(_) => "excel",
            Self::Http { .. } => "http",
            Self::Sql(_) => "sql",
            Self::Endpoint(_) => "connector",
        }
    }
}

/// A declared column and how its values are stored.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the column, or is not")]
pub struct FetchColumn {
    /// Its name in the pipeline.
    pub name: String,
    /// Its name in the file, or the path to it.
    pub header: String,
    /// Where its values are found.
    pub locator: ColumnLocator,
    /// How a value is stored.
    pub encoding: Encoding,
    /// A value may be missing.
    pub optional: bool,
    /// A file may lack the column: its rows have no value there.
    pub may_lack: bool,
    /// Texts that mean a missing value.
    pub missing: Arc<[String]>,
    /// How its numbers are written in texts, where they are not plain.
    pub notation: Option<NumberNotation>,
    /// The longer period for which a row stands: a value is taken to its start.
    pub by: Option<Grain>,
    /// It names the currencies of another column: taken in capitals.
    pub is_currency: bool,
    /// It names the currency of all amounts, which is this one.
    pub account_currency: Option<Currency>,
    /// Its values are hashed as they are read.
    pub is_personal: bool,
    /// The column that names the currency whose minor units these are, where rows differ.
    pub minor_of: Option<String>,
    /// Currencies of which amounts in minor units have another number of digits than in ISO 4217.
    pub minor_digits: MinorDigits,
    /// Where it is declared.
    pub span: Span,
}

/// Where a column's values are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnLocator {
    /// Under its name.
    Named,
    /// By a path of RFC 9535 from the record.
    Path,
    /// By such a path from the record around it.
    Outer,
    /// By such a path in the JSON that a cell of its name holds.
    Embedded(String),
    /// They are the name of the row's file.
    File,
}

/// How a value is stored in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// Whole, not negative.
    Count,
    /// Whole.
    Integer,
    /// A float; the type says whether it is a number or a ratio.
    Float,
    /// 3.2 or `3.2%` for a ratio of 0.032.
    Percent,
    /// An amount of a currency; none where rows differ.
    Money(MoneyScale, Option<Currency>),
    /// A day.
    Date(Format),
    /// The day of a moment in that zone, by a pattern that reads an offset.
    DayOf(String, TimeZone),
    /// A moment, in that zone where it gives none.
    Datetime(Format, TimeZone),
    /// Whole seconds since 1970.
    UnixSeconds,
    /// Whole milliseconds since 1970.
    UnixMilliseconds,
    /// A day of the week by its English name.
    Weekday,
}

/// How a date is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// ISO 8601.
    Iso,
    /// By a strftime pattern.
    Pattern(String),
}

/// Something done to a table.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Rows for which it is true.
    Where(Expr),
    /// New or redefined columns, each seeing those before it.
    Derive(Vec<(String, Expr)>),
    /// Partners from another table.
    Join(Join),
    /// One row a group.
    Group {
        /// What groups; none for one row.
        keys: Vec<Column>,
        /// What is computed.
        items: Vec<(String, Expr)>,
        /// The days of a group; none where nothing dates the rows, or the groups are of one day each.
        days: Option<Days>,
        /// Where it stands.
        span: Span,
    },
    /// These columns, in this order.
    Keep(Vec<(String, Expr)>),
    /// In this order; true for largest first.
    Sort(Vec<(String, bool)>),
    /// The first rows, of each value of some columns where they are named.
    Take(u32, Vec<String>),
    /// Rows of other tables too.
    Union(Union),
    /// A row for each of several columns.
    Unpivot(Unpivot),
    /// A row for each period that a series has none of.
    FillGaps(Periods),
}

/// Series whose rows stand at periods of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Periods {
    /// The columns that name a series; none where the table is one.
    pub series: Vec<String>,
    /// The column of the periods' starts.
    pub time: String,
    /// How long a period is.
    pub grain: Grain,
    /// The columns by which the rows stand then.
    pub order: Vec<String>,
}

/// Rows of this table, then of others, by the names of their columns.
#[derive(Clone, Debug)]
pub struct Union {
    /// The other tables.
    pub tables: Vec<TableId>,
    /// The columns there are then; a table that has none of a name has unknown values.
    pub columns: Vec<Column>,
    /// The column that holds the name of the table a row came from, and those names, this table's first.
    pub into: Option<(String, Vec<String>)>,
}

/// A row for each of several columns, their names in one new column and their values in another.
#[derive(Clone, Debug)]
pub struct Unpivot {
    /// The columns and what they are called.
    pub columns: Vec<(String, String)>,
    /// The column of names.
    pub name: String,
    /// The column of values, and its type.
    pub value: (String, Type),
}

/// Partners from another table.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the join, or is not")]
pub struct Join {
    /// The right side.
    pub table: TableId,
    /// Rows without a partner stay.
    pub left: bool,
    /// Columns that must be equal, left and right; none joins a one-row table.
    pub on: Vec<(String, String)>,
    /// The columns that come from the right, and what they are called here.
    pub columns: Vec<(String, String)>,
    /// A row may have several partners.
    pub many: bool,
    /// Only the newest partner.
    pub latest: Option<Latest>,
    /// The right side's key is not known to cover `on`: uniqueness is seen when it runs.
    pub check_unique: bool,
    /// `or none`: a join of which no row has a match holds nothing.
    pub or_none: bool,
    /// Where it stands.
    pub span: Span,
}

/// The newest partner whose time is not after the row's, and less than so long before it.
#[derive(Clone, Debug)]
pub struct Latest {
    /// The right side's time.
    pub right: String,
    /// The left side's time.
    pub left: String,
    /// How long before, in microseconds.
    pub within: i64,
    /// What decides between partners of one moment: the last by these columns of the right side.
    pub order: Vec<String>,
}

/// Something that must hold of a table; where it does not, what depends on it is held.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What.
    pub kind: CheckKind,
    /// The columns that name a series, where each series is checked, and held, by itself.
    pub series: Vec<String>,
    /// `watch`: it is shown and holds nothing.
    pub watched: bool,
    /// Where it is written.
    pub span: Span,
}

/// The forms of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// These columns are unique together.
    Key(Vec<String>),
    /// The newest value is no older than that many microseconds before `now`.
    Fresh(String, i64),
    /// True in every row, or of the whole table where it aggregates.
    Expect(Expr),
    /// Each series has a row of every period between its first and its last.
    NoGaps(Periods),
}

impl Check {
    /// A check of the whole table.
    #[must_use]
    pub fn of(kind: CheckKind, span: Span) -> Self {
        Self { kind, series: Vec::new(), watched: false, span }
    }
}

impl FetchColumn {
    /// What it is called where a value of it does not fit.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.locator {
            ColumnLocator::Embedded(path) => format!("{} at {path}", self.header),
            ColumnLocator::Outer => format!("outer {}", self.header),
            _ => self.header.clone(),
        }
    }
}

impl Periods {
    /// The columns that name one period of one series.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.series.iter().chain([&self.time]).cloned().collect()
    }
}

impl Table {
    /// Whether it is a fetch or a transform of the file.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.role == TableRole::Declared
    }

    /// Whether a transform only passes through it.
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        matches!(self.role, TableRole::Intermediate)
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that name a series and the one that dates its rows, where the key holds a time.
    #[must_use]
    pub fn series(&self) -> Option<(Vec<&Column>, &Column)> {
        let key: Vec<&Column> = self.key.as_ref()?.iter().filter_map(|name| self.column(name)).collect();
        let time = *key.iter().find(|column| column.ty.is_time())?;
        Some((key.into_iter().filter(|column| !column.ty.is_time()).collect(), time))
    }

    /// The column whose total it holds, if it is such a table.
    #[must_use]
    pub fn total_of(&self) -> Option<&str> {
        match &self.role {
            TableRole::Total { column, .. } => Some(column),
            TableRole::Declared | TableRole::Intermediate => None,
        }
    }

    /// The tables that are joined to its rows.
    #[must_use]
    pub fn joined(&self) -> Vec<TableId> {
        let TableSource::Transform { stages, .. } = &self.source else { return Vec::new() };
        let joined = stages.iter().filter_map(|stage| match stage {
            Stage::Join(join) => Some(join.table),
            _ => None,
        });
        joined.collect()
    }

    /// The tables it is made of, the one it begins with first, and those whose totals it looks at.
    #[must_use]
    pub fn inputs(&self) -> Vec<TableId> {
        let mut inputs = Vec::new();
        if let TableSource::Transform { from, stages } = &self.source {
            inputs.push(*from);
            for stage in stages {
                match stage {
                    Stage::Join(join) => inputs.push(join.table),
                    Stage::Union(union) => inputs.extend(&union.tables),
                    _ => {}
                }
                inputs.extend(stage.exprs().into_iter().flat_map(Expr::totals));
            }
        }
        let expected = self.checks.iter().filter_map(|check| match &check.kind {
            CheckKind::Expect(expected) => Some(expected),
            _ => None,
        });
        inputs.extend(expected.flat_map(Expr::totals));
        inputs
    }
}

impl Stage {
    /// The columns it computes, by name.
    #[must_use]
    pub fn named(&self) -> &[(String, Expr)] {
        match self {
            Self::Derive(columns) | Self::Keep(columns) | Self::Group { items: columns, .. } => columns,
            _ => &[],
        }
    }

    /// The expressions it computes.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Where(filter) => vec![filter],
            _ => self.named().iter().map(|(_, value)| value).collect(),
        }
    }
}
