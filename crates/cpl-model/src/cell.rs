//! Values as a person writes them in a table: as the report shows them, or raw.

use jiff::{civil::DateTime, tz::TimeZone};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

use cpl_syntax::tree::{Currency, Day};

use crate::{
    program::Cell,
    types::{Denomination, Type},
    value::Value,
};

impl Cell {
    /// What a text is as a value of that type; an empty one is unknown, and none is what does not fit.
    #[must_use]
    pub fn of(text: &str, ty: Type, zone: &TimeZone) -> Option<Self> {
        let plain = if ty.is_amount() { ungrouped(text)? } else { text.to_owned() };
        let digits = |number: &str| {
            let behind = number.split_once('.').map_or("", |(_, behind)| behind);
            u32::try_from(behind.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or(0)
        };
        let (value, digits) = match ty {
            // Of texts, only an empty cell is none: `unknown` may be one.
            _ if text.is_empty() || (text == "unknown" && !matches!(ty, Type::Text | Type::Personal)) => {
                (Value::Unknown, 0)
            }
            Type::Text | Type::Personal => (Value::Text(text.to_owned()), 0),
            Type::Bool => (Value::Bool(text.parse().ok()?), 0),
            Type::Weekday => (Value::Weekday(Day::ALL.into_iter().find(|day| day.word() == text)?), 0),
            Type::Count => (Value::Integer(plain.parse().ok().filter(|count| *count >= 0)?), 0),
            Type::Integer => (Value::Integer(plain.parse().ok()?), 0),
            Type::Number => (Value::Number(Decimal::from_str_exact(&plain).ok()?.to_f64()?), digits(&plain)),
            Type::Ratio => {
                let (number, scale) = match (plain.strip_suffix('%'), plain.strip_suffix('x')) {
                    (Some(percent), _) => (percent, 2),
                    (_, Some(times)) => (times, 0),
                    _ => (plain.as_str(), 0),
                };
                let mut ratio = Decimal::from_str_exact(number).ok()?;
                let behind = digits(number) + scale;
                ratio.set_scale(ratio.scale() + scale).ok()?;
                (Value::Ratio(ratio.to_f64()?), behind)
            }
            Type::Money(of) => (Value::Money(amount(&plain, of)?, of), digits(&plain)),
            Type::Date => (Value::Date(text.parse().ok()?), 0),
            Type::Datetime => (Value::Datetime(moment(text, zone)?, zone.clone()), 0),
            Type::Duration => (Value::Duration(length(text)?), 0),
        };
        Some(Self { text: text.to_owned(), value, digits })
    }

    /// Whether a value is the same, at the digits that are written.
    #[must_use]
    pub fn is(&self, found: &Value) -> bool {
        let round =
            |amount: Decimal| amount.round_dp_with_strategy(self.digits, RoundingStrategy::MidpointAwayFromZero);
        match (&self.value, found) {
            (Value::Money(wanted, _), Value::Money(found, _)) => round(*found) == round(*wanted),
            (Value::Number(wanted) | Value::Ratio(wanted), Value::Number(found) | Value::Ratio(found)) => {
                // Half of the last digit, and a part in a billion for what floats can't hold.
                let half = 0.5 * 10f64.powi(-i32::try_from(self.digits).unwrap_or(0));
                (wanted - found).abs() <= half + 1e-9 * wanted.abs().max(found.abs())
            }
            (wanted, found) => same(wanted, found),
        }
    }
}

/// Whether two values are one, floats to one part in a billion.
#[must_use]
pub fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Money(wanted, of), Value::Money(found, other)) => wanted == found && of == other,
        (Value::Number(wanted), Value::Number(found)) | (Value::Ratio(wanted), Value::Ratio(found)) => {
            (wanted - found).abs() <= 1e-9 * wanted.abs().max(found.abs())
        }
        (wanted, found) => wanted.raw() == found.raw() && wanted.is_unknown() == found.is_unknown(),
    }
}

/// A number without the commas between its groups of three; none where they stand elsewhere.
fn ungrouped(text: &str) -> Option<String> {
    if text.contains(',') {
        let whole = text.split('.').next().unwrap_or_default();
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default().trim_start_matches(|c: char| !c.is_ascii_digit());
        let three = |group: &str| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
        let rest = groups.all(three) && text.matches(',').count() == whole.matches(',').count();
        if !rest || first.is_empty() || first.len() > 3 {
            return None;
        }
    }
    Some(text.replace(',', ""))
}

/// `$1,234.50` and `-$5` without commas, `30 EUR`, `120.00`; a sign of another currency does not fit.
fn amount(text: &str, of: Denomination) -> Option<Decimal> {
    let (minus, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let fits = |currency: Option<Currency>| match (currency, of) {
        (None, _) => false,
        (Some(currency), Denomination::One(own)) => currency == own,
        (Some(_), Denomination::Of(_)) => true,
    };
    let sign = rest.chars().next().filter(|sign| !sign.is_ascii_digit() && *sign != '.' && *sign != '-');
    let number = match (sign, rest.rsplit_once(' ')) {
        (Some(sign), _) => fits(Currency::of_sign(sign)).then(|| &rest[sign.len_utf8()..])?,
        (None, Some((number, code))) => fits(Currency::of_code(code)).then_some(number)?,
        (None, None) => rest,
    };
    let amount =
        Decimal::from_str_exact(number).ok().filter(|amount| amount.scale() <= 6 && !number.starts_with('-'))?;
    Some(if minus { -amount } else { amount })
}

/// `2026-11-19 07:00`, `2026-11-19T07:00:30`, in the zone; with an offset, that.
fn moment(text: &str, zone: &TimeZone) -> Option<jiff::Timestamp> {
    let iso = text.replacen(' ', "T", 1);
    if let Ok(moment) = iso.parse() {
        return Some(moment);
    }
    let local: DateTime = iso.parse().ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// `3 days`, in microseconds.
fn length(text: &str) -> Option<i64> {
    let (number, unit) = text.split_once(' ')?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "day" => 86_400,
        "hour" => 3_600,
        "minute" => 60,
        "second" => 1,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(seconds * 1_000_000)
}
