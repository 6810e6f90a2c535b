//! Types of the language as types of the engine.

use cpl_plan::types::Type;
use polars::prelude::{DataType, TimeUnit, TimeZone};

/// Digits behind the point in money.
pub const MONEY_SCALE: usize = 6;
/// All digits of a decimal.
pub const PRECISION: usize = 38;

/// The type in which the engine holds values of `ty`.
pub fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Count | Type::Integer => DataType::Int64,
        Type::Number | Type::Ratio => DataType::Float64,
        Type::Money(_) => money(),
        Type::Duration => DataType::Duration(TimeUnit::Microseconds),
        Type::Date => DataType::Date,
        Type::Datetime => moment(),
        Type::Weekday => DataType::Int32,
        Type::Text => DataType::String,
        Type::Bool => DataType::Boolean,
    }
}

/// Amounts of money.
pub fn money() -> DataType {
    DataType::Decimal(PRECISION, MONEY_SCALE)
}

/// Moments, all of them in UTC.
pub fn moment() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}
