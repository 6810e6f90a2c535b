//! Declared columns → the fields that a reader fills.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use cpl_batch::{Field, Notation, ValueFormat};
use cpl_model::program::{ColumnLocator, Encoding, FetchColumn, Format};
use cpl_syntax::tree::{Currency, MoneyScale};

/// The columns that stand in the files: not those of their names.
pub fn in_files(columns: &[FetchColumn]) -> impl Iterator<Item = &FetchColumn> {
    columns.iter().filter(|column| column.locator != ColumnLocator::File)
}

/// How a value of a column is read from text.
#[must_use]
pub fn field(column: &FetchColumn) -> Field {
    let pattern = |format: &Format| match format {
        Format::Iso => None,
        Format::Pattern(pattern) => Some(pattern.clone()),
    };
    let format = match &column.encoding {
        Encoding::Text if column.is_currency => ValueFormat::Currency(match column.account_currency {
            Some(currency) => Arc::new(BTreeSet::from([currency.code().to_owned()])),
            None => codes(),
        }),
        Encoding::Text => ValueFormat::Text,
        Encoding::Bool => ValueFormat::Bool,
        Encoding::Count => ValueFormat::Whole { negative: false },
        Encoding::Integer => ValueFormat::Whole { negative: true },
        Encoding::Float => ValueFormat::Float,
        Encoding::Percent => ValueFormat::Percent,
        Encoding::Money(scale, currency) => {
            let signs = currency.map_or_else(Vec::new, |currency| currency.signs()).into();
            let own = currency.and_then(|currency| column.minor_digits.get(currency.code()));
            let own = own.filter(|_| *scale == MoneyScale::Minor);
            ValueFormat::Money { shift: own.copied().unwrap_or_else(|| shift(*scale, *currency)), signs }
        }
        Encoding::Date(format) => ValueFormat::Date(pattern(format)),
        Encoding::DayOf(pattern, zone) => ValueFormat::DayOf(pattern.clone(), zone.clone()),
        Encoding::Datetime(format, zone) => ValueFormat::Datetime(pattern(format), zone.clone()),
        Encoding::UnixSeconds => ValueFormat::Unix { per_second: 1 },
        Encoding::UnixMilliseconds => ValueFormat::Unix { per_second: 1_000 },
        Encoding::Weekday => ValueFormat::Weekday,
    };
    let embedded = match &column.locator {
        ColumnLocator::Embedded(at) => Some(cpl_records::inside(path(at), at)),
        ColumnLocator::Named | ColumnLocator::Path | ColumnLocator::Outer | ColumnLocator::File => None,
    };
    let header = if column.locator == ColumnLocator::Outer { column.called() } else { column.header.clone() };
    Field {
        missing: Arc::clone(&column.missing),
        notation: column.notation.map(|of| Notation { decimal: of.decimal, thousands: of.thousands }),
        may_lack: column.may_lack,
        embedded,
        ..Field::new(header, format, column.optional)
    }
}

/// The codes of all currencies in use.
fn codes() -> Arc<BTreeSet<String>> {
    static CODES: LazyLock<Arc<BTreeSet<String>>> =
        LazyLock::new(|| Arc::new(Currency::all().map(|currency| currency.code().to_owned()).collect()));
    Arc::clone(&CODES)
}

/// A path that was checked with the pipeline.
#[must_use]
pub fn path(text: &str) -> cpl_records::Path {
    cpl_records::Path::parse(text).unwrap_or_else(|error| unreachable!("a path is checked before: {error}"))
}

/// The decimal places of a stored 1.
#[must_use]
pub fn shift(scale: MoneyScale, currency: Option<Currency>) -> u32 {
    match scale {
        MoneyScale::Units => 0,
        // Where rows differ, minor units are read as they stand.
        MoneyScale::Minor => currency.map_or(0, |currency| currency.minor_digits()),
        MoneyScale::Micros => 6,
    }
}
