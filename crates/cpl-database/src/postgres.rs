//! PostgreSQL: rows as the extended protocol sends them, in binary.

use std::fmt::Write as _;

use cpl_batch::{Cell, Problem};
use futures_util::TryStreamExt as _;
use jiff::{
    Timestamp,
    civil::{Date, DateTime, date},
};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, SqlSafeStr as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgTypeInfo, PgTypeKind},
};

use crate::{
    query::ParameterType,
    read::{Found, Read, Sink, connected, problem},
    rows::{ResultColumn, Rows},
};

/// Days and moments are counted from then on.
const EPOCH: Date = date(2000, 1, 1);
/// Seconds from 1970 to then.
const EPOCH_SECONDS: i64 = 946_684_800;

/// How the values of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Text,
    /// JSON in binary begins with a version.
    Jsonb,
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Date,
    Timestamp,
    Timestamptz,
    Uuid,
}

/// The rows of a query, in a transaction that reads.
pub async fn rows(options: &PgConnectOptions, read: &Read, sink: &Sink) -> Result<Found, Problem> {
    let mut connection: PgConnection = connected(options.connect()).await?;
    let found = in_transaction(&mut connection, read, sink).await?;
    // Nobody waits for the good-bye; what failed ends without one.
    tokio::spawn(connection.close());
    Ok(found)
}

async fn in_transaction(connection: &mut PgConnection, read: &Read, sink: &Sink) -> Result<Found, Problem> {
    let wrong = |error: sqlx::Error| problem(&error);
    let begin = "begin transaction isolation level repeatable read read only";
    connection.execute(begin).await.map_err(wrong)?;
    // The server ends it too, where nobody is there any more to tell it to.
    let limit = format!("set local statement_timeout = {}", read.deadline.1.as_millis().min(i32::MAX as u128));
    connection.execute(AssertSqlSafe(limit)).await.map_err(wrong)?;
    // Days and moments mean those of the pipeline.
    let zone = sqlx::query("select set_config('TimeZone', $1, true)").bind(read.zone.clone());
    zone.execute(&mut *connection).await.map_err(wrong)?;
    let statement =
        connection.prepare(AssertSqlSafe(read.query.statement(place)).into_sql_str()).await.map_err(wrong)?;
    let columns: Vec<(String, Option<Stored>, String)> = sqlx::Statement::columns(&statement)
        .iter()
        .map(|column| (column.name().to_owned(), stored(column.type_info()), column.type_info().name().to_owned()))
        .collect();
    let named = columns
        .iter()
        .map(|(name, stored, ty)| ResultColumn { name: name.clone(), refused: stored.is_none().then(|| ty.clone()) });
    let mut rows = Rows::of(&read.fields, read.skip_bad, &named.collect::<Vec<_>>())?;
    let mut query = sqlx::Statement::query_with(&statement, PgArguments::default());
    for text in read.query.texts() {
        query = query.bind(text.to_owned());
    }
    let mut stream = query.fetch(connection);
    while let Some(row) = stream.try_next().await.map_err(wrong)? {
        let full = rows.add(|at| cell(&row, at, columns[at].1))?;
        if sink.hand(full).await.is_err() {
            return Ok(Found::default());
        }
    }
    let (last, columns) = rows.end();
    let _nobody_waits = sink.hand(Some(last)).await;
    Ok(Found { columns })
}

/// What stands for a parameter: its text is read as a value of its type.
fn place(number: usize, ty: ParameterType) -> String {
    let ty = match ty {
        ParameterType::Text => "text",
        ParameterType::Date => "text::date",
        ParameterType::Moment => "text::timestamp at time zone 'UTC'",
        ParameterType::Whole => "text::bigint",
        ParameterType::Decimal(_) => "text::numeric",
        ParameterType::Truth => "text::boolean",
    };
    format!("(${number}::{ty})")
}

