//! How a file writes its numbers, where it does not write them plainly: with another decimal sign, with signs that set
//! digits apart in threes, with the currency next to an amount, in brackets where it is negative.

/// Blanks that spreadsheets put into numbers: no-break, narrow no-break and thin ones.
const BLANKS: [char; 3] = ['\u{a0}', '\u{202f}', '\u{2009}'];
/// The mathematical minus.
const MINUS: char = '\u{2212}';

/// How the numbers of a text table are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// What stands before decimals: `.` or `,`.
    pub decimal: u8,
    /// What sets digits apart in threes; a blank stands for blanks that do not break a line too.
    pub thousands: Option<char>,
}

impl Notation {
    /// Writes the number plainly, with a point and without signs between its digits, behind what `out` holds; none where
    /// it is not written so.
    pub fn plain(&self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (mut at, mut digits, mut grouped) = (0, 0usize, false);
        let (mut before_decimals, mut begins_with_zero) = (true, false);
        while let Some(byte) = text.get(at) {
            match byte {
                b'0'..=b'9' => {
                    begins_with_zero |= digits == 0 && !grouped && before_decimals && *byte == b'0';
                    digits += 1;
                    out.push(*byte);
                }
                _ if *byte == self.decimal && before_decimals => {
                    before_decimals = ends_whole(grouped, digits)?;
                    out.push(b'.');
                }
                b'+' | b'-' if at == 0 => out.push(*byte),
                b'e' | b'E' | b'+' | b'-' if digits > 0 => {
                    before_decimals = before_decimals && ends_whole(grouped, digits)?;
                    out.push(*byte);
                }
                _ => {
                    let length = self.thousands_sign(&text[at..]).filter(|_| before_decimals)?;
                    // Ahead of the first sign stand one to three digits, between two signs three.
                    // Nobody groups the digits of 0: `0.500` is a half, written the other way.
                    let fits = if grouped { digits == 3 } else { (1..=3).contains(&digits) && !begins_with_zero };
                    (grouped, digits) = (fits.then_some(true)?, 0);
                    at += length;
                    continue;
                }
            }
            at += 1;
        }
        if before_decimals {
            ends_whole(grouped, digits)?;
        }
        Some(())
    }

    /// How many bytes the sign takes that sets digits apart, if one stands here.
    fn thousands_sign(&self, rest: &[u8]) -> Option<usize> {
        let sign = self.thousands?;
        let starts = |sign: char| {
            let mut buffer = [0; 4];
            let bytes = sign.encode_utf8(&mut buffer).as_bytes();
            rest.starts_with(bytes).then_some(bytes.len())
        };
        match sign {
            ' ' => starts(' ').or_else(|| BLANKS.into_iter().find_map(starts)),
            '\'' => starts('\'').or_else(|| starts('\u{2019}')),
            sign => starts(sign),
        }
    }
}

/// The whole part ends here: nothing of it is left. None where its last digits are no three.
fn ends_whole(grouped: bool, digits: usize) -> Option<bool> {
    (!grouped || digits == 3).then_some(false)
}

/// A text without blanks around it, of whatever kind.
#[must_use]
pub fn trimmed(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    // Most texts are of ASCII.
    while let Some(rest) = BLANKS.iter().find_map(|blank| strip(text, *blank)) {
        text = rest.trim_ascii();
    }
    text
}

fn strip(text: &[u8], blank: char) -> Option<&[u8]> {
    let mut buffer = [0; 4];
    let bytes = blank.encode_utf8(&mut buffer).as_bytes();
    text.strip_prefix(bytes).or_else(|| text.strip_suffix(bytes))
}

/// Whether it begins with a minus, and what is left without its sign.
#[must_use]
pub fn signed(text: &[u8]) -> (bool, &[u8]) {
    let mut buffer = [0; 4];
    let minus = MINUS.encode_utf8(&mut buffer).as_bytes();
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => text.strip_prefix(minus).map_or((false, text), |rest| (true, rest)),
    }
}

/// The digits of an amount that bears its currency on either side, or stands in round brackets where it is negative, and
/// whether it is negative. `signs` are those of the currency, a longer one ahead of one that it begins with.
#[must_use]
pub fn undecorated<'t>(text: &'t [u8], signs: &[String]) -> Option<(bool, &'t [u8])> {
    let text = trimmed(text);
    let inner = text.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")"));
    let (before, mut digits) = signed(inner.map_or(text, trimmed));
    digits = trimmed(digits);
    for sign in signs {
        if let Some(rest) = digits.strip_prefix(sign.as_bytes()) {
            digits = trimmed(rest);
            break;
        }
    }
    let (behind, rest) = signed(digits);
    digits = trimmed(rest);
    for sign in signs {
        if let Some(rest) = digits.strip_suffix(sign.as_bytes()) {
            digits = trimmed(rest);
            break;
        }
    }
    // One sign of a negative amount is enough, and it begins with a digit.
    let minuses = u8::from(before) + u8::from(behind) + u8::from(inner.is_some());
    let begins = digits.first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
    (minuses <= 1 && begins).then_some((minuses == 1, digits))
}

