//! What is wanted of a column: its name and how its values are written.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::tz::TimeZone;

use crate::notation::Notation;

/// One wanted column.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in the file's first row.
    pub header: String,
    /// How its values are written.
    pub format: ValueFormat,
    /// A field may be empty.
    pub optional: bool,
    /// Texts that mean an empty field, where one may be empty.
    pub missing: Arc<[String]>,
    /// How its numbers are written, where they are not plain.
    pub notation: Option<Notation>,
    /// A file may lack the column: its fields are empty there.
    pub may_lack: bool,
    /// Where in the field the value stands, if it is not all of it.
    pub embedded: Option<Embedded>,
}

impl Field {
    /// A column of that name, of plain values that stand in its fields as they are.
    #[must_use]
    pub fn new(header: impl Into<String>, format: ValueFormat, optional: bool) -> Self {
        let (missing, notation) = (Arc::default(), None);
        Self { header: header.into(), format, optional, missing, notation, may_lack: false, embedded: None }
    }

    /// What it is called where a value does not fit.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.embedded {
            None => self.header.clone(),
            Some(inside) => format!("{} at {}", self.header, inside.place),
        }
    }
}

/// What a value is found by that stands inside a field.
#[derive(Clone)]
pub struct Embedded {
    /// As it is written.
    pub place: String,
    /// The value's text in that of the field: none where there is none, an error where it can't be written.
    pub find: Arc<Find>,
}

/// Finds a text in a text.
pub type Find = dyn Fn(&str) -> Result<Option<String>, ()> + Send + Sync;

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

/// How a value is written.
#[derive(Clone, Debug)]
pub enum ValueFormat {
    /// Any text.
    Text,
    /// The same, of few different ones: each is handed out once, where a block has few.
    Word,
    /// The code of a currency, in letters of any case: one of these.
    Currency(Arc<BTreeSet<String>>),
    /// `true` or `false`, `1` or `0`, whatever the case.
    Bool,
    /// A whole number; negative ones only where that is true.
    Whole {
        /// Whether it may be negative.
        negative: bool,
    },
    /// A decimal number, into a float.
    Float,
    /// 3.2 or `3.2%`, into the float 0.032.
    Percent,
    /// An amount into millionths; a 1 in the file stands for 10 to the minus `shift`.
    Money {
        /// 0 for whole units, 2 for cents, 6 for micros.
        shift: u32,
        /// The signs and the code of the currency, which may stand on either side; none where rows differ.
        signs: Arc<[String]>,
    },
    /// A day: ISO 8601, or by a strftime pattern; where that has no day, the first one of its month or week.
    Date(Option<String>),
    /// The day of a moment in that zone, by a strftime pattern that reads an offset.
    DayOf(String, TimeZone),
    /// A moment, in that zone where the value names none.
    Datetime(Option<String>, TimeZone),
    /// Whole seconds (1) or milliseconds (1,000) since 1970.
    Unix {
        /// How many of them make a second.
        per_second: i64,
    },
    /// A day of the week by its English name.
    Weekday,
}

impl ValueFormat {
    /// What is wanted, in the words of an analyst.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self {
            Self::Text | Self::Word => "text in UTF-8".to_owned(),
            Self::Currency(codes) => match codes.iter().next() {
                Some(code) if codes.len() == 1 => format!("`{code}`, the currency of the pipeline"),
                _ => "a currency in use, such as `USD`".to_owned(),
            },
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Whole { negative: false } => "a whole number from 0 to 10^15".to_owned(),
            Self::Whole { negative: true } => "a whole number of at most 10^15".to_owned(),
            Self::Float => "a number such as `12.5`, of at most 10^15".to_owned(),
            Self::Percent => "a percentage such as `3.2` or `3.2%`".to_owned(),
            Self::Money { .. } => "an amount such as `1234.50`, of at most 10^15".to_owned(),
            Self::Date(None) => "a date such as `2026-11-20`".to_owned(),
            Self::Date(Some(pattern)) | Self::DayOf(pattern, _) => format!("a date written as `{pattern}`"),
            Self::Datetime(None, _) => "a moment such as `2026-11-20 07:00`".to_owned(),
            Self::Datetime(Some(pattern), _) => format!("a moment written as `{pattern}`"),
            Self::Unix { per_second: 1 } => "whole seconds since 1970".to_owned(),
            Self::Unix { .. } => "whole milliseconds since 1970".to_owned(),
            Self::Weekday => "a day such as `tuesday`".to_owned(),
        }
    }
}

/// What a column of a file that has types, such as Parquet, stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredKind {
    /// Whole numbers.
    Whole,
    /// Numbers that are not whole.
    Number,
    /// A truth.
    Bool,
    /// A day.
    Day,
    /// A moment.
    Moment,
    /// A text.
    Text,
    /// A list, or a map.
    Nested,
    /// Anything else: bytes, a time, a duration.
    Other,
}
