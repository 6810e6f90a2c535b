//! What can be wrong with a server, or with its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{job_problem::JobProblem, page_problem::PageProblem};

/// Why there is no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerProblem {
    /// No connection came about at last: nobody listens there, there is no such name, or it can't prove who it is.
    Unreachable {
        /// Why.
        why: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// It can't prove who it is.
    Untrusted {
        /// Why.
        why: String,
    },
    /// It did not answer in time.
    Silent {
        /// After how many seconds the last attempt was given up.
        seconds: u64,
        /// How often the request was sent.
        attempts: u32,
    },
    /// It did not come to the end of its answer in time.
    Slow {
        /// After how many seconds it was given up.
        seconds: u64,
    },
    /// The run's time was over before all was read.
    OutOfTime {
        /// How long all servers together may take.
        limit: Duration,
    },
    /// The connection broke off, or what came can't be unpacked.
    Broken {
        /// Why.
        why: String,
        /// How often the request was sent.
        attempts: u32,
    },
    /// It refuses by its status.
    Refused {
        /// The status (RFC 9110).
        status: u16,
        /// The beginning of what it says.
        excerpt: String,
        /// How often the request was sent.
        attempts: u32,
    },
    /// It says to wait for longer than a run waits.
    Busy {
        /// The status.
        status: u16,
        /// How many seconds.
        seconds: u64,
    },
    /// It sends elsewhere, and is not followed there.
    Moved {
        /// The address, without its query.
        to: String,
    },
    /// It sends from one address to another, without an end.
    SentAround {
        /// How often it was followed.
        times: usize,
    },
    /// What it answers is no JSON, or not all of it.
    NoJson {
        /// Why.
        why: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// Its answer has no records where they are looked for: it may tell of an error.
    NoRecords {
        /// Paths to the lists that it has.
        found: Vec<String>,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// Its answer holds an error.
    Failed {
        /// The status.
        status: u16,
        /// The error's text.
        message: Option<String>,
        /// The error's code.
        code: Option<String>,
        /// The beginning of the answer.
        excerpt: String,
        /// How often the request was sent.
        attempts: u32,
    },
    /// The server of tokens, another one than the API's, gives none.
    Token {
        /// Its address.
        at: String,
        /// Why.
        cause: Box<ServerProblem>,
    },
    /// A server of tokens answers without one.
    NoToken {
        /// The names of what it answers; what they stand for may be secret.
        found: Vec<String>,
    },
    /// Another address than the first one of a read gives the problem.
    At {
        /// That address, without its query.
        at: String,
        /// The problem.
        cause: Box<ServerProblem>,
    },
    /// Its long report can't be read.
    Job(JobProblem),
    /// Its pages do not go on as they should.
    Pages(PageProblem),
    /// A value of a column that would be shown holds a secret that it was sent.
    RepeatsSecret {
        /// The column.
        column: String,
    },
    /// It answers something else than JSON.
    OtherType {
        /// The type that it names.
        content_type: String,
        /// The beginning of the answer.
        excerpt: String,
    },
}
