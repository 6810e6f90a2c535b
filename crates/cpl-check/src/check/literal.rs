//! Literals: text becomes an exact value with its unit.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, Unit, Word},
};
use rust_decimal::Decimal;

use super::{Checker, state::reporter::Checked};
use cpl_model::{
    program::{Constant, Expr, ExprKind},
    types::Type,
};

/// Decimal places of money.
pub const MONEY_DIGITS: u32 = 6;
/// The largest amount, ahead of the point, that a literal may hold.
const MAX_WHOLE: i64 = 1_000_000_000_000_000;

/// The longest length of time whose microseconds can be counted; no calendar is that long.
const MAX_DAYS: i64 = i64::MAX / 86_400_000_000;

impl Checker<'_> {
    pub(super) fn literal(&mut self, literal: &tree::Literal, span: Span) -> Checked<Expr> {
        use tree::Literal as L;
        let (constant, ty) = match literal {
            L::Number(digits) => self.number(digits, span)?,
            L::Percent(digits) | L::Points(digits) => {
                let amount = self.decimal(digits, span)?;
                (Constant::Decimal(amount / Decimal::ONE_HUNDRED), Type::Ratio)
            }
            L::Times(digits) => (Constant::Multiple(self.decimal(digits, span)?), Type::Ratio),
            L::Money(digits, currency) => {
                (Constant::Decimal(self.money(digits, span)?), Type::Money((*currency).into()))
            }
            L::Duration(length, unit) => (self.duration(*length, *unit, span)?, Type::Duration),
            L::Date(written) => (Constant::Date(self.parsed(written, span, "no such day")?), Type::Date),
            L::Datetime(written) => (Constant::Datetime(self.parsed(written, span, "no such moment")?), Type::Datetime),
            L::Clock(_) => {
                return self.refuse(Code::E0103, "a clock time can't stand here", span, "wanted: a value of the row");
            }
            L::Bool(value) => (Constant::Bool(*value), Type::Bool),
            L::Weekday(day) => (Constant::Weekday(*day), Type::Weekday),
            L::Word(Word::Now) => (Constant::Now, Type::Datetime),
            L::Word(Word::Today) => (Constant::Today(0), Type::Date),
            L::Word(Word::Yesterday) => (Constant::Today(-1), Type::Date),
        };
        Ok(Expr::new(ExprKind::Constant(constant), ty, false, span))
    }

    fn duration(&mut self, length: u32, unit: Unit, span: Span) -> Checked<Constant> {
        let seconds = match unit {
            Unit::Month => return Ok(Constant::Months(i32::try_from(length).unwrap_or(i32::MAX))),
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
            Unit::Week => 604_800,
        };
        match i64::from(length) * seconds {
            seconds if seconds <= MAX_DAYS * 86_400 => Ok(Constant::Duration(seconds * 1_000_000)),
            _ => self.refuse(Code::E0103, "no calendar is that long", span, format!("at most {MAX_DAYS} days")),
        }
    }

    fn number(&mut self, digits: &str, span: Span) -> Checked<(Constant, Type)> {
        if digits.contains('.') {
            return Ok((Constant::Decimal(self.decimal(digits, span)?), Type::Number));
        }
        self.no_leading_zero(span)?;
        match digits.parse::<i64>() {
            Ok(whole) if whole <= MAX_WHOLE => Ok((Constant::Integer(whole), Type::Count)),
            _ => self.too_large(span),
        }
    }

    fn decimal(&mut self, digits: &str, span: Span) -> Checked<Decimal> {
        self.no_leading_zero(span)?;
        match Decimal::from_str_exact(digits) {
            Ok(amount) if amount <= Decimal::from(MAX_WHOLE) => Ok(amount),
            _ => self.too_large(span),
        }
    }

    fn money(&mut self, digits: &str, span: Span) -> Checked<Decimal> {
        let amount = self.decimal(digits, span)?;
        if amount.normalize().scale() > MONEY_DIGITS {
            return self.refuse(Code::E0103, "money has at most six decimals", span, "too many digits");
        }
        Ok(amount)
    }

    /// Reports leading zeros, as in `007` and `0_30`: the digits before them may be missing.
    fn no_leading_zero(&mut self, span: Span) -> Checked<()> {
        let written = self.written(span);
        let digits = written.trim_start_matches(['$', '€', '£', '¥']);
        if !(digits.starts_with('0') && digits[1..].starts_with(|next: char| next.is_ascii_digit() || next == '_')) {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(Code::E0103, "a number does not begin with 0");
        let diagnostic = diagnostic.at(span, "is it the rest of a larger one?");
        let date = written.len() == 2 && self.input.text[span.end..].starts_with('/');
        let help = "thousands are set apart by `_`: `1_000`";
        self.fail(diagnostic.help(if date { "a date is written `2026-11-01`" } else { help }))
    }

    fn too_large<T>(&mut self, span: Span) -> Checked<T> {
        self.refuse(Code::E0103, "the number is too large", span, "at most 1000000 billion, and 28 digits in all")
    }

    fn parsed<T: std::str::FromStr>(&mut self, written: &str, span: Span, why: &str) -> Checked<T> {
        match written.parse() {
            Ok(value) => Ok(value),
            Err(_) => self.refuse(Code::E0103, format!("there is no {written}"), span, why),
        }
    }
}
