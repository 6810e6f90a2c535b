//! How a fetch and its columns are declared, as texts of a recording: two that read other values of the same bytes differ.

use std::fmt::Write;

use cpl_batch::{Field, ValueFormat};
use cpl_model::program::{CsvFormat, Fetch, FetchColumn, SheetFormat, SourceKind};
use cpl_source::field;
use jiff::tz::TimeZone;

/// How a column is declared, as far as its values depend on it.
pub fn column_text(column: &FetchColumn) -> String {
    let Field { format, missing, notation, .. } = field(column);
    let mut text = format!("{}: {}", column.called(), format_text(&format));
    if column.optional {
        text.push_str(", or nothing");
    }
    text.extend(missing.iter().map(|missing| format!(", or \"{missing}\"")));
    if let Some(notation) = notation {
        let thousands = notation.thousands.map(|sign| format!(", thousands=\"{sign}\""));
        let _ = write!(text, ", decimal=\"{}\"{}", char::from(notation.decimal), thousands.unwrap_or_default());
    }
    if column.is_personal {
        text.push_str(", hashed");
    }
    text
}

/// What its values are read of, and how.
fn format_text(format: &ValueFormat) -> String {
    let wanted = format.wanted();
    match format {
        ValueFormat::Money { shift, signs } => {
            let is_code = |sign: &&String| sign.len() == 3 && sign.bytes().all(|letter| letter.is_ascii_uppercase());
            let currency = signs.iter().find(is_code).map_or("the currency of its row", String::as_str);
            if *shift == 0 {
                format!("{wanted}, in {currency}")
            } else {
                format!("{wanted}, in 10^-{shift} {currency}")
            }
        }
        ValueFormat::DayOf(_, zone) => format!("{wanted}, of its moment in {}", zone_name(zone)),
        ValueFormat::Datetime(_, zone) => format!("{wanted}, in {}", zone_name(zone)),
        ValueFormat::Text
        | ValueFormat::Word
        | ValueFormat::Currency(_)
        | ValueFormat::Bool
        | ValueFormat::Whole { .. }
        | ValueFormat::Float
        | ValueFormat::Percent
        | ValueFormat::Date(_)
        | ValueFormat::Unix { .. }
        | ValueFormat::Weekday => wanted,
    }
}

/// The name of a zone.
pub fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// The file of a fetch, and how it is written: `csv("s3://shop/*.csv", separator=";")`.
pub fn file_text(fetch: &Fetch) -> String {
    let options = match &fetch.kind {
        SourceKind::Csv(format) => csv_options(format),
        SourceKind::Excel(format) => sheet_options(format),
        SourceKind::Json { records, each } => {
            let each = each.iter().map(|path| format!("each=\"{path}\""));
            records.iter().map(|path| format!("records=\"{path}\"")).chain(each).collect()
        }
        SourceKind::Parquet
        | SourceKind::Ndjson
        | SourceKind::Http { .. }
        | SourceKind::Sql(_)
        | SourceKind::Endpoint(_) => Vec::new(),
    };
    let until = fetch.until.iter().map(|until| format!("rows until \"{until}\""));
    let all: Vec<String> = std::iter::once(format!("\"{}\"", fetch.path)).chain(options).chain(until).collect();
    format!("{}({})", fetch.kind.word(), all.join(", "))
}

fn csv_options(format: &CsvFormat) -> Vec<String> {
    let CsvFormat { separator, header, short_rows, skip_lines, encoding } = format;
    vec![
        format!("separator=\"{}\"", char::from(*separator)),
        format!("header={header}"),
        format!("short_rows={short_rows}"),
        format!("skip_lines={skip_lines}"),
        format!("encoding=\"{}\"", encoding.word()),
    ]
}

fn sheet_options(format: &SheetFormat) -> Vec<String> {
    let SheetFormat { sheet, skip_lines, merged } = format;
    let sheet = sheet.iter().map(|sheet| format!("sheet=\"{sheet}\""));
    sheet.chain([format!("skip_lines={skip_lines}"), format!("merged={merged}")]).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;

    #[test]
    fn formats_that_read_other_values_differ() {
        let zone = |name: &str| TimeZone::get(name).unwrap_or_else(|error| panic!("{error}"));
        let money = |shift, signs: &[&str]| ValueFormat::Money {
            shift,
            signs: signs.iter().map(ToString::to_string).collect(),
        };
        let (pattern, berlin) = (Some("%Y-%m-%d".to_owned()), zone("Europe/Berlin"));
        let formats = [
            ValueFormat::Text,
            ValueFormat::Currency(Arc::new(BTreeSet::from(["USD".to_owned()]))),
            ValueFormat::Currency(Arc::new(BTreeSet::from(["EUR".to_owned()]))),
            ValueFormat::Bool,
            ValueFormat::Whole { negative: false },
            ValueFormat::Whole { negative: true },
            ValueFormat::Float,
            ValueFormat::Percent,
            money(0, &["$", "USD"]),
            money(2, &["$", "USD"]),
            money(6, &["$", "USD"]),
            money(0, &["€", "EUR"]),
            money(0, &[]),
            ValueFormat::Date(None),
            ValueFormat::Date(pattern.clone()),
            ValueFormat::DayOf("%Y-%m-%d".to_owned(), TimeZone::UTC),
            ValueFormat::DayOf("%Y-%m-%d".to_owned(), berlin.clone()),
            ValueFormat::Datetime(None, TimeZone::UTC),
            ValueFormat::Datetime(None, berlin.clone()),
            ValueFormat::Datetime(pattern, berlin),
            ValueFormat::Unix { per_second: 1 },
            ValueFormat::Unix { per_second: 1000 },
            ValueFormat::Weekday,
        ];
        let texts: BTreeSet<String> = formats.iter().map(format_text).collect();
        assert_eq!(texts.len(), formats.len(), "{texts:#?}");
    }
}
