//! Values → the type of a column, by the very readers that will read them.

use std::{collections::BTreeSet, sync::Arc};

use cpl_batch::{Field, StoredKind, ValueFormat, exports::is_nothing};
use cpl_syntax::tree::Currency;

use crate::{
    column_type::{ColumnType, Written, all_fit, field, fits},
    numbers::{AMOUNTS, MONEY, Numbers},
    sample::{Column, Found, Sample},
    time,
    words::{is_currency, is_id, says},
};

/// What was guessed of a file.
pub struct Guessed {
    /// Of each column of the sample.
    pub columns: Vec<ColumnType>,
    /// How numbers are written, where not plainly.
    pub notation: Written,
    /// Texts that stand for no value.
    pub missing: BTreeSet<String>,
}

/// The ways in which exports write numbers; the first that reads most columns is taken.
const NOTATIONS: [Written; 7] = [
    None,
    Some((b'.', Some(','))),
    Some((b',', None)),
    Some((b',', Some('.'))),
    Some((b',', Some(' '))),
    Some((b'.', Some(' '))),
    Some((b'.', Some('\''))),
];

/// Guesses the type of each column.
pub fn columns(sample: &Sample, names: &[String]) -> Guessed {
    let notation = notation(sample);
    let mut guessed = Guessed { columns: Vec::new(), notation, missing: BTreeSet::new() };
    let codes = currencies(sample, names);
    let is_cell = matches!(sample.found, Found::Excel(..));
    for column in &sample.columns {
        let numbers = Numbers { column, notation, is_cell, codes: codes.as_ref() };
        let guess = guess(&numbers, &mut guessed.missing);
        guessed.columns.push(guess);
    }
    let Guessed { columns, missing, .. } = &mut guessed;
    for (column, guess) in sample.columns.iter().zip(columns) {
        if guess.written == "text" && guess.nullable {
            let also = column.values.iter().flatten().find(|text| missing.contains(text.trim()));
            let doubt = |text: &String| format!("{text:?} means no value here too");
            guess.doubt = guess.doubt.take().or(also.map(doubt));
        }
    }
    guessed
}

/// The notation that reads most columns of numbers; of several the plainest. Only text tables have one.
fn notation(sample: &Sample) -> Written {
    if !matches!(sample.found, Found::Csv(_)) {
        return None;
    }
    let read = |notation: Written| {
        let field = field(ValueFormat::Money { shift: 0, signs: Arc::default() }, notation);
        let percent = Field { format: ValueFormat::Percent, ..field.clone() };
        let reads = |column: &&Column| {
            let known: Vec<&str> = known(column).collect();
            let amount = |text: &&&str| fits(bare(text), &field) || fits(text, &percent);
            !known.is_empty() && known.iter().all(|text| amount(&text))
        };
        sample.columns.iter().filter(reads).count()
    };
    let best = NOTATIONS.iter().map(|notation| read(*notation)).max().unwrap_or(0);
    NOTATIONS.into_iter().find(|notation| read(*notation) == best).flatten()
}

/// An amount without the signs of any currency.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || "$€£¥₹₩₽₺".contains(c))
}

/// The name of the column that names currencies, and their codes.
fn currencies(sample: &Sample, names: &[String]) -> Option<(String, BTreeSet<String>)> {
    let is_code = |text: &str| Currency::of_code(&text.trim().to_ascii_uppercase()).is_some();
    sample.columns.iter().zip(names).find_map(|(column, name)| {
        let holds_codes = is_currency(&column.name) && !column.has_missing;
        let codes: BTreeSet<String> = column.values.iter().flatten().map(|text| text.trim().to_uppercase()).collect();
        (holds_codes && !codes.is_empty() && codes.iter().all(|code| is_code(code))).then(|| (name.clone(), codes))
    })
}

/// The known values, without those that stand for none.
fn known(column: &Column) -> impl Iterator<Item = &str> {
    column.values.iter().flatten().map(|text| text.trim()).filter(|text| !is_nothing(text))
}

fn guess(numbers: &Numbers<'_>, missing: &mut BTreeSet<String>) -> ColumnType {
    let column = numbers.column;
    let all: Vec<&str> = column.values.iter().flatten().map(|text| text.trim()).collect();
    if all.is_empty() && column.stored.is_none() {
        return ColumnType { nullable: true, ..ColumnType::likely("text", "no value was seen") };
    }
    let known: Vec<&str> = known(column).collect();
    let mut guess = match column.stored {
        Some(stored) => of_stored(numbers, stored, &known),
        None => of_texts(numbers, &known),
    };
    guess.nullable = column.has_missing;
    let nothings: BTreeSet<&str> = all.iter().copied().filter(|text| is_nothing(text)).collect();
    // A text may be any text, also such a one.
    if guess.written != "text" && !nothings.is_empty() {
        guess.nullable = true;
        missing.extend(nothings.into_iter().map(str::to_owned));
    }
    guess
}

/// By how Parquet stores it.
fn of_stored(numbers: &Numbers<'_>, stored: StoredKind, known: &[&str]) -> ColumnType {
    let column = numbers.column;
    let named = |any: &[&str]| says(&column.name, any);
    match stored {
        StoredKind::Whole if is_id(&column.name) => ColumnType::sure("text"),
        StoredKind::Whole if known.iter().any(|text| text.len() > 15) => ColumnType::sure("text"),
        StoredKind::Whole if named(&["micros"]) => ColumnType::likely("money in micros", MONEY),
        StoredKind::Whole if named(&["cents", "minor"]) => ColumnType::likely("money in minor units", MONEY),
        StoredKind::Whole if known.iter().any(|text| text.starts_with('-')) => ColumnType::sure("integer"),
        StoredKind::Whole => ColumnType::sure("count"),
        StoredKind::Number if named(&AMOUNTS) => ColumnType::likely("money", MONEY),
        StoredKind::Number => ColumnType::sure("number"),
        StoredKind::Bool => ColumnType::sure("bool"),
        StoredKind::Day => ColumnType::time("date".to_owned(), None),
        StoredKind::Moment => ColumnType::time("datetime".to_owned(), None),
        StoredKind::Text | StoredKind::Nested | StoredKind::Other => of_texts(numbers, known),
    }
}

/// By its texts.
fn of_texts(numbers: &Numbers<'_>, known: &[&str]) -> ColumnType {
    if known.is_empty() {
        return ColumnType::likely("text", "no value was seen but such as mean none");
    }
    let times = || time::day(numbers.column, known).or_else(|| time::moment(numbers.column, known));
    truth(known).or_else(times).or_else(|| numbers.guess(known)).unwrap_or_else(|| text(known))
}

/// Truths, or days of the week.
fn truth(known: &[&str]) -> Option<ColumnType> {
    let is_word = |text: &&str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    if known.iter().all(is_word) {
        return Some(ColumnType::sure("bool"));
    }
    all_fit(known, ValueFormat::Weekday, None).then(|| ColumnType::sure("weekday"))
}

/// Any texts.
fn text(known: &[&str]) -> ColumnType {
    if known.iter().all(|text| text.starts_with("=\"") && text.ends_with('"')) {
        return ColumnType::likely("text", "the signs =\" and \" around each value are part of it");
    }
    ColumnType::sure("text")
}
