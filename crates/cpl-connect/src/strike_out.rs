//! What others say, without the secrets that they were sent.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::secret::{SHORTEST_TOLD, Secret};

/// A text without secrets, however they are spelled in it.
#[must_use]
pub fn without_secrets(secrets: &[Secret], text: &str) -> String {
    strike_out(&spellings(secrets), text)
}

/// The secrets as a server may spell them, the longest first: as they are, as JSON, also with `/` as `\/` or of ASCII only, as
/// HTML or XML, and as a part of an address.
pub fn spellings(secrets: &[Secret]) -> Vec<String> {
    let mut spellings = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.is_hidden()).map(Secret::expose) {
        let json = serde_json::Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let address: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let escaped = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
        spellings.extend([
            of_ascii(&json),
            of_ascii(&escaped),
            in_markup(secret, "&#39;"),
            in_markup(secret, "&apos;"),
        ]);
        spellings.extend([secret.to_owned(), json.replace('/', "\\/"), json, escaped]);
        spellings.extend([lower_case_escapes(&address), address.replace('+', "%20"), address]);
        spellings.extend(in_address(secret));
    }
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings.dedup();
    spellings
}

/// Looks for secrets in the values of rows.
#[derive(Debug)]
pub struct SecretSearch(Vec<Finder<'static>>);

impl SecretSearch {
    /// For those that are long enough not to be found in words and numbers that have nothing to do with them.
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let spellings = spellings(secrets).into_iter().filter(|spelling| spelling.len() >= SHORTEST_TOLD);
        Self(spellings.map(|spelling| Finder::new(spelling.as_bytes()).into_owned()).collect())
    }

    /// Where a text holds one, in bytes.
    pub fn find_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.0
            .iter()
            .flat_map(|secret| secret.find_iter(text.as_bytes()).map(|start| start..start + secret.needle().len()))
    }
}

/// A text of JSON in which only ASCII is written as it is (RFC 8259, 7).
fn of_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            text.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// A text in HTML or XML.
fn in_markup(text: &str, quote: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;").replace('\'', quote)
}

/// As it stands in an address that somebody wrote as it is: only what can't stand there is escaped.
fn in_address(secret: &str) -> impl Iterator<Item = String> {
    let mut url = url::Url::parse("http://a/").ok();
    if let Some(url) = &mut url {
        url.set_path(secret);
        url.set_query(Some(secret));
    }
    let path = url.as_ref().map(|url| url.path().trim_start_matches('/').to_owned());
    let query = url.as_ref().and_then(url::Url::query).map(str::to_owned);
    path.into_iter().chain(query).filter(|spelling| !spelling.is_empty())
}

/// An address whose escapes are written as `%2b`.
fn lower_case_escapes(address: &str) -> String {
    let mut parts = address.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_at_checked(2) {
        Some((digits, rest)) => format!("{text}%{}{rest}", digits.to_ascii_lowercase()),
        None => format!("{text}%{part}"),
    })
}

pub fn strike_out(spellings: &[String], text: &str) -> String {
    let struck = spellings.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"));
    // A text that was shortened may end within a secret.
    match text.strip_suffix('…') {
        Some(_) => format!("{}…", without_begun(spellings, struck.trim_end_matches('…'))),
        None => struck,
    }
}

/// A text without the beginning of a secret at its end.
fn without_begun<'t>(spellings: &[String], text: &'t str) -> &'t str {
    /// Fewer letters of a secret tell nothing of it.
    const TELLING: usize = 4;
    let begun = |spelling: &String| {
        let lengths = (TELLING..spelling.len()).rev().filter(|length| spelling.is_char_boundary(*length));
        lengths.into_iter().find(|length| text.ends_with(&spelling[..*length]))
    };
    let longest = spellings.iter().filter_map(begun).max().unwrap_or(0);
    &text[..text.len() - longest]
}

/// An answer without secrets: of JSON in its texts and names, so that it stays JSON.
pub fn answer_without(secrets: &[Secret], answer: Vec<u8>) -> Vec<u8> {
    let spellings = spellings(secrets);
    match String::from_utf8(answer) {
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() => {
            in_json_texts(&text, |text| strike_out(&spellings, text)).into_bytes()
        }
        Ok(text) => strike_out(&spellings, &text).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// JSON, of which the inside of each text and name is changed.
fn in_json_texts(json: &str, change: impl Fn(&str) -> String) -> String {
    let (mut changed, mut rest) = (String::with_capacity(json.len()), json);
    while let Some((before, behind)) = rest.split_once('"') {
        let mut is_escaped = false;
        let end = behind.find(|letter| {
            let ends = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            ends
        });
        let (inside, behind) = behind.split_at(end.unwrap_or(behind.len()));
        changed.extend([before, "\"", &change(inside), "\""]);
        rest = behind.get(1..).unwrap_or_default();
    }
    changed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(text: &str) -> String {
        without_secrets(&[Secret::new("pass/word+1 x".to_owned())], text)
    }

    #[test]
    fn a_secret_is_struck_out_however_it_is_spelled() {
        for spelled in [
            "pass/word+1 x",
            "pass\\/word+1 x",
            "pass%2Fword%2B1+x",
            "pass%2fword%2b1+x",
            "pass%2Fword%2B1%20x",
            "pass/word+1%20x",
        ] {
            assert_eq!(struck(&format!("it is {spelled}!")), "it is …!", "{spelled}");
        }
    }

    #[test]
    fn other_spellings() {
        let struck = |text: &str| without_secrets(&[Secret::new("pässw&r'd<€𝄞".to_owned())], text);
        for spelled in [
            "pässw&r'd<€𝄞",
            "p\\u00e4ssw&r'd<\\u20ac\\ud834\\udd1e",
            "p\\u00e4ssw\\u0026r'd\\u003c\\u20ac\\ud834\\udd1e",
            "pässw&amp;r&#39;d&lt;€𝄞",
            "pässw&amp;r&apos;d&lt;€𝄞",
        ] {
            assert_eq!(struck(&format!("it is {spelled}!")), "it is …!", "{spelled}");
        }
    }

    #[test]
    fn the_beginning_of_a_secret_is_struck_out_where_a_text_was_shortened() {
        assert_eq!(struck("it is pass/wo…"), "it is …");
        assert_eq!(struck("it is pass…"), "it is …");
        assert_eq!(struck("it is pa…"), "it is pa…");
        assert_eq!(struck("it is pass"), "it is pass");
    }

    #[test]
    fn an_answer_stays_json() {
        let secrets = [Secret::new("123".to_owned()), Secret::new("abc".to_owned())];
        let answer = answer_without(&secrets, br#"{"abc": 123, "b": "abcd"}"#.to_vec());
        assert_eq!(String::from_utf8(answer).as_deref(), Ok(r#"{"…": 123, "b": "…d"}"#));
        let answer =
            answer_without(&secrets, br#"[{"123": "x123", "c": "a\"123", "d": 1234, "e": "\\", "f": "abc"}]"#.to_vec());
        let wanted = r#"[{"…": "x…", "c": "a\"…", "d": 1234, "e": "\\", "f": "…"}]"#;
        assert_eq!(String::from_utf8(answer).as_deref(), Ok(wanted));
        let answer = answer_without(&secrets, b"id,123\n\"abc\",123\n".to_vec());
        assert_eq!(String::from_utf8(answer).as_deref(), Ok("id,…\n\"…\",…\n"));
    }
}
