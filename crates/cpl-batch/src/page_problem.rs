//! What can be wrong with the pages of a server's answer: rows would be missing, or there twice.

/// Why pages can't be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageProblem {
    /// A page leads to one that was there before, or is one.
    Twice,
    /// There are more pages than a read may have.
    TooMany {
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
}
