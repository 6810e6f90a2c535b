//! The engine's values → values with units.

use cpl_model::{program::Day, types::Type, value::Value};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use polars::prelude::{self as pl, AnyValue};
use rust_decimal::Decimal;

use super::{datatype::MONEY_SCALE, failure::classify};
use crate::error::ExecError;

/// The values of a frame, row by row; `types` are those of its columns.
pub fn decode_rows(frame: &pl::DataFrame, types: &[Type], zone: &TimeZone) -> Result<Vec<Vec<Value>>, ExecError> {
    (0..frame.height())
        .map(|row| {
            let columns = frame.columns().iter().zip(types);
            columns.map(|(column, ty)| decode_value(&column.get(row).map_err(classify)?, *ty, zone)).collect()
        })
        .collect()
}

/// One value.
///
/// # Errors
/// An amount of 10^22 or more; a date outside the calendar.
pub fn decode_value(found: &AnyValue<'_>, ty: Type, zone: &TimeZone) -> Result<Value, ExecError> {
    Ok(match (found, ty) {
        (AnyValue::Null, _) => Value::Unknown,
        (AnyValue::Boolean(value), _) => Value::Bool(*value),
        (AnyValue::Int64(value), _) => Value::Integer(*value),
        (AnyValue::Int32(day), Type::Weekday) => Value::Weekday(weekday(*day)),
        (AnyValue::Float64(value), Type::Ratio) => Value::Ratio(*value),
        (AnyValue::Float64(value), _) => Value::Number(*value),
        (AnyValue::Decimal(value, ..), Type::Money(currency)) => {
            let scale = u32::try_from(MONEY_SCALE).unwrap_or(6);
            let amount = Decimal::try_from_i128_with_scale(*value, scale);
            Value::Money(amount.map_err(|_| ExecError::TooLarge { computed_for: None, engine: None })?, currency)
        }
        (AnyValue::Date(days), _) => Value::Date(date(*days).ok_or_else(outside_calendar)?),
        (AnyValue::Datetime(micros, ..) | AnyValue::DatetimeOwned(micros, ..), _) => moment(*micros, zone)?,
        (AnyValue::Duration(micros, _), _) => Value::Duration(*micros),
        (AnyValue::String(text), _) => Value::Text((*text).to_owned()),
        (AnyValue::StringOwned(text), _) => Value::Text(text.to_string()),
        (other, ty) => return Err(ExecError::Engine(format!("it gave {other:?} for {ty}"))),
    })
}

fn outside_calendar() -> ExecError {
    ExecError::OutsideCalendar { computed_for: None }
}

fn weekday(number: i32) -> Day {
    usize::try_from(number - 1).ok().and_then(|at| Day::ALL.get(at).copied()).unwrap_or(Day::Sunday)
}

fn date(days: i32) -> Option<Date> {
    let span = jiff::Span::new().try_days(i64::from(days)).ok()?;
    Date::constant(1970, 1, 1).checked_add(span).ok()
}

fn moment(micros: i64, zone: &TimeZone) -> Result<Value, ExecError> {
    let moment = Timestamp::from_microsecond(micros).map_err(|_| outside_calendar())?;
    Ok(Value::Datetime(moment, zone.clone()))
}
