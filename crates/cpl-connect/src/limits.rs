//! How long servers are waited for, and how much they may answer.

use std::time::Duration;

use cpl_model::program::{ConnectorLimits, ErrorInside};

/// From so many bytes on a page is large: none is requested ahead of it, and several threads read it.
pub const LARGE_PAGE: usize = 2 << 20;

/// The limits of one read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a server may be silent, before and within its answer.
    pub silence: Duration,
    /// How long one attempt may take, to the end of its answer.
    pub attempt: Duration,
    /// The most bytes of an answer, unpacked.
    pub answer_bytes: u64,
    /// How often a read is sent at most.
    pub attempts: u32,
    /// How long the second attempt waits at most; each further one waits four times as long.
    pub first_wait: Duration,
    /// How long all attempts of one read wait together, also where the server wants more.
    pub waits: Duration,
}

impl Limits {
    /// Those of an API, with what its file says of them.
    #[must_use]
    pub fn of(connector: &ConnectorLimits, errors: &[ErrorInside]) -> Self {
        let usual = Self::default();
        let longest_wait = errors.iter().filter_map(|error| error.wait).max().unwrap_or_default();
        Self {
            silence: connector.timeout.unwrap_or(usual.silence),
            // A moment later: a server that says nothing at all is silent, and the request is sent again.
            attempt: connector.timeout.map_or(usual.attempt, |time| time.saturating_add(Duration::from_secs(1))),
            answer_bytes: connector.body.unwrap_or(usual.answer_bytes),
            // The waits that the file names are waited for.
            waits: usual.waits.max(longest_wait.saturating_mul(usual.attempts)),
            ..usual
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            attempt: Duration::from_mins(5),
            answer_bytes: 64 << 20,
            attempts: 4,
            first_wait: Duration::from_millis(300),
            waits: Duration::from_mins(1),
        }
    }
}
