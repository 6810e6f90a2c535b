//! The type of a column, and whether values are of it.

use cpl_batch::{Field, Notation, ValueFormat};

/// What was guessed of a column.
#[derive(Clone, Debug, Default)]
pub struct ColumnType {
    /// Its type, as the language writes it.
    pub written: String,
    /// It may have no value.
    pub nullable: bool,
    /// It is a day or a moment.
    pub is_time: bool,
    /// It may be a part of a key: a text, a day, a whole number.
    pub names: bool,
    /// What is not sure.
    pub doubt: Option<String>,
}

impl ColumnType {
    /// A type that is sure.
    pub fn sure(written: &str) -> Self {
        let names = matches!(written, "text" | "count" | "integer");
        Self { written: written.to_owned(), names, ..Self::default() }
    }

    /// A type that is likely.
    pub fn likely(written: &str, doubt: &str) -> Self {
        Self { doubt: Some(doubt.to_owned()), ..Self::sure(written) }
    }

    /// A type of days or moments.
    pub fn time(written: String, doubt: Option<String>) -> Self {
        let names = written.starts_with("date ") || written == "date";
        Self { written, is_time: true, names, doubt, ..Self::default() }
    }
}

/// How numbers are written, where not plainly: the decimal sign and that which sets digits apart.
pub type Written = Option<(u8, Option<char>)>;

/// A value of that format.
pub fn field(format: ValueFormat, notation: Written) -> Field {
    let notation = notation.map(|(decimal, thousands)| Notation { decimal, thousands });
    Field { notation, ..Field::new("", format, false) }
}

/// Whether a text is such a value.
pub fn fits(text: &str, field: &Field) -> bool {
    cpl_batch::Column::new(field).push_text(text, field).is_some()
}

/// Whether all texts are of that format.
pub fn all_fit(texts: &[&str], format: ValueFormat, notation: Written) -> bool {
    let field = field(format, notation);
    cpl_batch::Column::of_texts(texts.iter().map(|text| Some(*text)), &field).is_ok()
}
