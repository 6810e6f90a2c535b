//! What the name of a column says.

/// The words of a name, in small letters: `CustomerID`, `customer_id` and `customer id` are the same.
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before: Option<char> = None;
    for letter in name.chars() {
        let begins = letter.is_uppercase() && before.is_some_and(char::is_lowercase);
        if !letter.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before = Some(letter);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether one of the words of a name is one of these.
pub fn says(name: &str, any: &[&str]) -> bool {
    words(name).iter().any(|word| any.contains(&word.as_str()))
}

/// Whether a column's values name things: no sum of them means anything.
pub fn is_id(name: &str) -> bool {
    says(name, &["id", "ids", "code", "zip", "postcode", "phone", "sku"])
}

/// Whether a column's values name currencies: `currency`, `currencyCode`, `original_currency`.
pub fn is_currency(name: &str) -> bool {
    name.to_lowercase().contains("currency")
}

#[cfg(test)]
mod tests {
    use super::{is_id, words};

    #[test]
    fn a_name_has_words() {
        for (name, parts) in [
            ("CustomerID", "customer id"),
            ("_fivetran_synced", "fivetran synced"),
            ("Avg. CPC", "avg cpc"),
            ("lastSizeChangeAt", "last size change at"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), parts, "{name}");
        }
        assert!(is_id("portalId") && is_id("ad id") && !is_id("paid") && !is_id("video_plays"));
    }
}
