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
    }
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings.dedup();
    spellings
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
    spellings.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"))
}
