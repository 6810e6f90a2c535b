//! A date, a time or a moment, as it is typed.

use cpl_model::clock::AsOf;

/// What `--as-of`, `--since` and `--until` take.
///
/// # Errors
/// What is wanted instead.
pub fn as_of(text: &str) -> Result<AsOf, String> {
    let wanted = || "wanted: 2026-11-20, 2026-11-20T09:30 or 2026-11-20T09:30Z".to_owned();
    let text = text.trim();
    let (Some(date), Some(time)) = (text.get(..10), text.get(10..)) else { return Err(wanted()) };
    let is_date = date
        .bytes()
        .enumerate()
        .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if !is_date || time.contains('[') {
        return Err(wanted());
    }
    let zoned = time.contains(['Z', 'z', '+', '-']);
    // The window's end must have a date too.
    if date.starts_with("9999-12") {
        return Err("no calendar goes on behind that: wanted a date such as 2026-11-20".to_owned());
    }
    match time {
        "" => text.parse().map(AsOf::Date).map_err(|_| wanted()),
        _ if zoned => text.parse().map(AsOf::Moment).map_err(|_| wanted()),
        _ => text.parse().map(AsOf::Datetime).map_err(|_| wanted()),
    }
}
