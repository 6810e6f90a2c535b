//! `rows until "Total"`: where the rows of a table end, and what stands behind them.

use memchr::{memchr, memchr_iter, memmem};

use crate::record::{blank_line, field};

/// The offset of the first row whose first field that is not empty begins so.
pub fn rows_end(bytes: &[u8], text: &str, separator: u8) -> Option<usize> {
    // Few blocks hold the text at all.
    let first = memmem::find(bytes, text.as_bytes())?;
    let quoted = memchr(b'"', bytes).is_some();
    // Without quotes a row begins behind each line's end.
    let mut at = if quoted { 0 } else { memchr::memrchr(b'\n', &bytes[..first]).map_or(0, |end| end + 1) };
    while at < bytes.len() {
        if begins_so(bytes, at, text, separator) {
            return Some(at);
        }
        at = next_row(bytes, at, separator, quoted);
    }
    None
}

fn begins_so(bytes: &[u8], mut at: usize, text: &str, separator: u8) -> bool {
    loop {
        let Ok((read, next)) = field(bytes, at, separator) else { return false };
        let known = read.bytes.trim_ascii();
        if !known.is_empty() || read.last {
            return known.starts_with(text.as_bytes());
        }
        at = next;
    }
}

/// Where the row after this one begins.
fn next_row(bytes: &[u8], mut at: usize, separator: u8, quoted: bool) -> usize {
    if !quoted {
        return memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
    }
    loop {
        match field(bytes, at, separator) {
            Ok((read, next)) if read.last => return next,
            Ok((_, next)) => at = next,
            // What is wrong there is reported when the row is read.
            Err(_) => return bytes.len(),
        }
    }
}

/// How many rows there are, blank lines not counted.
pub fn count_rows(bytes: &[u8], separator: u8) -> u64 {
    let quoted = memchr(b'"', bytes).is_some();
    if !quoted && !bytes.starts_with(b"\n") && memmem::find(bytes, b"\n\n").is_none() && memchr(b'\r', bytes).is_none()
    {
        let open = !bytes.is_empty() && !bytes.ends_with(b"\n");
        return memchr_iter(b'\n', bytes).count() as u64 + u64::from(open);
    }
    let (mut at, mut rows) = (0, 0);
    while at < bytes.len() {
        match blank_line(bytes, at) {
            Some(next) => at = next,
            None => {
                at = next_row(bytes, at, separator, quoted);
                rows += 1;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_begins_so() {
        let table = [
            ("a,1\nTotal,2\n", Some(4)),
            ("a,1\n Total,2\n", Some(4)),
            ("a,1\n,,Total: 5\n", Some(4)),
            ("a,1\n\"Total, all\",2\n", Some(4)),
            ("\"x\nTotal\",1\nTotal,2\n", Some(12)),
            ("a,Total\nb,1\n", None),
            ("Totals,1\n", Some(0)),
            ("a,1\nSubTotal,1\n", None),
            ("a,1\ntotal,1\n", None),
            ("a,1\n", None),
            ("a,Total\r\n\r\nTotal,1\r\n", Some(11)),
        ];
        for (text, wanted) in table {
            assert_eq!(rows_end(text.as_bytes(), "Total", b','), wanted, "{text:?}");
        }
    }

    #[test]
    fn rows_are_counted_without_blank_lines() {
        for (text, wanted) in [
            ("", 0),
            ("a", 1),
            ("a\n", 1),
            ("a\n\nb\n", 2),
            ("\na\n", 1),
            ("\"a\nb\",1\nc,2", 2),
            ("a\r\n\r\nb", 2),
            ("\"a", 1),
        ] {
            assert_eq!(count_rows(text.as_bytes(), b','), wanted, "{text:?}");
        }
    }
}
