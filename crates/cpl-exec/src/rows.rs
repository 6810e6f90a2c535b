//! A collected frame's rows as values with units.

use cpl_plan::{program::Day, types::Type, value::Value};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use polars::prelude::{self as pl, AnyValue};
use rust_decimal::Decimal;

use crate::{
    trouble::{self, Trouble},
    types::MONEY_SCALE,
};

/// The values of a frame, row by row; `types` are those of its columns.
pub fn rows(frame: &pl::DataFrame, types: &[Type], zone: &TimeZone) -> Result<Vec<Vec<Value>>, Trouble> {
    (0..frame.height())
        .map(|row| {
            let columns = frame.columns().iter().zip(types);
            columns.map(|(column, ty)| value(&column.get(row).map_err(trouble::engine)?, *ty, zone)).collect()
        })
        .collect()
}

/// One value of the engine as one of the language.
pub fn value(found: &AnyValue<'_>, ty: Type, zone: &TimeZone) -> Result<Value, Trouble> {
    Ok(match (found, ty) {
        (AnyValue::Null, _) => Value::Unknown,
        (AnyValue::Boolean(value), _) => Value::Bool(*value),
        (AnyValue::Int64(value), _) => Value::Integer(*value),
        (AnyValue::Int32(day), Type::Weekday) => Value::Weekday(weekday(*day)),
        (AnyValue::Float64(value), Type::Ratio) => Value::Ratio(*value),
        (AnyValue::Float64(value), _) => Value::Number(*value),
        (AnyValue::Decimal(value, ..), Type::Money(currency)) => {
            let scale = u32::try_from(MONEY_SCALE).unwrap_or(6);
            let amount = Decimal::try_from_i128_with_scale(*value, scale)
                .map_err(|_| trouble::engine(pl::polars_err!(ComputeError: "overflow: an amount of 10^22 or more")))?;
            Value::Money(amount, currency)
        }
        (AnyValue::Date(days), _) => Value::Date(date(*days)),
        (AnyValue::Datetime(micros, ..), _) => moment(*micros, zone),
        (AnyValue::DatetimeOwned(micros, ..), _) => moment(*micros, zone),
        (AnyValue::Duration(micros, _), _) => Value::Duration(*micros),
        (AnyValue::String(text), _) => Value::Text((*text).to_owned()),
        (AnyValue::StringOwned(text), _) => Value::Text(text.to_string()),
        (other, ty) => unreachable!("the engine gave {other:?} for {ty}"),
    })
}

fn weekday(number: i32) -> Day {
    usize::try_from(number - 1).ok().and_then(|at| Day::ALL.get(at).copied()).unwrap_or(Day::Sunday)
}

fn date(days: i32) -> Date {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

fn moment(micros: i64, zone: &TimeZone) -> Value {
    Value::Datetime(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX), zone.clone())
}
