//! Values: bytes → numbers, amounts and dates, exactly or not at all.

use std::borrow::Cow;

use jiff::{
    Timestamp, ZonedDateTime,
    civil::{Date, DateTime, Weekday},
    fmt::strtime::BrokenDownTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// The largest amount, ahead of the point, that a value may hold: sums of billions of them stay exact.
const MAX_WHOLE: i128 = 1_000_000_000_000_000;
/// Dates are those of four digits' years.
const MIN_YEAR: i16 = 1000;
/// Digits after the point that money keeps.
const MONEY_DIGITS: i64 = 6;

/// `true`, `False`, `1`, `0`.
#[must_use]
pub fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if text.eq_ignore_ascii_case(b"true") => Some(true),
        _ if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// A whole number; `12.0` is one.
#[must_use]
pub fn whole(text: &[u8], negative: bool) -> Option<i64> {
    let (minus, digits) = sign(text);
    let mut value: i64 = 0;
    let mut at = 0;
    while let Some(digit) = digits.get(at).filter(|byte| byte.is_ascii_digit()) {
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        at += 1;
    }
    let zeros = match &digits[at..] {
        [] => true,
        [b'.', rest @ ..] => !rest.is_empty() && rest.iter().all(|byte| *byte == b'0'),
        _ => false,
    };
    let fits = at > 0 && zeros && i128::from(value) <= MAX_WHOLE && (negative || !minus || value == 0);
    fits.then_some(if minus { -value } else { value })
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A float by its nearest value; no `inf`, no `NaN`, nothing beyond 10^15.
#[expect(clippy::cast_precision_loss, reason = "a bound, not a value")]
#[must_use]
pub fn float(text: &[u8]) -> Option<f64> {
    if !text.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    // 0 has no sign: two that are equal are one in keys.
    (value.abs() <= MAX_WHOLE as f64).then_some(value + 0.0)
}

/// `3.2` and `3.2%` are 0.032, to the nearest float.
#[must_use]
pub fn percent(text: &[u8]) -> Option<f64> {
    let digits = text.strip_suffix(b"%").unwrap_or(text);
    if digits.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return float(digits).map(|value| value / 100.0);
    }
    float(&[digits, b"e-2"].concat())
}

/// An amount in millionths and whether digits were rounded away (half to even); none where it is no amount.
/// A 1 in the text stands for 10 to the minus `shift`.
#[must_use]
pub fn money(text: &[u8], shift: u32) -> Option<(i128, bool)> {
    let (minus, digits) = sign(text);
    let (mut value, mut point, mut decimals, mut seen, mut sticky) = (0i128, false, 0i64, false, Sticky::Nothing);
    let mut exponent = 0i64;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                // More digits than any amount needs: they only decide how the last one is rounded.
                if value > MAX_WHOLE * 1_000_000_000_000 {
                    if !point {
                        return None;
                    }
                    sticky = sticky.then(*byte);
                    continue;
                }
                value = value * 10 + i128::from(byte - b'0');
                decimals += i64::from(point);
            }
            b'.' if !point => point = true,
            b'e' | b'E' if seen => {
                exponent = std::str::from_utf8(&digits[at + 1..]).ok()?.parse::<i16>().ok()?.into();
                break;
            }
            _ => return None,
        }
    }
    if !seen {
        return None;
    }
    let up = MONEY_DIGITS - decimals - i64::from(shift) + exponent;
    let (value, rounded) = scaled(value, up, sticky)?;
    (value <= MAX_WHOLE * 1_000_000).then_some((if minus { -value } else { value }, rounded))
}

/// The same where the text is plain: at most 15 digits, at most six of them after the point.
#[must_use]
pub fn plain_money(text: &[u8], shift: u32) -> Option<i128> {
    const DIGITS: usize = 15;
    const POWERS: [i64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
    let (minus, digits) = sign(text);
    if digits.is_empty() || digits.len() > DIGITS {
        return None;
    }
    let (mut value, mut point) = (0i64, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + i64::from(digit);
        } else if *byte == b'.' && point.is_none() && at > 0 {
            point = Some(at);
        } else {
            return None;
        }
    }
    let decimals = point.map_or(0, |point| digits.len() - point - 1);
    let up = POWERS.len().checked_sub(1 + decimals + shift as usize)?;
    let amount = i128::from(value) * i128::from(POWERS[up]);
    Some(if minus { -amount } else { amount })
}

/// What was left out after the digits that were kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sticky {
    Nothing,
    Something,
}

impl Sticky {
    fn then(self, digit: u8) -> Self {
        if digit == b'0' { self } else { Self::Something }
    }
}

/// `value` × 10^`up`, half to even where digits are left out.
fn scaled(value: i128, up: i64, sticky: Sticky) -> Option<(i128, bool)> {
    if value == 0 {
        return Some((0, sticky == Sticky::Something));
    }
    if up >= 0 {
        let factor = 10i128.checked_pow(u32::try_from(up).ok()?)?;
        return Some((value.checked_mul(factor)?, sticky == Sticky::Something));
    }
    let Some(divisor) = u32::try_from(-up).ok().and_then(|down| 10i128.checked_pow(down)) else {
        return Some((0, true));
    };
    let (kept, rest) = (value / divisor, value % divisor);
    let above = rest > divisor / 2 || (rest == divisor / 2 && (sticky == Sticky::Something || kept % 2 == 1));
    Some((kept + i128::from(above), rest != 0 || sticky == Sticky::Something))
}

