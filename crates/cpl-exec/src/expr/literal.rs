//! Constants.

use cpl_model::{
    program::{Constant, Day},
    types::Type,
};
use jiff::{Timestamp, civil::Date};
use polars::prelude as pl;
use rust_decimal::Decimal;

use crate::engine::{MONEY_SCALE, PRECISION, data_type};

/// A constant of that type.
pub fn constant(constant: &Constant, ty: Type) -> pl::Expr {
    match constant {
        // Cast: a bare literal would take whatever width the engine finds enough.
        Constant::Integer(value) => pl::lit(*value).cast(data_type(ty)),
        Constant::Decimal(value) | Constant::Multiple(value) => decimal(*value, ty),
        Constant::Date(date) => day(*date),
        Constant::Moment(moment) => instant(*moment),
        Constant::Today(_) | Constant::Newest(..) | Constant::Datetime(_) | Constant::Now => {
            unreachable!("a bound plan has moments and days")
        }
        Constant::Duration(micros) => pl::lit(*micros).cast(data_type(Type::Duration)),
        Constant::Months(months) => pl::lit(format!("{months}mo")),
        Constant::Weekday(day) => pl::lit(weekday(*day)).cast(data_type(ty)),
        Constant::Text(text) => pl::lit(text.as_str()),
        Constant::Bool(value) => pl::lit(*value),
        Constant::Unknown => null(ty),
    }
}

/// The number of a day of the week, 1 for Monday.
pub fn weekday(day: Day) -> i32 {
    day as i32
}

/// Unknown, of that type.
pub fn null(ty: Type) -> pl::Expr {
    pl::lit(pl::Null {}).cast(data_type(ty))
}

/// A scalar of the engine as an expression.
pub fn scalar(value: pl::Scalar) -> pl::Expr {
    pl::lit(value)
}

fn decimal(value: Decimal, ty: Type) -> pl::Expr {
    match ty {
        Type::Money(_) => {
            let scale = u32::try_from(MONEY_SCALE).unwrap_or(6);
            let mut value = value;
            value.rescale(scale);
            scalar(pl::Scalar::new_decimal(value.mantissa(), PRECISION, MONEY_SCALE))
        }
        _ => pl::lit(nearest_float(value)),
    }
}

/// The float nearest to a decimal.
fn nearest_float(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// Days since 1970, as the engine counts them.
pub fn day(date: Date) -> pl::Expr {
    let epoch = Date::constant(1970, 1, 1);
    let days = (date - epoch).get_days();
    pl::lit(days).cast(pl::DataType::Date)
}

/// A moment.
pub fn instant(moment: Timestamp) -> pl::Expr {
    pl::lit(moment.as_microsecond()).cast(data_type(Type::Datetime))
}
