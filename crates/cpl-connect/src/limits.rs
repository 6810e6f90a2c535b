//! How long servers are waited for, and how much they may answer.

use std::time::Duration;

/// The limits of one read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a server may be silent, before and within its answer.
    pub silence: Duration,
    /// How long one attempt may take, to the end of its answer.
    pub attempt: Duration,
    /// How long a connection may take.
    pub connect: Duration,
    /// The most bytes of an answer, unpacked.
    pub answer_bytes: u64,
    /// How often a read is sent at most.
    pub attempts: u32,
    /// How long the second attempt waits at most; each further one waits four times as long.
    pub first_wait: Duration,
    /// How long all attempts of one read wait together, also where the server asks for more.
    pub waits: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            attempt: Duration::from_mins(5),
            connect: Duration::from_secs(10),
            answer_bytes: 64 << 20,
            attempts: 4,
            first_wait: Duration::from_millis(300),
            waits: Duration::from_mins(1),
        }
    }
}
