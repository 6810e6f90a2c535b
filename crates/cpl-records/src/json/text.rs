//! Values of JSON as texts, for columns and for messages.

use std::borrow::Cow;

use serde_json::Value;

/// The most characters of an invalid value in a message.
const SHOWN: usize = 60;

/// The message of a JSON error, without its position, which is reported separately.
#[must_use]
pub fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// A value as a text: none where it is missing, an error where it is a list or an object.
pub fn text(value: &Value) -> Result<Option<Cow<'_, str>>, String> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.as_str().into()),
        Value::Bool(yes) => Some(if *yes { "true" } else { "false" }.into()),
        Value::Array(_) | Value::Object(_) => return Err(shown(&value.to_string())),
    })
}

/// A value as messages show it.
pub fn shown(value: &str) -> String {
    let compact = serde_json::from_str::<Value>(value).map_or_else(|_| value.to_owned(), |value| value.to_string());
    if compact.chars().count() <= SHOWN {
        return compact;
    }
    format!("{}…", compact.chars().take(SHOWN).collect::<String>())
}
