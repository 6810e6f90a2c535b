//! Functions of a row.

use cpl_model::{
    program::{Constant, Expr, ExprKind, Function},
    types::Type,
};
use polars::prelude as pl;

use super::{
    Translator,
    finite::finite,
    literal::null,
    money::{self, To},
    quotient::quotient,
};
use crate::engine::{data_type, hour_start};

impl Translator<'_> {
    pub(super) fn function(&self, function: Function, args: &[Expr], ty: Type) -> pl::Expr {
        use Function as F;
        let first = || self.expr(&args[0]);
        let part = || self.expr(&args[1]);
        let whole = pl::DataType::Int64;
        match function {
            F::Abs => first().abs(),
            F::Round => rounded(first(), digits(args.get(1)), ty),
            F::Floor => stepped(first(), ty, false),
            F::Ceil => stepped(first(), ty, true),
            F::Least | F::Greatest => self.extreme(function == F::Least, args, ty),
            F::Sqrt => {
                let value = self.as_float(&args[0]);
                pl::when(value.clone().gt_eq(pl::lit(0.0))).then(value.sqrt()).otherwise(null(ty))
            }
            F::Number => self.as_float(&args[0]),
            F::If => self.choice(args, ty),
            F::Lower => first().str().to_lowercase(),
            F::Upper => first().str().to_uppercase(),
            F::Trim => first().str().strip_chars(pl::lit(pl::Null {})),
            F::Contains => first().str().contains_literal(part()),
            F::StartsWith => first().str().starts_with(part()),
            F::EndsWith => first().str().ends_with(part()),
            F::DateOf => self.date_of(&args[0]),
            F::WeekdayOf => self.date_of(&args[0]).dt().weekday().cast(data_type(ty)),
            F::Year => self.date_of(&args[0]).dt().year().cast(whole),
            F::MonthOf => self.date_of(&args[0]).dt().month().cast(whole),
            F::DayOfMonth => self.date_of(&args[0]).dt().day().cast(whole),
            F::WeekStart => self.date_of(&args[0]).dt().truncate(pl::lit("1w")),
            F::MonthStart => self.date_of(&args[0]).dt().truncate(pl::lit("1mo")),
            F::DaysBetween => {
                let (from, to) = (self.date_of(&args[0]), self.date_of(&args[1]));
                (to.cast(pl::DataType::Int32) - from.cast(pl::DataType::Int32)).cast(whole)
            }
            F::DaysInMonth => {
                let month = self.date_of(&args[0]).dt().truncate(pl::lit("1mo"));
                let next = month.clone().dt().offset_by(pl::lit("1mo"));
                (next.cast(pl::DataType::Int32) - month.cast(pl::DataType::Int32)).cast(whole)
            }
            F::QuarterStart => self.date_of(&args[0]).dt().truncate(pl::lit("1q")),
            F::HourOf => self.local(first()).dt().hour().cast(whole),
            // By the clock on the wall: zones are not all whole hours apart.
            F::HourStart => hour_start(first(), self.zone).cast(data_type(Type::Datetime)),
            F::HoursBetween => {
                let micros = part().cast(whole.clone()) - first().cast(whole);
                quotient(micros, pl::lit(3_600_000_000i64))
            }
            F::UnixSeconds => first().cast(whole).floor_div(pl::lit(1_000_000i64)),
            F::Replace => first().str().replace_all(part(), self.expr(&args[2]), true),
            F::Micros => minor(first(), 6),
            F::Cents => minor(first(), minor_digits(args[0].ty)),
            F::Convert => money::multiply(first(), self.as_float(&args[1])),
        }
    }

    /// Unknown where the condition is, or where it is not true and nothing else is offered.
    fn choice(&self, args: &[Expr], ty: Type) -> pl::Expr {
        let condition = self.expr(&args[0]);
        let yes = self.as_type(&args[1], ty);
        let no = match args.get(2) {
            Some(no) => self.as_type(no, ty),
            None => null(ty),
        };
        pl::when(condition.clone()).then(yes).when(condition.not()).then(no).otherwise(null(ty))
    }

    /// The least or greatest; unknown where one of them is.
    fn extreme(&self, least: bool, args: &[Expr], ty: Type) -> pl::Expr {
        let mut best = self.as_type(&args[0], ty);
        for arg in &args[1..] {
            let next = self.as_type(arg, ty);
            let better = if least { next.clone().lt(best.clone()) } else { next.clone().gt(best.clone()) };
            best = pl::when(better.clone()).then(next).when(better.not()).then(best).otherwise(null(ty));
        }
        best
    }
}

fn minor_digits(ty: Type) -> u32 {
    if let Type::Money(currency) = ty { currency.minor_digits() } else { 0 }
}

/// Money in units of 10 to the minus `digits`, half to even.
fn minor(amount: pl::Expr, digits: u32) -> pl::Expr {
    let rounded = money::rounded(amount, digits, To::Even);
    super::narrow(rounded * pl::lit(10i64.pow(digits)))
}

fn digits(arg: Option<&Expr>) -> u32 {
    match arg.map(|arg| &arg.kind) {
        Some(ExprKind::Constant(Constant::Integer(digits))) => u32::try_from(*digits).unwrap_or(0),
        _ => 0,
    }
}

/// Halves away from zero.
fn rounded(value: pl::Expr, digits: u32, ty: Type) -> pl::Expr {
    if data_type(ty) == pl::DataType::Int64 {
        return value;
    }
    if matches!(ty, Type::Money(_)) {
        return money::rounded(value, digits, To::Away);
    }
    finite(value.round(digits, pl::RoundMode::HalfAwayFromZero)).cast(data_type(ty))
}

fn stepped(value: pl::Expr, ty: Type, up: bool) -> pl::Expr {
    if data_type(ty) == pl::DataType::Int64 {
        return value;
    }
    if matches!(ty, Type::Money(_)) {
        return money::rounded(value, 0, if up { To::Above } else { To::Below });
    }
    finite(if up { value.ceil() } else { value.floor() }).cast(data_type(ty))
}
