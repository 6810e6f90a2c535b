//! What comes back of a request.

use jiff::SignedDuration;

/// What came back of a request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No connection was made: nothing left.
    NotSent(String),
    /// It left, and nobody knows what became of it.
    Lost(String),
    /// It was carried out, the server says.
    Success,
    /// It was not, and it will not be.
    Refused(String),
    /// The thing is no longer as the request says.
    Superseded(String),
    /// It was not, and it may be later; after that time, where the server names one.
    Later(Option<SignedDuration>, String),
    /// A request of the same key is under way.
    InFlight,
}

/// What a thing's value is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The value before the change.
    Before,
    /// The value that the change leaves.
    After,
    /// Another one.
    Other(String),
    /// It could not be read.
    Unread(String),
}

impl Answer {
    /// By the status of an answer (RFC 9110, RFC 6585, RFC 8470); `has_key` says whether the server knows requests by their keys.
    #[must_use]
    pub fn of_status(status: u16, retry_after: Option<SignedDuration>, has_key: bool) -> Self {
        let text = format!("HTTP {status}");
        match status {
            200..=299 => Self::Success,
            409 if has_key => Self::InFlight,
            412 => Self::Superseded(text),
            425 | 429 | 503 => Self::Later(retry_after, text),
            300..=499 => Self::Refused(text),
            _ => Self::Lost(text),
        }
    }
}