/// Days since 1970.
#[must_use]
pub fn date(text: &[u8], pattern: Option<&str>) -> Option<i32> {
    let day = match pattern {
        None => iso_date(text)?,
        Some(pattern) => first_day(BrokenDownTime::parse(pattern, text).ok()?)?,
    };
    known_day(day)
}

/// The day that was read; of only a month or a week its first.
#[must_use]
pub fn first_day(mut parts: BrokenDownTime) -> Option<Date> {
    if let Ok(day) = parts.to_date() {
        return Some(day);
    }
    if parts.iso_week().is_some() {
        parts.set_weekday(Some(Weekday::Monday));
    } else if parts.day().is_none() {
        parts.set_day(Some(1)).ok()?;
    }
    parts.to_date().ok()
}

/// The day of a moment in a zone: days since 1970.
#[must_use]
pub fn day_of(text: &[u8], pattern: &str, zone: &TimeZone) -> Option<i32> {
    let micros = datetime(text, Some(pattern), zone)?;
    known_day(Timestamp::from_microsecond(micros).ok()?.to_zoned_datetime(zone.clone()).date())
}

/// A year of two digits is not one of the first century.
fn known_day(day: Date) -> Option<i32> {
    (day.year() >= MIN_YEAR).then(|| days_since_epoch(day))
}

/// `2026-11-20`, nothing else.
fn iso_date(text: &[u8]) -> Option<Date> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let year = i16::try_from(digits(&[*y0, *y1, *y2, *y3])?).ok()?;
    let (month, day) = (digits(&[*m0, *m1])?, digits(&[*d0, *d1])?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn digits(text: &[u8]) -> Option<i32> {
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0')))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, `days_from_civil`).
fn days_since_epoch(day: Date) -> i32 {
    let (month, of_month) = (i32::from(day.month()), i32::from(day.day()));
    let year = i32::from(day.year()) - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Microseconds since 1970; in `zone` where the value names none.
#[must_use]
pub fn datetime(text: &[u8], pattern: Option<&str>, zone: &TimeZone) -> Option<i64> {
    let moment = match pattern {
        Some(pattern) => {
            let parts = BrokenDownTime::parse(pattern, with_offset(pattern, text)).ok()?;
            match parts.to_timestamp() {
                Ok(moment) if parts.offset().is_some() => moment,
                _ if parts.iana_time_zone().is_some() => parts.to_zoned_datetime().ok()?.timestamp(),
                _ => local(parts.to_datetime().ok()?, zone)?,
            }
        }
        None => iso_datetime(text, zone)?,
    };
    within_years(moment)
}

/// ISO 8601 writes the offset of UTC as `Z` too, which strftime's `%z` does not know: as digits.
fn with_offset<'t>(pattern: &str, text: &'t [u8]) -> Cow<'t, [u8]> {
    let offset: &[u8] = if pattern.ends_with("%:z") {
        b"+00:00"
    } else if pattern.ends_with("%z") {
        b"+0000"
    } else {
        return text.into();
    };
    text.strip_suffix(b"Z").map_or(text.into(), |clock| [clock, offset].concat().into())
}

/// Microseconds since 1970, of years of four digits.
fn within_years(moment: Timestamp) -> Option<i64> {
    let year = moment.to_zoned_datetime(TimeZone::UTC).year();
    (year >= MIN_YEAR).then(|| moment.as_microsecond())
}

/// Whether a text is a clock time that its zone leaves out.
#[must_use]
pub fn is_skipped(text: &[u8], pattern: Option<&str>, zone: &TimeZone) -> bool {
    let time: Option<DateTime> = match pattern {
        Some(pattern) => BrokenDownTime::parse(pattern, text).ok().and_then(|parts| parts.to_datetime().ok()),
        None => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
    };
    time.is_some_and(|time| matches!(zone.to_ambiguous_timestamp(time).offset(), AmbiguousOffset::Gap { .. }))
}

fn iso_datetime(text: &[u8], zone: &TimeZone) -> Option<Timestamp> {
    let time = text.get(10..)?;
    if !matches!(time.first(), Some(b'T' | b't' | b' ')) || iso_date(&text[..10]).is_none() {
        return None;
    }
    let zoned = time.iter().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
    let text = std::str::from_utf8(text).ok()?;
    let (clock, offset) = time.split_at(zoned.unwrap_or(time.len()));
    // A leap second has no moment of its own, and no zone is further from UTC than 18 hours.
    let far: Vec<u8> = offset.iter().copied().filter(u8::is_ascii_digit).chain(*b"0000").take(4).collect();
    if clock.get(7..9) == Some(b"60") || clock.get(5..7) == Some(b"60") || digits(&far) > Some(1800) {
        return None;
    }
    if text.contains('[') {
        return text.parse().ok().map(|zoned: ZonedDateTime| zoned.timestamp());
    }
    if zoned.is_some() { text.parse().ok() } else { local(text.parse().ok()?, zone) }
}

/// A clock time in a zone: the first of two, none in a gap.
fn local(time: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => None,
        _ => ambiguous.earlier().ok(),
    }
}

/// Microseconds since 1970 out of whole seconds or milliseconds.
#[must_use]
pub fn unix(text: &[u8], per_second: i64) -> Option<i64> {
    let micros = whole(text, true)?.checked_mul(1_000_000 / per_second)?;
    within_years(Timestamp::from_microsecond(micros).ok()?)
}

/// 1 for Monday to 7 for Sunday.
#[must_use]
pub fn weekday(text: &[u8]) -> Option<i32> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let at = DAYS
        .iter()
        .position(|day| text.eq_ignore_ascii_case(day.as_bytes()) || text.eq_ignore_ascii_case(&day.as_bytes()[..3]))?;
    i32::try_from(at + 1).ok()
}
