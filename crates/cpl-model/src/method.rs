//! The method of a request.

use serde::{Deserialize, Serialize};

/// The method of a request (RFC 9110).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Hands in.
    Post,
    /// Puts in its place.
    Put,
    /// Changes a part (RFC 5789).
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// All of them, by the words of RFC 9110 and RFC 5789.
    pub const ALL: [(&'static str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// The one of that word, in whatever case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, method)| *method)
    }
}
