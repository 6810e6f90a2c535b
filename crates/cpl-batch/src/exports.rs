//! How exports write days, clocks and what is not there: what a message or a guess proposes. Readers only take patterns.

/// Patterns of days.
pub const DAYS: [&str; 19] = [
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d-%m-%Y",
    "%Y-%m",
    "%G-W%V",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%B %Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%b-%y",
    "%b %d %Y",
];

/// Patterns of clock times behind a day.
const CLOCKS: [&str; 4] = [" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p"];

/// Patterns of moments; ISO 8601 needs none, but for an offset without a colon or a zone's name.
pub fn moments() -> impl Iterator<Item = String> {
    let zoned = ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S %Q", "%Y-%m-%dT%H:%M:%S%z"].map(str::to_owned);
    DAYS.iter().flat_map(|day| CLOCKS.iter().map(move |clock| format!("{day}{clock}"))).chain(zoned)
}

/// Words that stand for no value, and the errors of a spreadsheet.
const NOTHING: [&str; 19] = [
    "n/a",
    "na",
    "nan",
    "null",
    "none",
    "nil",
    "(not set)",
    "(none)",
    "not available",
    "unknown",
    "missing",
    "#n/a",
    "#div/0!",
    "#value!",
    "#ref!",
    "#name?",
    "#num!",
    "#null!",
    "#error!",
];

/// Whether a text stands for no value: such a word, a sign, or a bound of a number that is not given.
#[must_use]
pub fn is_nothing(text: &str) -> bool {
    let text = text.trim();
    let is_sign = !text.contains(char::is_alphanumeric) && text.chars().count() <= 3;
    NOTHING.contains(&text.to_lowercase().as_str()) || is_sign || text.starts_with(['<', '>'])
}
