//! MySQL and MariaDB: rows as prepared statements send them, in binary.

use cpl_batch::{Cell, Problem};
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, SqlSafeStr as _,
    TypeInfo as _,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow},
};

use crate::{
    query::ParameterType,
    read::{Found, Read, Sink, problem},
    rows::{ResultColumn, Rows},
};

/// How the values of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// Letters.
    Text,
    /// The digits of a decimal, as letters.
    Digits,
    Signed,
    Unsigned,
    Float,
    Double,
    Date,
    Datetime,
    /// A moment, which is kept in UTC.
    Timestamp,
}

/// The rows of a query, in a transaction that reads.
pub async fn rows(options: &MySqlConnectOptions, read: &Read, sink: &Sink) -> Result<Found, Problem> {
    let mut connection: MySqlConnection = options.connect().await.map_err(|error| problem(&error))?;
    let found = in_transaction(&mut connection, read, sink).await;
    let _closed = connection.close_hard().await;
    found
}

async fn in_transaction(connection: &mut MySqlConnection, read: &Read, sink: &Sink) -> Result<Found, Problem> {
    let wrong = |error: sqlx::Error| problem(&error);
    connection.execute("start transaction with consistent snapshot, read only").await.map_err(wrong)?;
    let statement =
        connection.prepare(AssertSqlSafe(read.query.statement(place)).into_sql_str()).await.map_err(wrong)?;
    let columns: Vec<(String, Option<Stored>, String)> = sqlx::Statement::columns(&statement)
        .iter()
        .map(|column| {
            let ty = column.type_info().name();
            (column.name().to_owned(), stored(ty), ty.to_owned())
        })
        .collect();
    let named = columns
        .iter()
        .map(|(name, stored, ty)| ResultColumn { name: name.clone(), refused: stored.is_none().then(|| ty.clone()) });
    let mut rows = Rows::of(&read.fields, read.skip_bad, &named.collect::<Vec<_>>())?;
    let mut query = sqlx::Statement::query_with(&statement, MySqlArguments::default());
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

/// What stands for a parameter: its text is read as a value of its type. The session's zone is UTC.
fn place(_: usize, ty: ParameterType) -> String {
    match ty {
        ParameterType::Text => "?".to_owned(),
        ParameterType::Date => "cast(? as date)".to_owned(),
        ParameterType::Moment => "cast(? as datetime(6))".to_owned(),
        ParameterType::Whole | ParameterType::Truth => "cast(? as signed)".to_owned(),
        ParameterType::Decimal(scale) => format!("cast(? as decimal(65, {}))", scale.min(30)),
    }
}

/// How the values of a type are read; none of a type of which no text is made.
fn stored(ty: &str) -> Option<Stored> {
    Some(match ty {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Stored::Signed,
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED"
        | "YEAR" => Stored::Unsigned,
        "FLOAT" => Stored::Float,
        "DOUBLE" => Stored::Double,
        "DECIMAL" => Stored::Digits,
        "DATE" => Stored::Date,
        "DATETIME" => Stored::Datetime,
        "TIMESTAMP" => Stored::Timestamp,
        // Texts that are compared by their bytes are told as such.
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" | "JSON" | "NULL"
        | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => Stored::Text,
        _ => return None,
    })
}

/// The value of a row in a place.
fn cell(row: &MySqlRow, at: usize, stored: Option<Stored>) -> Cell<'_> {
    let bytes = row.try_get_unchecked::<Option<&[u8]>, _>(at);
    let Ok(Some(bytes)) = bytes else { return Cell::Text((&[]).into()) };
    let value = stored.and_then(|stored| match stored {
        Stored::Text => std::str::from_utf8(bytes).ok().map(|text| Cell::Text(text.as_bytes().into())),
        Stored::Digits => Some(Cell::Number(bytes.into())),
        Stored::Signed => row.try_get_unchecked::<i64, _>(at).ok().map(number),
        Stored::Unsigned => row.try_get_unchecked::<u64, _>(at).ok().map(number),
        Stored::Float => row.try_get_unchecked::<f32, _>(at).ok().map(number),
        Stored::Double => row.try_get_unchecked::<f64, _>(at).ok().map(number),
        Stored::Date | Stored::Datetime | Stored::Timestamp => {
            time(bytes, stored).map(|text| Cell::Text(text.into_bytes().into()))
        }
    });
    value.unwrap_or_else(|| Cell::Bad("a value that is none".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "numbers")]
fn number(value: impl ToString) -> Cell<'static> {
    Cell::Number(value.to_string().into_bytes().into())
}

/// A day or a moment as the binary protocol has it: how many bytes follow, the year in two of them, month, day, hours,
/// minutes, seconds in one each, and microseconds in four; what is nought at the end is left out.
fn time(bytes: &[u8], stored: Stored) -> Option<String> {
    let (length, bytes) = bytes.split_first()?;
    let bytes = bytes.get(..usize::from(*length))?;
    let part = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let year = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
    let day = format!("{year:04}-{:02}-{:02}", part(2), part(3));
    if stored == Stored::Date {
        return Some(day);
    }
    let micros = u32::from_le_bytes([part(7), part(8), part(9), part(10)]);
    let zone = if stored == Stored::Timestamp { "Z" } else { "" };
    Some(format!("{day}T{:02}:{:02}:{:02}.{micros:06}{zone}", part(4), part(5), part(6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nought_at_the_end_of_a_time_is_left_out() {
        let all = [0xEA, 0x07, 11, 19, 23, 59, 58, 0x40, 0xE2, 0x01, 0];
        let sent = |length: u8| [&[length], &all[..usize::from(length)]].concat();
        assert_eq!(time(&sent(4), Stored::Date).as_deref(), Some("2026-11-19"));
        assert_eq!(time(&sent(4), Stored::Datetime).as_deref(), Some("2026-11-19T00:00:00.000000"));
        assert_eq!(time(&sent(7), Stored::Timestamp).as_deref(), Some("2026-11-19T23:59:58.000000Z"));
        assert_eq!(time(&sent(11), Stored::Datetime).as_deref(), Some("2026-11-19T23:59:58.123456"));
        for none in [&[][..], &[0], &[4, 0xEA]] {
            assert_eq!(time(none, Stored::Date), None, "{none:?}");
        }
    }
}
