//! Requests of a connector's endpoint, and how its answers are read.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ConnectorCall, Request};

/// A call of a connector's endpoint, with its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointCall {
    /// The connector, the endpoint and the arguments.
    pub call: ConnectorCall,
    /// What a run requests.
    pub endpoint: Arc<Endpoint>,
}

/// An endpoint of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The request for the first page, or the one that begins a long report; its holes name the endpoint's arguments, and
    /// `NAME.start` and `NAME.end` of a window.
    pub request: Request,
    /// The long report that the request begins; none where the answer to it is the first page.
    pub job: Option<Box<Job>>,
    /// How the records are written.
    pub format: ResultFormat,
    /// The path to an answer's records; none where it is a list of them.
    pub records: Option<String>,
    /// An answer without records may lack the list of them.
    pub records_may_lack: bool,
    /// The name of the zone of its account, where the connector names one.
    pub timezone: Option<String>,
    /// How an answer goes on; none where there is one.
    pub paging: Option<Paging>,
    /// What makes an answer an error, whatever its status.
    pub errors: Vec<ErrorInside>,
    /// The limits of its connector.
    pub limits: ConnectorLimits,
}

/// A long report: it is polled until it is there, and its result is read then.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The path to its name in the answer to the request that begins it.
    pub id: String,
    /// Asks how far it is; the hole `{job}` is its name.
    pub poll: Request,
    /// How long is waited before each of these requests.
    pub every: Option<Duration>,
    /// When it is there.
    pub done: JobState,
    /// When it has failed.
    pub failed: Option<JobState>,
    /// What is read then.
    pub result: JobResult,
}

/// How far a long report is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The path to it.
    pub at: String,
    /// The values, as texts, that mean so.
    pub is: Vec<String>,
}

/// What is read of a long report that is there.
#[derive(Clone, Debug, PartialEq)]
pub enum JobResult {
    /// What is at an address, which may be another server's: it gets no credentials.
    Address {
        /// The path to the address in the last answer.
        at: String,
        /// A report without rows may have none.
        may_lack: bool,
    },
    /// What this answers; the hole `{job}` is the report's name.
    Request(Box<Request>),
}

impl JobResult {
    /// What reads it, where that is known before the report is there.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Address { .. } => None,
            Self::Request(request) => Some(request),
        }
    }
}

/// How the records of an answer are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultFormat {
    /// One document of JSON.
    #[default]
    Json,
    /// A record of JSON a line.
    Ndjson,
    /// Text with a header.
    Csv,
}

/// How an answer goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// By what the next page is found.
    pub by: PageBy,
    /// The path to what says whether there is more.
    pub more: Option<String>,
    /// The path to the number of all records.
    pub total: Option<String>,
    /// An answer without records may lack that number.
    pub total_may_lack: bool,
}

/// By what the next page is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageBy {
    /// A cursor that stands in the answer.
    Cursor {
        /// The path to it.
        at: String,
        /// The parameter by which it is sent.
        parameter: PageParameter,
    },
    /// A value of the last record, after which the next page begins.
    Last {
        /// The path to it, in each record.
        at: String,
        /// The parameter by which it is sent.
        parameter: PageParameter,
    },
    /// An address that stands in the answer, on the same host.
    Next {
        /// The path to it.
        at: String,
    },
    /// The number of the page.
    Number {
        /// The parameter by which it is sent.
        parameter: PageParameter,
        /// The first page's.
        from: u32,
    },
    /// The number of the records before it.
    Offset {
        /// The parameter by which it is sent.
        parameter: PageParameter,
        /// How many records a page holds.
        limit: u32,
    },
    /// An address that stands in the header `Link` (RFC 8288).
    Link,
    /// None: the first page is all that is wanted.
    First,
}

/// The parameter by which a page is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageParameter {
    /// A parameter of the query.
    Query(String),
    /// A member of the body: its name, behind those of the objects around it.
    Body(Vec<String>),
}

/// An error inside an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInside {
    /// The path to what makes the answer an error.
    pub at: String,
    /// The values, as texts, that make it one; none for any that is something.
    pub values: Option<Vec<String>>,
    /// The path to its text.
    pub message: Option<String>,
    /// The path to its code.
    pub code: Option<String>,
    /// The codes, as texts, after which the same request may be sent again.
    pub retry: Vec<String>,
    /// How long is waited then; none for a moment.
    pub wait: Option<Duration>,
}

/// The limits of an API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorLimits {
    /// At most so many requests in so long.
    pub rate: Option<(u64, Duration)>,
    /// At most so many requests under way at once.
    pub concurrent: Option<u32>,
    /// How long an answer may take.
    pub timeout: Option<Duration>,
    /// The most bytes of an answer, unpacked.
    pub body: Option<u64>,
    /// The most pages of a fetch.
    pub pages: Option<u32>,
}
