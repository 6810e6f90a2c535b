//! What can be wrong with a server, or with its answer.

/// Why there is no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerProblem {
    /// No connection came about at last: nobody listens there, there is no such name, or it can't prove who it is.
    Unreachable {
        /// Why.
        why: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// It did not answer in time.
    Silent {
        /// After how many seconds the last attempt was given up.
        seconds: u64,
        /// How often it was asked.
        attempts: u32,
    },
    /// The connection broke off, or what came can't be unpacked.
    Broken {
        /// Why.
        why: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// It says by its status that it does not do what is asked.
    Refused {
        /// The status (RFC 9110).
        status: u16,
        /// The beginning of what it says.
        excerpt: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// It asks to wait for longer than a run waits.
    Busy {
        /// The status.
        status: u16,
        /// How many seconds it asks for.
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
    /// It tells of an error inside its answer.
    Failed {
        /// The status.
        status: u16,
        /// The error's text.
        message: Option<String>,
        /// The error's code.
        code: Option<String>,
        /// The beginning of the answer.
        excerpt: String,
        /// How often it was asked.
        attempts: u32,
    },
    /// A page leads to one that was there before, or is one.
    PageTwice,
    /// There are more pages than a read may have.
    ManyPages {
        /// How many it may have.
        most: u32,
    },
    /// The next page is at another server.
    NextElsewhere {
        /// Its address, without its query.
        to: String,
    },
    /// A page follows one that holds fewer records than a page is said to.
    ShortPage {
        /// How many records that one holds.
        records: u64,
        /// How many a page is said to hold.
        limit: u32,
    },
    /// The number of all records becomes smaller from one page to the next.
    FewerRecords {
        /// What the pages before told.
        before: u64,
        /// What this one tells.
        now: u64,
    },
    /// There are no more pages, and not as many records as there are said to be.
    MissingRecords {
        /// How many there are said to be.
        total: u64,
        /// How many came.
        records: u64,
    },
    /// The last record of a page has no value after which the next page would begin.
    NoLastValue {
        /// The path to the value.
        path: String,
    },
    /// It answers something else than JSON.
    OtherType {
        /// The type that it names.
        content_type: String,
        /// The beginning of the answer.
        excerpt: String,
    },
}
