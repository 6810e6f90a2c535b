//! MySQL and MariaDB: rows as prepared statements send them, in binary.

use cpl_batch::{Cell, DatabaseProblem, Problem};
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, SqlSafeStr as _, Type,
    TypeInfo as _,
    mysql::{MySql, MySqlArguments, MySqlColumn, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlTypeInfo},
};

use crate::{
    query::ParameterType,
    read::{Found, Read, Sink, connected, problem},
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
    let mut connection: MySqlConnection = connected(options.connect()).await?;
    let found = in_transaction(&mut connection, read, sink).await?;
    // Nobody waits for the good-bye; what failed ends without one.
    tokio::spawn(connection.close());
    Ok(found)
}

/// Whether the session's zone is the pipeline's: servers know zones by name where those are loaded. Else it is UTC.
async fn set_zone(connection: &mut MySqlConnection, read: &Read) -> Result<bool, Problem> {
    if read.zone == "UTC" {
        return Ok(false);
    }
    let zone = sqlx::query("set time_zone = ?").bind(read.zone.clone());
    match zone.execute(&mut *connection).await {
        Ok(_) => Ok(true),
        Err(_) if read.query.has_moment() => Err(Problem::Database(DatabaseProblem::Zone { zone: read.zone.clone() })),
        Err(_) => Ok(false),
    }
}

/// The server ends a query too, where nobody is there any more to tell it to: by MariaDB's name or by MySQL's.
async fn set_limit(connection: &mut MySqlConnection, read: &Read) {
    let limit = read.deadline.1;
    for set in [
        format!("set session max_statement_time = {}", limit.as_secs().max(1)),
        format!("set session max_execution_time = {}", limit.as_millis().min(u128::from(u32::MAX))),
    ] {
        if connection.execute(AssertSqlSafe(set)).await.is_ok() {
            return;
        }
    }
}

async fn in_transaction(connection: &mut MySqlConnection, read: &Read, sink: &Sink) -> Result<Found, Problem> {
    let wrong = |error: sqlx::Error| problem(&error);
    let is_local = set_zone(connection, read).await?;
    set_limit(connection, read).await;
    connection.execute("start transaction with consistent snapshot, read only").await.map_err(wrong)?;
    let statement =
        connection.prepare(AssertSqlSafe(read.query.statement(place)).into_sql_str()).await.map_err(wrong)?;
    let mut columns = Columns::of(sqlx::Statement::columns(&statement), is_local);
    let mut rows = Rows::of(&read.fields, read.skip_bad, &columns.named())?;
    let mut query = sqlx::Statement::query_with(&statement, MySqlArguments::default());
    for text in read.query.texts() {
        query = query.bind(text.to_owned());
    }
    let (mut stream, mut is_first) = (query.fetch(connection), true);
    while let Some(row) = stream.try_next().await.map_err(wrong)? {
        // Where parameters decide what a column is, only the rows show its type.
        if std::mem::take(&mut is_first) {
            columns = Columns::of(row.columns(), is_local);
            rows = Rows::of(&read.fields, read.skip_bad, &columns.named())?;
        }
        let full = rows.add(|at| cell(&row, at, columns.0[at].1))?;
        if sink.hand(full).await.is_err() {
            return Ok(Found::default());
        }
    }
    let (last, columns) = rows.end();
    let _nobody_waits = sink.hand(Some(last)).await;
    Ok(Found { columns })
}

/// The columns of a result: their names, how their values are read, and what their types are called.
struct Columns(Vec<(String, Option<Stored>, String)>);

impl Columns {
    fn of(columns: &[MySqlColumn], is_local: bool) -> Self {
        let column = |column: &MySqlColumn| {
            let ty = column.type_info();
            let stored = match stored(ty) {
                // In the session's zone, which is the pipeline's.
                Some(Stored::Timestamp) if is_local => Some(Stored::Datetime),
                stored => stored,
            };
            (column.name().to_owned(), stored, ty.name().to_owned())
        };
        Self(columns.iter().map(column).collect())
    }

    fn named(&self) -> Vec<ResultColumn> {
        let named = self.0.iter().map(|(name, stored, ty)| ResultColumn {
            name: name.clone(),
            refused: stored.is_none().then(|| ty.clone()),
        });
        named.collect()
    }
}

/// What stands for a parameter: its text is read as a value of its type.
fn place(_: usize, ty: ParameterType) -> String {
    match ty {
        ParameterType::Text => "?".to_owned(),
        ParameterType::Date => "cast(? as date)".to_owned(),
        // Of a moment in UTC, what the clocks of the session show.
        ParameterType::Moment => "convert_tz(cast(? as datetime(6)), '+00:00', @@session.time_zone)".to_owned(),
        ParameterType::Whole | ParameterType::Truth => "cast(? as signed)".to_owned(),
        ParameterType::Decimal(scale) => format!("cast(? as decimal(65, {}))", scale.min(30)),
    }
}

/// How the values of a type are read; none of a type of which no text is made.
fn stored(ty: &MySqlTypeInfo) -> Option<Stored> {
    Some(match ty.name() {
        // Its name does not say whether it has a sign.
        "BOOLEAN" if <u64 as Type<MySql>>::compatible(ty) => Stored::Unsigned,
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Stored::Signed,
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED"
        | "YEAR" => Stored::Unsigned,
        "FLOAT" => Stored::Float,
        "DOUBLE" => Stored::Double,
        "DECIMAL" => Stored::Digits,
        "DATE" => Stored::Date,
        "DATETIME" => Stored::Datetime,
        "TIMESTAMP" => Stored::Timestamp,
        // Texts that are compared by their bytes have a type of their own.
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" | "JSON" | "NULL"
        | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => Stored::Text,
        _ => return None,
    })
}

/// The value of a row in a place.
fn cell(row: &MySqlRow, at: usize, stored: Option<Stored>) -> Cell<'_> {
    let bytes = row.try_get_unchecked::<Option<&[u8]>, _>(at);
    let bytes = match bytes {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Cell::Text("".into()),
        Err(error) => return Cell::Bad(error.to_string()),
    };
    let value = stored.and_then(|stored| match stored {
        Stored::Text => std::str::from_utf8(bytes).ok().map(|text| Cell::Text(text.into())),
        Stored::Digits => std::str::from_utf8(bytes).ok().map(|digits| Cell::Number(digits.into())),
        Stored::Signed => row.try_get_unchecked::<i64, _>(at).ok().map(number),
        Stored::Unsigned => row.try_get_unchecked::<u64, _>(at).ok().map(number),
        Stored::Float => row.try_get_unchecked::<f32, _>(at).ok().map(number),
        Stored::Double => row.try_get_unchecked::<f64, _>(at).ok().map(number),
        Stored::Date | Stored::Datetime | Stored::Timestamp => time(bytes, stored).map(|text| Cell::Text(text.into())),
    });
    value.unwrap_or_else(|| Cell::Bad("a value that is none".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "numbers")]
fn number(value: impl ToString) -> Cell<'static> {
    Cell::Number(value.to_string().into())
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
