//! Functions of a row.

use cpl_model::{
    program::{Expr, Function},
    types::Type,
};
use jiff::{ToSpan, civil::Date};
use num_traits::Signed;

use super::{
    Oracle, Val,
    expr::as_type,
    value::{millionth, rational, to_digits},
};

impl Oracle<'_> {
    pub(super) fn function(&self, function: Function, args: &[Expr], values: &[Val], ty: Type) -> Val {
        use Function as F;
        if function == F::If {
            return match values {
                [Val::Bool(true), yes, ..] => as_type(yes.clone(), ty),
                [Val::Bool(false), _, no] => as_type(no.clone(), ty),
                _ => Val::Unknown,
            };
        }
        if values.iter().any(Val::is_unknown) {
            return Val::Unknown;
        }
        let day = |value: &Val| match self.day(value) {
            Val::Date(date) => date,
            _ => Date::ZERO,
        };
        let text = |at: usize| if let Val::Text(text) = &values[at] { text.as_str() } else { "" };
        let whole = |value: i64| Val::Whole(i128::from(value));
        let wall = |value: &Val| match value {
            Val::Moment(moment) => self.program.timezone.to_datetime(*moment),
            _ => Date::ZERO.at(0, 0, 0, 0),
        };
        match (function, &values[0]) {
            (F::Abs, Val::Money(value)) => Val::Money(value.abs()),
            (F::Abs, Val::Whole(value)) => Val::Whole(value.abs()),
            (F::Abs, Val::Float(value)) => Val::Float(value.abs()),
            (F::Round | F::Floor | F::Ceil, Val::Whole(_)) => values[0].clone(),
            (F::Round, Val::Money(value)) => Val::Money(to_digits(value, digits(values), false)),
            (F::Round, Val::Float(value)) => {
                let scale = 10f64.powi(i32::try_from(digits(values)).unwrap_or(0));
                Val::Float((value * scale).round() / scale)
            }
            (F::Floor, Val::Money(value)) => Val::Money(value.floor()),
            (F::Ceil, Val::Money(value)) => Val::Money(value.ceil()),
            (F::Floor, Val::Float(value)) => Val::Float(value.floor()),
            (F::Ceil, Val::Float(value)) => Val::Float(value.ceil()),
            (F::Least | F::Greatest, _) => {
                let all = values.iter().map(|value| as_type(value.clone(), ty));
                let best = if function == F::Least { all.min_by(Val::order) } else { all.max_by(Val::order) };
                best.unwrap_or(Val::Unknown)
            }
            (F::Sqrt, value) => match value.float() {
                Some(value) if value >= 0.0 => Val::Float(value.sqrt()),
                _ => Val::Unknown,
            },
            (F::Number, value) => value.float().map_or(Val::Unknown, Val::Float),
            (F::Lower, _) => Val::Text(text(0).to_lowercase()),
            (F::Upper, _) => Val::Text(text(0).to_uppercase()),
            (F::Trim, _) => Val::Text(text(0).trim().to_owned()),
            (F::Contains, _) => Val::Bool(text(0).contains(text(1))),
            (F::StartsWith, _) => Val::Bool(text(0).starts_with(text(1))),
            (F::EndsWith, _) => Val::Bool(text(0).ends_with(text(1))),
            (F::Replace, _) => Val::Text(text(0).replace(text(1), text(2))),
            (F::DateOf, value) => self.day(value),
            (F::WeekdayOf, value) => Val::Weekday(day(value).weekday().to_monday_one_offset()),
            (F::Year, value) => whole(day(value).year().into()),
            (F::MonthOf, value) => whole(day(value).month().into()),
            (F::DayOfMonth, value) => whole(day(value).day().into()),
            (F::DaysInMonth, value) => whole(day(value).days_in_month().into()),
            (F::MonthStart, value) => Val::Date(day(value).first_of_month()),
            (F::WeekStart, value) => {
                let (day, back) = (day(value), day(value).weekday().to_monday_zero_offset());
                Val::Date(day.saturating_sub(jiff::Span::new().days(back)))
            }
            (F::QuarterStart, value) => {
                let day = day(value);
                Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).map_or(Val::Unknown, Val::Date)
            }
            (F::DaysBetween, _) => whole((day(&values[1]) - day(&values[0])).get_days().into()),
            (F::HourOf, value) => whole(wall(value).hour().into()),
            (F::HourStart, Val::Moment(moment)) => {
                // By the clock on the wall, which stays in its own side of a change.
                let into = wall(&values[0]).minute();
                let seconds = i64::from(into) * 60 + i64::from(wall(&values[0]).second());
                let micros = moment.as_microsecond() - seconds * 1_000_000;
                let start = jiff::Timestamp::from_microsecond(micros - micros.rem_euclid(1_000_000));
                // Where the clock is moved by half an hour, an hour begins with the change.
                let change =
                    self.program.timezone.preceding(*moment + 1.nanosecond()).next().map(|found| found.timestamp());
                start.map_or(Val::Unknown, |start| Val::Moment(change.map_or(start, |change| start.max(change))))
            }
            (F::HoursBetween, Val::Moment(from)) => match &values[1] {
                Val::Moment(to) => Val::Float(
                    super::value::float_of_whole(i128::from(to.as_microsecond() - from.as_microsecond())) / 3.6e9,
                ),
                _ => Val::Unknown,
            },
            (F::UnixSeconds, Val::Moment(moment)) => whole(moment.as_microsecond().div_euclid(1_000_000)),
            (F::Micros, Val::Money(value)) => minor(value, 6),
            (F::Cents, Val::Money(value)) => minor(value, cents(args[0].ty)),
            (F::Convert, Val::Money(value)) => {
                values[1].exact().map_or(Val::Unknown, |rate| Val::Money(millionth(&(value * rate))))
            }
            _ => Val::Unknown,
        }
    }
}

fn cents(ty: Type) -> u32 {
    if let Type::Money(of) = ty { of.minor_digits() } else { 0 }
}

/// In units of 10 to the minus `digits`, half to even.
fn minor(value: &super::Rational, digits: u32) -> Val {
    let units = to_digits(value, digits, true) * rational(10i128.pow(digits), 1);
    Val::Whole(units.to_integer().try_into().unwrap_or(0))
}

fn digits(values: &[Val]) -> u32 {
    match values.get(1) {
        Some(Val::Whole(digits)) => u32::try_from(*digits).unwrap_or(0),
        _ => 0,
    }
}
