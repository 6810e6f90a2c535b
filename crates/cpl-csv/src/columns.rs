//! Typed columns, filled field by field.

use crate::{
    Field, Form,
    record::{RawField, unescaped},
    values,
};

/// Rows of the wanted columns.
#[derive(Debug)]
pub struct Batch {
    /// How many.
    pub rows: usize,
    /// The columns, in the layout's order.
    pub columns: Vec<Column>,
}

/// Values of one column.
#[derive(Debug)]
pub struct Column {
    /// The values; a missing one holds a filler.
    pub data: Data,
    /// Whether each is there; none where all are.
    pub valid: Option<Vec<bool>>,
    /// Amounts whose digits beyond the sixth were rounded away.
    pub rounded: u64,
}

/// Values by their type.
#[derive(Debug)]
pub enum Data {
    /// All texts end to end, and where each ends.
    Text(Vec<u8>, Vec<usize>),
    /// True or false.
    Bool(Vec<bool>),
    /// Whole numbers.
    Whole(Vec<i64>),
    /// Floats.
    Float(Vec<f64>),
    /// Millionths.
    Money(Vec<i128>),
    /// Days since 1970.
    Date(Vec<i32>),
    /// Microseconds since 1970.
    Datetime(Vec<i64>),
    /// 1 for Monday to 7 for Sunday.
    Weekday(Vec<i32>),
}

impl Column {
    pub(crate) fn new(field: &Field) -> Self {
        let data = match field.form {
            Form::Text => Data::Text(Vec::new(), Vec::new()),
            Form::Bool => Data::Bool(Vec::new()),
            Form::Whole { .. } => Data::Whole(Vec::new()),
            Form::Float | Form::Percent => Data::Float(Vec::new()),
            Form::Money { .. } => Data::Money(Vec::new()),
            Form::Date(_) => Data::Date(Vec::new()),
            Form::Datetime(..) | Form::Unix { .. } => Data::Datetime(Vec::new()),
            Form::Weekday => Data::Weekday(Vec::new()),
        };
        Self { data, valid: None, rounded: 0 }
    }

    /// Appends one field; none where it does not fit.
    pub(crate) fn push(&mut self, raw: RawField<'_>, field: &Field) -> Option<()> {
        let owned;
        let mut text = raw.bytes;
        if raw.escaped {
            owned = unescaped(text);
            text = &owned;
        }
        if !matches!(field.form, Form::Text) {
            text = text.trim_ascii();
        }
        if text.is_empty() {
            return field.optional.then(|| self.push_missing());
        }
        self.push_value(text, &field.form)?;
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
        Some(())
    }

    fn push_value(&mut self, text: &[u8], form: &Form) -> Option<()> {
        match (&mut self.data, form) {
            (Data::Text(bytes, ends), _) => {
                std::str::from_utf8(text).ok()?;
                bytes.extend_from_slice(text);
                ends.push(bytes.len());
            }
            (Data::Bool(values), _) => values.push(values::boolean(text)?),
            (Data::Whole(values), Form::Whole { negative }) => values.push(values::whole(text, *negative)?),
            (Data::Float(values), Form::Percent) => values.push(values::percent(text)?),
            (Data::Float(values), _) => values.push(values::float(text)?),
            (Data::Money(values), Form::Money { shift }) => {
                let (amount, rounded) = values::money(text, *shift)?;
                values.push(amount);
                self.rounded += u64::from(rounded);
            }
            (Data::Date(values), Form::Date(pattern)) => values.push(values::date(text, pattern.as_deref())?),
            (Data::Datetime(values), Form::Datetime(pattern, zone)) => {
                values.push(values::datetime(text, pattern.as_deref(), zone)?);
            }
            (Data::Datetime(values), Form::Unix { per_second }) => values.push(values::unix(text, *per_second)?),
            (Data::Weekday(values), _) => values.push(values::weekday(text)?),
            _ => return None,
        }
        Some(())
    }

    fn push_missing(&mut self) {
        let rows = match &mut self.data {
            Data::Text(bytes, ends) => filler(ends, bytes.len()),
            Data::Bool(values) => filler(values, false),
            Data::Whole(values) | Data::Datetime(values) => filler(values, 0),
            Data::Float(values) => filler(values, 0.0),
            Data::Money(values) => filler(values, 0),
            Data::Date(values) | Data::Weekday(values) => filler(values, 0),
        };
        self.valid.get_or_insert_with(|| vec![true; rows]).push(false);
    }
}

/// Appends a filler; how many values stood before it.
fn filler<T>(values: &mut Vec<T>, filler: T) -> usize {
    values.push(filler);
    values.len() - 1
}

impl Batch {
    /// No rows of the layout's columns.
    #[must_use]
    pub fn empty(layout: &crate::Layout) -> Self {
        Self { rows: 0, columns: layout.columns.iter().map(Column::new).collect() }
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
            let bytes = text.unwrap_or_default().as_bytes();
            column.push(RawField { bytes, escaped: false, last: false }, field).ok_or(at)?;
        }
        Ok(column)
    }
}
