//! Days and moments.

use cpl_batch::{
    ValueFormat,
    exports::{DAYS, moments},
    values,
};
use jiff::tz::TimeZone;

use crate::{
    column_type::{ColumnType, all_fit},
    sample::Column,
    words::says,
};

/// Clocks behind a day, which may stand at midnight.
const MIDNIGHTS: [&str; 3] = [" %H:%M:%S", "T%H:%M:%S", " %H:%M"];

/// Words of the names of columns that hold seconds since 1970.
const CLOCKS: [&str; 9] =
    ["at", "time", "timestamp", "ts", "created", "updated", "date", "createdate", "lastmodifieddate"];

/// The type of a column of days.
pub fn day(column: &Column, known: &[&str]) -> Option<ColumnType> {
    if all_fit(known, ValueFormat::Date(None), None) {
        return Some(ColumnType::time("date".to_owned(), None));
    }
    let named = says(&column.name, &["day", "date", "dates", "week"]);
    // Eight digits may be a number.
    let found = DAYS.into_iter().filter(|pattern| (named || *pattern != "%Y%m%d") && reads_days(pattern, known));
    let found: Vec<String> = found.map(str::to_owned).collect();
    by_patterns("date", &found, known)
}

/// The type of a column of moments.
pub fn moment(column: &Column, known: &[&str]) -> Option<ColumnType> {
    let is_midnight = |text: &&str| text.ends_with("00:00:00") || text.ends_with(" 00:00") || text.ends_with(" 0:00");
    if known.iter().all(is_midnight) {
        let days = || ["%Y-%m-%d"].into_iter().chain(DAYS);
        let midnights = days().flat_map(|day| MIDNIGHTS.iter().map(move |clock| format!("{day}{clock}")));
        let found: Vec<String> = midnights.filter(|pattern| reads_days(pattern, known)).collect();
        if let Some(found) = by_patterns("date", &found, known) {
            return Some(found);
        }
    }
    let utc = TimeZone::UTC;
    if all_fit(known, ValueFormat::Datetime(None, utc.clone()), None) {
        let is_zoned = |text: &&str| text.get(10..).is_some_and(|clock| clock.contains(['Z', 'z', '+', '-']));
        let doubt = "in the pipeline's zone? Else `datetime in \"UTC\"`";
        return Some(ColumnType::time("datetime".to_owned(), (!known.iter().all(is_zoned)).then(|| doubt.to_owned())));
    }
    let reads =
        |pattern: &String| known.iter().all(|text| values::datetime(text.as_bytes(), Some(pattern), &utc).is_some());
    let found: Vec<String> = moments().filter(reads).collect();
    by_patterns("datetime", &found, known).or_else(|| since_1970(column, known))
}

/// Seconds or milliseconds: as many digits as those of our time have.
fn since_1970(column: &Column, known: &[&str]) -> Option<ColumnType> {
    let digits =
        |count: usize| known.iter().all(|text| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()));
    let unit = match () {
        () if !says(&column.name, &CLOCKS) => return None,
        () if digits(10) => "seconds",
        () if digits(13) => "milliseconds",
        () => return None,
    };
    Some(ColumnType::time(format!("datetime in unix {unit}"), Some("a time since 1970?".to_owned())))
}

/// The first of the patterns that read a column; that others read other days is not sure.
fn by_patterns(ty: &str, found: &[String], known: &[&str]) -> Option<ColumnType> {
    let (first, others) = found.split_first()?;
    let day = |text: &&str, pattern: &str| values::date(text.as_bytes(), Some(pattern));
    let differs = |other: &&String| known.iter().any(|text| day(text, first) != day(text, other));
    let doubt = match (others.iter().find(differs), ty) {
        (Some(other), _) => Some(format!("or \"{other}\": no day is above 12")),
        (None, "datetime") => Some("in the pipeline's zone?".to_owned()),
        (None, _) => None,
    };
    Some(ColumnType::time(format!("{ty} \"{first}\""), doubt))
}

fn reads_days(pattern: &str, known: &[&str]) -> bool {
    known.iter().all(|text| values::date(text.as_bytes(), Some(pattern)).is_some())
}
