//! Fields of a record: RFC 4180, quotes special only where a field begins.

use memchr::{memchr, memchr2};

/// One field, its quotes still on.
#[derive(Clone, Copy, Debug)]
pub struct RawField<'a> {
    /// The bytes between the separators, without the quotes around them.
    pub bytes: &'a [u8],
    /// It contains doubled quotes.
    pub escaped: bool,
    /// It is the last of its record.
    pub last: bool,
}

/// An unclosed quote, or bytes after a closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadQuote {
    Open,
    More,
}

/// Reads the field that begins at `at`; returns it and where the next begins.
pub fn field(bytes: &[u8], at: usize, separator: u8) -> Result<(RawField<'_>, usize), BadQuote> {
    if bytes.get(at) == Some(&b'"') {
        return quoted(bytes, at, separator);
    }
    let rest = &bytes[at..];
    let Some(end) = memchr2(separator, b'\n', rest) else {
        return Ok((RawField { bytes: without_return(rest), escaped: false, last: true }, bytes.len()));
    };
    let last = rest[end] == b'\n';
    let text = if last { without_return(&rest[..end]) } else { &rest[..end] };
    Ok((RawField { bytes: text, escaped: false, last }, at + end + 1))
}

fn quoted(bytes: &[u8], at: usize, separator: u8) -> Result<(RawField<'_>, usize), BadQuote> {
    let start = at + 1;
    let (mut close, mut escaped) = (start, false);
    loop {
        close += memchr(b'"', bytes.get(close..).unwrap_or_default()).ok_or(BadQuote::Open)?;
        if bytes.get(close + 1) != Some(&b'"') {
            break;
        }
        escaped = true;
        close += 2;
    }
    let text = &bytes[start..close];
    match &bytes[close + 1..] {
        [] => Ok((RawField { bytes: text, escaped, last: true }, bytes.len())),
        [b'\n', ..] => Ok((RawField { bytes: text, escaped, last: true }, close + 2)),
        [b'\r', b'\n', ..] => Ok((RawField { bytes: text, escaped, last: true }, close + 3)),
        [b'\r'] => Ok((RawField { bytes: text, escaped, last: true }, bytes.len())),
        [next, ..] if *next == separator => Ok((RawField { bytes: text, escaped, last: false }, close + 2)),
        _ => Err(BadQuote::More),
    }
}

fn without_return(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// The text of a field with doubled quotes made single.
pub fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Where an empty line at `at` ends, if there is one.
pub fn blank_line(bytes: &[u8], at: usize) -> Option<usize> {
    match &bytes[at..] {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}
