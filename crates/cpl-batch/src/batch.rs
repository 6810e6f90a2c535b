//! Typed columns, filled field by field.

use std::{borrow::Cow, collections::BTreeSet, mem::discriminant};

use serde::{Deserialize, Serialize};

use crate::{
    field::{Field, ValueFormat},
    notation::{Notation, looks_grouped, signed, trimmed, undecorated},
    problem::{Place, Problem, bad_value},
    values,
};

/// Rows of the wanted columns.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// How many.
    pub rows: usize,
    /// The columns, in the layout's order.
    pub columns: Vec<Column>,
    /// Rows that were rejected.
    pub bad: Vec<RejectedRow>,
}

/// A row that was rejected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Its place, and what of it does not fit.
    pub problem: Problem,
    /// The texts of the wanted columns, as far as there are any.
    pub cells: Vec<Option<String>>,
}

/// The text of one value, or what stands in its place.
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    /// A text; an empty one is a missing value.
    Text(Cow<'a, str>),
    /// A number that the file holds as one, in plain digits, however it writes those in its texts.
    Number(Cow<'a, str>),
    /// Something of which no text can be made.
    Bad(String),
    /// Bytes that are no text in UTF-8, as far as they are.
    NoText(String),
    /// The file lacks the column, and may.
    Absent,
}

impl<'a> Cell<'a> {
    /// Of bytes that should be a text.
    #[must_use]
    pub fn of_bytes(bytes: Cow<'a, [u8]>) -> Self {
        let no_text = |bytes: &[u8]| Self::NoText(String::from_utf8_lossy(bytes).into_owned());
        match bytes {
            Cow::Borrowed(bytes) => {
                std::str::from_utf8(bytes).map_or_else(|_| no_text(bytes), |text| Self::Text(text.into()))
            }
            Cow::Owned(bytes) => {
                String::from_utf8(bytes).map_or_else(|error| no_text(error.as_bytes()), |text| Self::Text(text.into()))
            }
        }
    }

    /// As a message shows it.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) | Self::Number(text) => Some(text.clone().into_owned()),
            Self::Bad(what) | Self::NoText(what) => Some(what.clone()),
            Self::Absent => None,
        }
    }
}

/// Values of one column.
#[derive(Debug, Serialize, Deserialize)]
pub struct Column {
    /// The values; a missing one holds a filler.
    pub data: Data,
    /// Whether each is there; none where all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Vec<bool>>,
    /// Amounts whose digits beyond the sixth were rounded away.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rounded: u64,
    /// The same, of the rows before the one under way.
    #[serde(skip)]
    rounded_before: u64,
    /// Numbers with a point, and those of them that look as if it set digits apart in threes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub numbers: Numbers,
    #[serde(skip)]
    scratch: Vec<u8>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How many plain numbers with a point were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// All of them.
    pub pointed: u64,
    /// Those that look like `1.234`.
    pub grouped: u64,
}