/// How the values of a type are read; none of a type of which no text is made.
fn stored(ty: &PgTypeInfo) -> Option<Stored> {
    match ty.kind() {
        PgTypeKind::Enum(_) => return Some(Stored::Text),
        PgTypeKind::Domain(of) => return stored(of),
        PgTypeKind::Simple | PgTypeKind::Pseudo => {}
        PgTypeKind::Composite(_) | PgTypeKind::Array(_) | PgTypeKind::Range(_) => return None,
    }
    Some(match ty.name() {
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "JSON" | "UNKNOWN" | "XML" | "\"CHAR\"" => Stored::Text,
        name if name.eq_ignore_ascii_case("citext") => Stored::Text,
        "JSONB" => Stored::Jsonb,
        "BOOL" => Stored::Bool,
        "INT2" => Stored::Int2,
        "INT4" => Stored::Int4,
        "INT8" => Stored::Int8,
        "FLOAT4" => Stored::Float4,
        "FLOAT8" => Stored::Float8,
        "NUMERIC" => Stored::Numeric,
        "DATE" => Stored::Date,
        "TIMESTAMP" => Stored::Timestamp,
        "TIMESTAMPTZ" => Stored::Timestamptz,
        "UUID" => Stored::Uuid,
        _ => return None,
    })
}

/// The value of a row in a place.
fn cell(row: &PgRow, at: usize, stored: Option<Stored>) -> Cell<'_> {
    let value = row.try_get_raw(at).ok().filter(|value| !value.is_null());
    let Some(bytes) = value.and_then(|value| value.as_bytes().ok()) else { return Cell::Text("".into()) };
    stored.and_then(|stored| of_bytes(bytes, stored)).unwrap_or_else(|| Cell::Bad("a value that is none".to_owned()))
}