/// Whether a number looks as if its point set digits apart in threes: `1.234`.
#[must_use]
pub fn looks_grouped(text: &[u8]) -> bool {
    let (_, digits) = signed(text);
    let Some(point) = digits.iter().position(|byte| *byte == b'.') else { return false };
    let are_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let (whole, decimals) = (&digits[..point], &digits[point + 1..]);
    (1..=3).contains(&point) && whole[0] != b'0' && decimals.len() == 3 && are_digits(whole) && are_digits(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(decimal: u8, thousands: Option<char>, text: &str) -> Option<String> {
        let mut out = Vec::new();
        Notation { decimal, thousands }.plain(text.as_bytes(), &mut out)?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn numbers_are_written_plainly_or_refused() {
        // The text; with decimal commas and points for thousands; with points and commas.
        let table = [
            ("1.234,50", Some("1234.50"), None),
            ("1,234.50", None, Some("1234.50")),
            ("1.310", Some("1310"), Some("1.310")),
            ("1,310", Some("1.310"), Some("1310")),
            ("1234,5", Some("1234.5"), None),
            ("1234.5", None, Some("1234.5")),
            ("12.34", None, Some("12.34")),
            ("1.2345", None, Some("1.2345")),
            ("1234.567", None, Some("1234.567")),
            ("1.234.567,8", Some("1234567.8"), None),
            ("1.234567", None, Some("1.234567")),
            ("-1.234", Some("-1234"), Some("-1.234")),
            ("+12", Some("+12"), Some("+12")),
            (".5", None, Some(".5")),
            (",5", Some(".5"), None),
            ("1..234", None, None),
            ("0.500", None, Some("0.500")),
            ("0,123", Some("0.123"), None),
            ("001,234", Some("001.234"), None),
            ("-0.125", None, Some("-0.125")),
            ("0", Some("0"), Some("0")),
            ("10.000", Some("10000"), Some("10.000")),
            ("1.234,5,6", None, None),
            ("1,5.234", None, None),
            ("1.5e3", None, Some("1.5e3")),
            ("1,5e3", Some("1.5e3"), None),
            ("--", None, None),
            ("1 234", None, None),
        ];
        for (text, commas, points) in table {
            assert_eq!(plain(b',', Some('.'), text).as_deref(), commas, "{text} with decimal commas");
            assert_eq!(plain(b'.', Some(','), text).as_deref(), points, "{text} with decimal points");
        }
    }

    #[test]
    fn blanks_and_apostrophes_set_digits_apart() {
        for text in ["1 234 567,5", "1\u{a0}234\u{a0}567,5", "1\u{202f}234\u{202f}567,5", "1\u{2009}234 567,5"] {
            assert_eq!(plain(b',', Some(' '), text).as_deref(), Some("1234567.5"), "{text}");
        }
        assert_eq!(plain(b'.', Some('\''), "1'234.5").as_deref(), Some("1234.5"));
        assert_eq!(plain(b'.', Some('\''), "1\u{2019}234.5").as_deref(), Some("1234.5"));
        assert_eq!(plain(b',', Some(' '), "1 23"), None);
        assert_eq!(plain(b',', None, "1.234"), None);
    }

    #[test]
    fn amounts_bear_their_own_currency() {
        let signs = ["US$", "USD", "$"].map(str::to_owned);
        let table = [
            ("$12.50", Some((false, "12.50"))),
            ("12.50 $", Some((false, "12.50"))),
            ("US$12", Some((false, "12"))),
            ("USD 12", Some((false, "12"))),
            ("12 USD", Some((false, "12"))),
            ("$12 USD", Some((false, "12"))),
            ("-$12", Some((true, "12"))),
            ("$-12", Some((true, "12"))),
            ("\u{2212}12", Some((true, "12"))),
            ("($12)", Some((true, "12"))),
            ("(12.5)", Some((true, "12.5"))),
            ("( 12 )", Some((true, "12"))),
            ("\u{a0}12\u{a0}USD", Some((false, "12"))),
            ("(-12)", None),
            ("-$-12", None),
            ("€12", None),
            ("EUR 12", None),
            ("$", None),
            ("()", None),
            ("(12", None),
            ("12 dollars", Some((false, "12 dollars"))),
        ];
        for (text, wanted) in table {
            let found = undecorated(text.as_bytes(), &signs);
            assert_eq!(found, wanted.map(|(minus, digits)| (minus, digits.as_bytes())), "{text}");
        }
    }

    #[test]
    fn what_looks_grouped() {
        for (text, wanted) in [
            ("1.234", true),
            ("123.456", true),
            ("-1.234", true),
            ("1234.567", false),
            ("0.234", false),
            ("1.23", false),
            ("1.2345", false),
            ("1234", false),
            (".234", false),
            ("1.23x", false),
        ] {
            assert_eq!(looks_grouped(text.as_bytes()), wanted, "{text}");
        }
    }
}
