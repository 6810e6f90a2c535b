//! A value that does not fit its type, and how to declare what the file holds: another notation of numbers, another
//! pattern of dates, a text that means a missing value, another currency.

use cpl_batch::{Field, Notation, Place, ValueFormat, exports, notation::undecorated, values};
use cpl_model::program::{Encoding, Fetch, FetchColumn, SourceKind};
use cpl_source::field;
use cpl_syntax::{Code, Diagnostic, tree::Currency};

use super::words::{column_span, row, shown};

/// The diagnostic for a value of the file called `name`.
pub fn bad_value(
    name: &str,
    place: Place,
    value: Option<&str>,
    wanted: &str,
    column: Option<&FetchColumn>,
    fetch: &Fetch,
) -> Diagnostic {
    let header = column.map_or(String::new(), FetchColumn::called);
    let span = column_span(column, fetch);
    let Some(value) = value else {
        return Diagnostic::new(Code::E1005, format!("{name}, {}: `{header}` is missing", row(place)))
            .at(span, "declared as never missing")
            .help("write `?` behind the type where a value may be missing");
    };
    let help = column.and_then(|column| declared_otherwise(value, column, fetch));
    let holder = if fetch.kind.is_file() { "in the file" } else { "at its source" };
    Diagnostic::new(Code::E1005, format!("{name}, {}: `{header}` is `{}`", row(place), shown(value)))
        .at(span, format!("wanted: {wanted}"))
        .help(help.unwrap_or_else(|| format!("mend the value {holder}, or declare the column by what it holds")))
}

/// What to write so that the value fits.
fn declared_otherwise(value: &str, column: &FetchColumn, fetch: &Fetch) -> Option<String> {
    let field = field(column);
    if let Some(account) = column.account_currency {
        let code = value.trim().to_uppercase();
        let other = Currency::of_code(&code)?;
        let (wanted, found) = (account.code(), other.code());
        return Some(format!(
            "the account's money is {found}, and the pipeline's {wanted}: write `currency {found}` in `pipeline {{ … }}`, or fetch from an account in {wanted}"
        ));
    }
    // Bytes that are no UTF-8 are shown so.
    if value.contains('\u{fffd}') && matches!(fetch.kind, SourceKind::Csv(_)) {
        return Some("say how the file is written: `csv(\"…\", encoding=\"windows-1252\")`".to_owned());
    }
    let format = match &column.encoding {
        Encoding::Date(_) | Encoding::DayOf(..) => pattern(value, "date"),
        Encoding::Datetime(..) => pattern(value, "datetime"),
        _ => notation(value, &field, fetch).or_else(|| currency(value, &field)),
    };
    format.or_else(|| missing(value, column, fetch))
}

/// The ways in which exports write numbers in texts; the likeliest first.
const NOTATIONS: [(u8, Option<char>); 6] =
    [(b'.', Some(',')), (b',', None), (b',', Some('.')), (b',', Some(' ')), (b'.', Some(' ')), (b'.', Some('\''))];

fn notation(value: &str, field: &Field, fetch: &Fetch) -> Option<String> {
    let is_number = matches!(
        field.format,
        ValueFormat::Whole { .. } | ValueFormat::Float | ValueFormat::Percent | ValueFormat::Money { .. }
    );
    // What a file holds as a number is plain already.
    let held_as_number = !matches!(fetch.kind, SourceKind::Csv(_)) && value.parse::<f64>().is_ok();
    if !is_number || !fetch.kind.is_file() || held_as_number {
        return None;
    }
    // What is said of a notation already is not unsaid.
    let is_said =
        |(decimal, _): &&(u8, Option<char>)| field.notation.as_ref().is_none_or(|said| said.decimal == *decimal);
    let is_another = |(_, thousands): &&(u8, Option<char>)| field.notation.is_none() || thousands.is_some();
    let fits = |(decimal, thousands): &(u8, Option<char>)| {
        let notation = Some(Notation { decimal: *decimal, thousands: *thousands });
        let field = Field { notation, embedded: None, ..field.clone() };
        cpl_batch::Column::new(&field).push_text(value, &field).is_some()
    };
    let (decimal, thousands) = NOTATIONS.iter().filter(is_said).filter(is_another).find(|notation| fits(notation))?;
    let decimal = (*decimal == b',').then(|| "decimal=\",\"".to_owned());
    let thousands = thousands.map(|sign| format!("thousands=\"{sign}\""));
    let options: Vec<String> = decimal.into_iter().chain(thousands).collect();
    Some(format!("write `{}(\"…\", {})`", fetch.kind.word(), options.join(", ")))
}

/// An amount that bears another currency.
fn currency(value: &str, field: &Field) -> Option<String> {
    let ValueFormat::Money { shift, signs } = &field.format else { return None };
    if signs.is_empty() {
        return None;
    }
    let fits = |currency: &Currency| {
        let digits = undecorated(value.as_bytes(), &currency.signs());
        digits.is_some_and(|(_, digits)| values::money(digits, *shift).is_some())
    };
    let known = ["USD", "EUR", "GBP", "JPY"].into_iter().filter_map(Currency::of_code);
    let of = known.chain(Currency::all()).find(fits)?;
    Some(format!("declare it `money in {}`, or name the currency of each row: `money of COLUMN`", of.code()))
}

fn pattern(value: &str, word: &str) -> Option<String> {
    let value = value.trim().as_bytes();
    let all: Vec<String> = match word {
        "date" => {
            let days = exports::DAYS.map(str::to_owned).into_iter();
            let clocks = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"].map(str::to_owned);
            days.chain(clocks).chain(exports::moments()).collect()
        }
        _ => exports::moments().collect(),
    };
    let zone = jiff::tz::TimeZone::UTC;
    let fits = |pattern: &&String| match word {
        "date" => values::date(value, Some(pattern)).is_some(),
        _ => values::datetime(value, Some(pattern), &zone).is_some(),
    };
    let found: Vec<String> = all.iter().filter(fits).map(|pattern| format!("`{word} \"{pattern}\"`")).collect();
    (!found.is_empty()).then(|| format!("declare it {}", found.join(" or ")))
}

/// A text that stands for no value: such a word, a sign, or a bound of a number that is not given.
fn missing(value: &str, column: &FetchColumn, fetch: &Fetch) -> Option<String> {
    let text = value.trim();
    if !exports::is_nothing(text) {
        return None;
    }
    let clause = match fetch.kind {
        SourceKind::Endpoint(_) => format!("`missing: [{text:?}]` at the endpoint in its connector"),
        _ => format!("`missing {text:?}` among the fetch's clauses"),
    };
    Some(if column.optional {
        format!("where it stands for no value, write {clause}")
    } else {
        format!("where it stands for no value, write `?` behind the type, and {clause}")
    })
}
