//! What others say, without the secrets that they were sent.

use crate::secret::Secret;

/// A text without secrets, however they are spelled in it.
#[must_use]
pub fn without_secrets(secrets: &[Secret], text: &str) -> String {
    strike_out(&spellings(secrets), text)
}

/// The secrets as a server may spell them, the longest first: as they are, as JSON, with `/` as `\/`, and as a part of an
/// address.
pub fn spellings(secrets: &[Secret]) -> Vec<String> {
    let mut spellings = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.is_hidden()).map(Secret::expose) {
        let json = serde_json::Value::from(secret).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let address: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let escaped = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
        spellings.extend([secret.to_owned(), json.replace('/', "\\/"), json, escaped]);
        spellings.extend([lower_case_escapes(&address), address.replace('+', "%20"), address]);
        spellings.extend(in_address(secret));
    }
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings.dedup();
    spellings
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

/// An answer without the secrets in its texts and names. What is a number in JSON stays one.
pub fn answer_without(secrets: &[Secret], answer: Vec<u8>) -> Vec<u8> {
    let mut spellings = spellings(secrets);
    spellings.retain(|spelling| serde_json::from_str::<serde_json::Value>(spelling).is_err());
    match String::from_utf8(answer) {
        Ok(text) => strike_out(&spellings, &text).into_bytes(),
        Err(error) => error.into_bytes(),
    }
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
    }
}
