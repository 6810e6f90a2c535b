//! Types of the language as types of the engine.

use cpl_model::types::Type;
use polars::prelude::{DataType, TimeUnit};

/// Digits after the point in money.
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
        Type::Text | Type::Personal => DataType::String,
        Type::Bool => DataType::Boolean,
    }
}

/// Amounts of money, in millionths.
pub fn money() -> DataType {
    DataType::Decimal(PRECISION, MONEY_SCALE)
}

/// Moments: microseconds of UTC. The engine knows no zone: time zones are jiff's.
pub fn moment() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, None)
}