/// Values by their type.
#[derive(Debug, Serialize, Deserialize)]
pub enum Data {
    /// All texts end to end, and where each ends.
    Text(String, Vec<usize>),
    /// Different texts, and which of them each row has.
    Dictionary(Vec<String>, Vec<u32>),
    /// True or false.
    Bool(Vec<bool>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Floats.
    Float(#[serde(with = "digits")] Vec<f64>),
    /// Millionths.
    Money(Vec<i128>),
    /// Days since 1970.
    Date(Vec<i32>),
    /// Microseconds since 1970.
    Datetime(Vec<i64>),
    /// 1 for Monday to 7 for Sunday.
    Weekday(Vec<i32>),
}

/// Floats as the shortest texts that mean them: readers of JSON may take its numbers for others that are near.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

impl Column {
    /// No values yet.
    #[must_use]
    pub fn new(field: &Field) -> Self {
        let data = match field.format {
            ValueFormat::Text | ValueFormat::Word | ValueFormat::Currency(_) => Data::Text(String::new(), Vec::new()),
            ValueFormat::Bool => Data::Bool(Vec::new()),
            ValueFormat::Whole { .. } => Data::Whole(Vec::new()),
            ValueFormat::Float | ValueFormat::Percent => Data::Float(Vec::new()),
            ValueFormat::Money { .. } => Data::Money(Vec::new()),
            ValueFormat::Date(_) | ValueFormat::DayOf(..) => Data::Date(Vec::new()),
            ValueFormat::Datetime(..) | ValueFormat::Unix { .. } => Data::Datetime(Vec::new()),
            ValueFormat::Weekday => Data::Weekday(Vec::new()),
        };
        Self::made(data, None)
    }

    /// Appends one field; none where it does not fit.
    pub fn push_text(&mut self, text: &str, field: &Field) -> Option<()> {
        self.push(text, field, field.notation.as_ref())
    }

    /// The same, of a number that is held as one: its point can't be anything else.
    fn push_number(&mut self, digits: &str, field: &Field) -> Option<()> {
        let numbers = self.numbers;
        let pushed = self.push(digits, field, None);
        self.numbers = numbers;
        pushed
    }

    /// The same, of a text that writes its numbers so.
    fn push(&mut self, text: &str, field: &Field, notation: Option<&Notation>) -> Option<()> {
        self.rounded_before = self.rounded;
        let found;
        let mut text = text;
        if let Some(inside) = &field.embedded
            && !text.is_empty()
        {
            found = (inside.find)(text).ok()?.unwrap_or_default();
            text = &found;
        }
        let is_text = matches!(field.format, ValueFormat::Text | ValueFormat::Word);
        if !is_text {
            text = text.trim_ascii();
        }
        let means_missing = |text: &str| field.missing.iter().any(|missing| **missing == *text.trim_ascii());
        if text.is_empty() || (field.optional && !field.missing.is_empty() && means_missing(text)) {
            return field.optional.then(|| self.push_missing());
        }
        match notation {
            Some(notation) if is_number(&field.format) => self.push_written(text, &field.format, Some(notation))?,
            _ => self.push_value(text, &field.format).or_else(|| self.push_written(text, &field.format, None))?,
        }
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        Some(())
    }

    fn push_value(&mut self, text: &str, format: &ValueFormat) -> Option<()> {
        let bytes = text.as_bytes();
        match (&mut self.data, format) {
            (Data::Text(_, _), ValueFormat::Currency(codes)) if !is_code(text, codes) => return None,
            (Data::Text(all, ends), _) => {
                all.push_str(text);
                ends.push(all.len());
            }
            (Data::Bool(values), _) => values.push(values::boolean(bytes)?),
            (Data::Whole(values), ValueFormat::Whole { negative }) => values.push(values::whole(bytes, *negative)?),
            (Data::Float(values), ValueFormat::Percent) => values.push(values::percent(bytes)?),
            (Data::Float(values), _) => values.push(values::float(bytes)?),
            (Data::Money(values), ValueFormat::Money { shift, .. }) => {
                let (amount, rounded) = values::money(bytes, *shift)?;
                values.push(amount);
                self.rounded += u64::from(rounded);
            }
            (Data::Date(values), ValueFormat::Date(pattern)) => values.push(values::date(bytes, pattern.as_deref())?),
            (Data::Date(values), ValueFormat::DayOf(pattern, zone)) => {
                values.push(values::day_of(bytes, pattern, zone)?);
            }
            (Data::Datetime(values), ValueFormat::Datetime(pattern, zone)) => {
                values.push(values::datetime(bytes, pattern.as_deref(), zone)?);
            }
            (Data::Datetime(values), ValueFormat::Unix { per_second }) => {
                values.push(values::unix(bytes, *per_second)?);
            }
            (Data::Weekday(values), _) => values.push(values::weekday(bytes)?),
            _ => return None,
        }
        if is_number(format) {
            self.numbers.pointed += u64::from(bytes.contains(&b'.'));
            self.numbers.grouped += u64::from(looks_grouped(bytes));
        }
        Some(())
    }

    /// Appends a number that is not written plainly: in a notation, with its currency, in brackets.
    fn push_written(&mut self, text: &str, format: &ValueFormat, notation: Option<&Notation>) -> Option<()> {
        let mut plain = std::mem::take(&mut self.scratch);
        plain.clear();
        let read = write_plainly(text.as_bytes(), format, notation, &mut plain)
            .and_then(|()| self.push_value(std::str::from_utf8(&plain).ok()?, format));
        self.scratch = plain;
        read
    }

    /// Takes back what was appended after so many rows, of which there was one at most.
    fn truncate(&mut self, rows: usize) {
        match &mut self.data {
            Data::Text(all, ends) => {
                ends.truncate(rows);
                all.truncate(ends.last().copied().unwrap_or(0));
            }
            Data::Dictionary(..) => unreachable!("words are made of whole blocks"),
            Data::Bool(values) => values.truncate(rows),
            Data::Whole(values) | Data::Datetime(values) => values.truncate(rows),
            Data::Float(values) => values.truncate(rows),
            Data::Money(values) => values.truncate(rows),
            Data::Date(values) | Data::Weekday(values) => values.truncate(rows),
        }
        if let Some(valid) = &mut self.valid {
            valid.truncate(rows);
        }
        self.rounded = self.rounded_before;
    }

    /// A column whose values are there already.
    #[must_use]
    pub fn made(data: Data, valid: Option<Vec<bool>>) -> Self {
        let (numbers, scratch) = (Numbers::default(), Vec::new());
        Self { data, valid, rounded: 0, rounded_before: 0, numbers, scratch }
    }

    /// The same column, whose texts stand in it row by row; none where a row has a text that is not there.
    #[must_use]
    pub fn spelled_out(mut self) -> Option<Self> {
        let Data::Dictionary(words, numbers) = &self.data else { return Some(self) };
        let (mut all, mut ends) = (String::new(), Vec::with_capacity(numbers.len()));
        for (at, number) in numbers.iter().enumerate() {
            if self.valid.as_ref().is_none_or(|valid| valid.get(at) != Some(&false)) {
                all.push_str(words.get(*number as usize)?);
            }
            ends.push(all.len());
        }
        self.data = Data::Text(all, ends);
        Some(self)
    }

    /// A column of so many rows that have no value.
    #[must_use]
    pub fn missing(field: &Field, rows: usize) -> Self {
        let mut column = Self::new(field);
        (0..rows).for_each(|_| column.push_missing());
        column
    }

    fn push_missing(&mut self) {
        let rows = match &mut self.data {
            Data::Text(all, ends) => filler(ends, all.len()),
            Data::Dictionary(..) => unreachable!("words are made of whole blocks"),
            Data::Bool(values) => filler(values, false),
            Data::Whole(values) | Data::Datetime(values) => filler(values, 0),
            Data::Float(values) => filler(values, 0.0),
            Data::Money(values) => filler(values, 0),
            Data::Date(values) | Data::Weekday(values) => filler(values, 0),
        };
        self.valid.get_or_insert_with(|| vec![true; rows]).push(false);
    }
}

fn is_code(text: &str, codes: &BTreeSet<String>) -> bool {
    codes.contains(text.to_ascii_uppercase().as_str())
}

/// Whether values are numbers, which are written in a notation.
fn is_number(format: &ValueFormat) -> bool {
    matches!(format, ValueFormat::Whole { .. } | ValueFormat::Float | ValueFormat::Percent | ValueFormat::Money { .. })
}

/// The number as a plain one.
fn write_plainly(text: &[u8], format: &ValueFormat, notation: Option<&Notation>, plain: &mut Vec<u8>) -> Option<()> {
    let (minus, digits) = match format {
        ValueFormat::Money { signs, .. } => undecorated(text, signs)?,
        ValueFormat::Percent => signed(trimmed(trimmed(text.strip_suffix(b"%").unwrap_or(text)))),
        ValueFormat::Whole { .. } | ValueFormat::Float => signed(trimmed(text)),
        _ => return None,
    };
    if matches!(digits.first(), Some(b'+' | b'-')) {
        return None;
    }
    if minus {
        plain.push(b'-');
    }
    match notation {
        Some(notation) => notation.plain(digits, plain),
        None => {
            plain.extend_from_slice(digits);
            Some(())
        }
    }
}

/// Appends a filler; how many values stood before it.
fn filler<T>(values: &mut Vec<T>, filler: T) -> usize {
    values.push(filler);
    values.len() - 1
}

impl Data {
    /// How many values there are; none where what they are made of does not fit together.
    fn count(&self) -> Option<usize> {
        Some(match self {
            Self::Text(all, ends) => {
                let last = ends.last().copied().unwrap_or(0);
                let fit = ends.is_sorted() && last == all.len() && ends.iter().all(|end| all.is_char_boundary(*end));
                fit.then_some(ends.len())?
            }
            Self::Dictionary(_, numbers) => numbers.len(),
            Self::Bool(values) => values.len(),
            Self::Whole(values) | Self::Datetime(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Money(values) => values.len(),
            Self::Date(values) | Self::Weekday(values) => values.len(),
        })
    }
}

impl Batch {
    /// Whether it holds a value of those columns for each row: of a batch that was stored, anything can have become.
    #[must_use]
    pub fn is_of(&self, columns: &[Field]) -> bool {
        let rows = Some(self.rows);
        let is_one = |(column, field): (&Column, &Field)| {
            discriminant(&column.data) == discriminant(&Column::new(field).data)
                && column.data.count() == rows
                && column.valid.as_ref().is_none_or(|valid| Some(valid.len()) == rows)
        };
        self.columns.len() == columns.len() && self.columns.iter().zip(columns).all(is_one)
    }

    /// No rows of those columns.
    #[must_use]
    pub fn empty(columns: &[Field]) -> Self {
        Self { rows: 0, columns: columns.iter().map(Column::new).collect(), bad: Vec::new() }
    }

    /// Appends a row, a cell for each column; where one does not fit nothing, and which column it is.
    ///
    /// # Errors
    /// The number of the first column whose cell does not fit.
    pub fn push(&mut self, cells: &[Cell<'_>], columns: &[Field]) -> Result<(), usize> {
        for (at, (cell, field)) in cells.iter().zip(columns).enumerate() {
            let pushed = match cell {
                Cell::Text(text) => self.columns[at].push_text(text, field),
                Cell::Number(digits) => self.columns[at].push_number(digits, field),
                Cell::Bad(_) | Cell::NoText(_) => None,
                Cell::Absent => {
                    self.columns[at].push_missing();
                    Some(())
                }
            };
            if pushed.is_none() {
                self.columns[..at].iter_mut().for_each(|column| column.truncate(self.rows));
                return Err(at);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Appends a row, or rejects it where that is allowed.
    ///
    /// # Errors
    /// What does not fit, where it is not rejected.
    pub fn take(&mut self, cells: &[Cell<'_>], columns: &[Field], place: Place, skip: bool) -> Result<(), Problem> {
        let Err(at) = self.push(cells, columns) else { return Ok(()) };
        let mut problem = bad_value(&columns[at], cells[at].shown().as_deref()).moved(place);
        if let (Cell::Bad(_), Problem::Value { wanted, .. }) = (&cells[at], &mut problem) {
            *wanted = format!("one value: {wanted}");
        }
        if !skip {
            return Err(problem);
        }
        self.bad.push(RejectedRow { problem, cells: cells.iter().map(Cell::shown).collect() });
        Ok(())
    }
}

impl Column {
    /// The column that texts make which are held elsewhere than in a CSV file.
    ///
    /// # Errors
    /// The place of the first that does not fit.
    pub fn of_texts<'t>(texts: impl Iterator<Item = Option<&'t str>>, field: &Field) -> Result<Self, usize> {
        let mut column = Self::new(field);
        for (at, text) in texts.enumerate() {
            column.push_text(text.unwrap_or_default(), field).ok_or(at)?;
        }
        Ok(column)
    }
}