/// The value that bytes hold (PostgreSQL's `*send` functions); none where they hold none.
fn of_bytes(bytes: &[u8], stored: Stored) -> Option<Cell<'_>> {
    let text = |text: String| Some(Cell::Text(text.into()));
    let number = |digits: String| Some(Cell::Number(digits.into()));
    match stored {
        Stored::Text => Some(Cell::of_bytes(bytes.into())),
        Stored::Jsonb => Some(Cell::of_bytes(bytes.strip_prefix(&[1])?.into())),
        Stored::Bool => text((*bytes.first()? != 0).to_string()),
        Stored::Int2 => number(i16::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Stored::Int4 => number(i32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Stored::Int8 => number(i64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Stored::Float4 => number(f32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Stored::Float8 => number(f64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Stored::Numeric => number(numeric(bytes)?),
        Stored::Date => match i32::from_be_bytes(bytes.try_into().ok()?) {
            i32::MAX => Some(Cell::Bad("infinity".to_owned())),
            i32::MIN => Some(Cell::Bad("-infinity".to_owned())),
            days => text(EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?.to_string()),
        },
        Stored::Timestamp | Stored::Timestamptz => match i64::from_be_bytes(bytes.try_into().ok()?) {
            i64::MAX => Some(Cell::Bad("infinity".to_owned())),
            i64::MIN => Some(Cell::Bad("-infinity".to_owned())),
            micros if stored == Stored::Timestamptz => text(moment(micros)?.to_string()),
            micros => text(civil(moment(micros)?).to_string()),
        },
        Stored::Uuid => text(uuid(bytes)?),
    }
}

fn moment(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros.checked_add(EPOCH_SECONDS * 1_000_000)?).ok()
}

fn civil(moment: Timestamp) -> DateTime {
    moment.to_zoned_datetime(jiff::tz::TimeZone::UTC).datetime()
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// The digits of a number as `numeric_send` writes them: how many groups of four digits there are, the power of 10,000 of the
/// first, the sign, and how many digits stand behind the point.
fn numeric(bytes: &[u8]) -> Option<String> {
    const NEGATIVE: u16 = 0x4000;
    const NOT_A_NUMBER: u16 = 0xC000;
    const INFINITE: u16 = 0xD000;
    const MINUS_INFINITE: u16 = 0xF000;
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?.cast_signed(), words.next()?, words.next()?);
    match sign {
        NOT_A_NUMBER => return Some("NaN".to_owned()),
        INFINITE => return Some("Infinity".to_owned()),
        MINUS_INFINITE => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let groups: Vec<u16> = words.collect();
    if groups.len() != usize::from(count) || groups.iter().any(|group| *group > 9_999) {
        return None;
    }
    let group = |power: i32| {
        let at = usize::try_from(i32::from(weight) - power).ok();
        at.and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let mut text = if sign == NEGATIVE { "-".to_owned() } else { String::new() };
    for power in (0..=i32::from(weight.max(0))).rev() {
        let is_first = power == i32::from(weight.max(0));
        let _ = if is_first { write!(text, "{}", group(power)) } else { write!(text, "{:04}", group(power)) };
    }
    if scale > 0 {
        let mut behind = String::new();
        for power in 1..=i32::from(scale.div_ceil(4)) {
            let _ = write!(behind, "{:04}", group(-power));
        }
        behind.truncate(usize::from(scale));
        let _ = write!(text, ".{behind}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number as `numeric_send` writes it: only by its decimal digits.
    fn sent(negative: bool, whole: &str, behind: &str) -> Vec<u8> {
        let mut front = "0".repeat((4 - whole.len() % 4) % 4) + whole;
        let weight = front.len() / 4 - 1;
        front.push_str(behind);
        front.push_str(&"0".repeat((4 - behind.len() % 4) % 4));
        let mut groups: Vec<u16> = front
            .as_bytes()
            .chunks(4)
            .map(|group| String::from_utf8_lossy(group).parse().unwrap_or_default())
            .collect();
        let mut weight = i16::try_from(weight).unwrap_or_default();
        // Zeros at either end are left out.
        while groups.first() == Some(&0) {
            groups.remove(0);
            weight -= 1;
        }
        while groups.last() == Some(&0) {
            groups.pop();
        }
        if groups.is_empty() {
            weight = 0;
        }
        let head = [u16::try_from(groups.len()).unwrap_or_default(), weight.cast_unsigned()];
        let head = head
            .into_iter()
            .chain([if negative { 0x4000 } else { 0 }, u16::try_from(behind.len()).unwrap_or_default()]);
        head.chain(groups).flat_map(u16::to_be_bytes).collect()
    }

    proptest! {
        #[test]
        fn a_number_has_the_digits_that_it_was_sent_with(
            negative: bool, whole in "0|[1-9][0-9]{0,30}", behind in "[0-9]{0,20}"
        ) {
            let bytes = sent(negative, &whole, &behind);
            let point = if behind.is_empty() { "" } else { "." };
            let wanted = format!("{}{whole}{point}{behind}", if negative { "-" } else { "" });
            prop_assert_eq!(numeric(&bytes), Some(wanted));
        }

        #[test]
        fn bytes_that_are_no_value_are_none(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            for stored in [Stored::Numeric, Stored::Date, Stored::Timestamp, Stored::Timestamptz, Stored::Uuid, Stored::Int4] {
                let _never_panics = of_bytes(&bytes, stored);
            }
        }
    }

    #[test]
    fn days_and_moments_are_counted_from_the_year_2000() {
        let shown = |cell: Option<Cell<'_>>| cell.and_then(|cell| cell.shown()).unwrap_or_default();
        for (days, wanted) in [(0, "2000-01-01"), (9_819, "2026-11-19"), (-1, "1999-12-31"), (i32::MAX, "infinity")] {
            assert_eq!(shown(of_bytes(&days.to_be_bytes(), Stored::Date)), wanted);
        }
        let micros = 848_313_000_123_456_i64;
        assert_eq!(shown(of_bytes(&micros.to_be_bytes(), Stored::Timestamp)), "2026-11-18T10:30:00.123456");
        assert_eq!(shown(of_bytes(&micros.to_be_bytes(), Stored::Timestamptz)), "2026-11-18T10:30:00.123456Z");
        assert_eq!(shown(of_bytes(&i64::MIN.to_be_bytes(), Stored::Timestamptz)), "-infinity");
    }
}
