//! Values as a run finds them, each with its unit, and how they are shown and written.

use std::{cmp::Ordering, fmt};

use cpl_syntax::tree::Day;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::types::Denomination;

/// One value. `Unknown` is not zero.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Missing, `x / 0`, or computed from such.
    Unknown,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A float.
    Number(f64),
    /// A ratio: 0.032 is 3.2%.
    Ratio(f64),
    /// An exact amount.
    Money(Decimal, Denomination),
    /// A calendar day.
    Date(Date),
    /// A moment and the zone it is shown in.
    Datetime(Timestamp, TimeZone),
    /// A day of the week.
    Weekday(Day),
    /// Text.
    Text(String),
    /// Microseconds.
    Duration(i64),
}

impl Value {
    /// Whether there is none.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Which of two comes first: by size, by time, by letters. Values of unlike types stand side by side.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Number(a) | Self::Ratio(a), Self::Number(b) | Self::Ratio(b)) => a.total_cmp(b),
            (Self::Money(a, _), Self::Money(b, _)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Datetime(a, _), Self::Datetime(b, _)) => a.cmp(b),
            (Self::Weekday(a), Self::Weekday(b)) => (*a as u8).cmp(&(*b as u8)),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    /// As the report shows it, but with all its digits.
    #[must_use]
    pub fn exact(&self) -> String {
        match self {
            Self::Money(amount, currency) => signed(*amount, *currency, &exact(amount.abs(), currency.minor_digits())),
            Self::Number(value) => grouped(&value.to_string()),
            // Ten places tell any two apart that a comparison tells apart.
            Self::Ratio(value) if value.abs() >= 10.0 => format!("{}x", grouped(&rounded(*value, 10))),
            Self::Ratio(value) => format!("{}%", rounded(value * 100.0, 10)),
            other => other.to_string(),
        }
    }

    /// As the report shows it, a ratio as a multiple where it stands next to one such as `4x`.
    #[must_use]
    pub fn shown(&self, multiple: bool) -> String {
        match self {
            Self::Ratio(value) if multiple => format!("{}x", grouped(&rounded(*value, 3))),
            _ => self.to_string(),
        }
    }

    /// The same with all its digits.
    #[must_use]
    pub fn shown_exact(&self, multiple: bool) -> String {
        match self {
            Self::Ratio(value) if multiple => format!("{}x", grouped(&rounded(*value, 10))),
            _ => self.exact(),
        }
    }

    /// The value at full precision, without sign of currency or percent: `120.00`, `0.032`, ISO dates.
    #[must_use]
    pub fn raw(&self) -> String {
        match self {
            Self::Unknown => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Number(value) | Self::Ratio(value) => value.to_string(),
            Self::Money(amount, currency) => exact(*amount, currency.minor_digits()),
            Self::Date(date) => date.to_string(),
            Self::Datetime(moment, zone) => iso(*moment, zone),
            Self::Weekday(day) => day.word().to_owned(),
            Self::Text(text) => text.clone(),
            Self::Duration(micros) => seconds(*micros).to_string(),
        }
    }
}

/// As the report shows it: `$1,234.50`, `3.2%`, `12.3x`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unknown => "unknown".to_owned(),
            Self::Integer(value) => grouped(&value.to_string()),
            Self::Number(value) => grouped(&rounded(*value, if value.abs() < 10.0 { 2 } else { 1 })),
            Self::Ratio(value) if value.abs() >= 10.0 => format!("{}x", grouped(&rounded(*value, 1))),
            Self::Ratio(value) => format!("{}%", rounded(value * 100.0, if value.abs() < 0.1 { 2 } else { 1 })),
            Self::Money(amount, currency) => money(*amount, *currency),
            Self::Datetime(moment, zone) => {
                moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
            }
            Self::Duration(micros) => duration(*micros),
            Self::Text(text) => plain(text),
            other => other.raw(),
        };
        f.pad(&text)
    }
}

/// Raw values for machines; money is text, so that no reader makes a float of it.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Number(value) | Self::Ratio(value) => serializer.serialize_f64(*value),
            Self::Duration(micros) => serializer.serialize_f64(seconds(*micros)),
            other => serializer.serialize_str(&other.raw()),
        }
    }
}

/// A text on one line: signs that would steer a terminal are written out.
fn plain(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let signs = text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
    signs.collect()
}

/// All digits that matter, at least `least` after the point.
fn exact(amount: Decimal, least: u32) -> String {
    let plain = amount.normalize();
    let digits = plain.scale().max(least) as usize;
    format!("{plain:.digits$}")
}

/// Rounded to the minor unit; an amount whose currency stands in another column has up to four digits after the point,
/// as many as the smallest minor unit has.
fn money(amount: Decimal, currency: Denomination) -> String {
    let least = currency.minor_digits();
    let digits = match currency {
        Denomination::One(_) => least,
        Denomination::Of(_) => amount.normalize().scale().clamp(least, 4),
    };
    let rounded = amount.round_dp_with_strategy(digits, rust_decimal::RoundingStrategy::MidpointNearestEven);
    let digits = digits as usize;
    signed(rounded, currency, &format!("{:.digits$}", rounded.abs()))
}

/// `-$1,234.50`: the digits of an amount with its signs.
fn signed(amount: Decimal, currency: Denomination, digits: &str) -> String {
    let sign = if amount.is_sign_negative() && !amount.is_zero() { "-" } else { "" };
    let number = grouped(digits);
    match currency.sign() {
        Some(symbol) => format!("{sign}{symbol}{number}"),
        None => match currency {
            Denomination::One(currency) => format!("{sign}{number} {}", currency.code()),
            // Its currency stands in another column.
            Denomination::Of(_) => format!("{sign}{number}"),
        },
    }
}

fn rounded(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// `1234567.5` → `1,234,567.5`.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{rest}")
}

fn iso(moment: Timestamp, zone: &TimeZone) -> String {
    moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "a float holds microseconds of 285 years exactly")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn duration(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    const HOUR: i64 = 3_600_000_000;
    const MINUTE: i64 = 60_000_000;
    match micros {
        m if m % DAY == 0 => plural(m / DAY, "day"),
        m if m % HOUR == 0 => plural(m / HOUR, "hour"),
        m if m % MINUTE == 0 || m.abs() >= HOUR => plural(m / MINUTE, "minute"),
        m if m.abs() == 1_000_000 => format!("{} second", m / 1_000_000),
        m => format!("{} seconds", rounded(seconds(m), 3)),
    }
}

fn plural(n: i64, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}
