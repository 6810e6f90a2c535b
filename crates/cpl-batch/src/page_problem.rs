//! What can be wrong with the pages of a server's answer: rows would be missing, or there twice.

use serde::{Deserialize, Serialize};

/// Why pages can't be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        /// Its address, without its query; none where it is no address.
        to: Option<String>,
    },
    /// A page follows one that holds fewer records than a page is said to.
    ShortPage {
        /// How many records that one holds.
        records: u64,
        /// How many a page is said to hold.
        limit: u32,
    },
    /// The number of all records changes from one page to the next.
    OtherTotal {
        /// What the pages before said.
        before: u64,
        /// The number in this one.
        now: u64,
    },
    /// What leads to the next page is neither a text nor a number.
    NoCursor {
        /// What it is, as JSON.
        found: String,
    },
    /// The number of all records is not there, or none.
    NoTotal {
        /// What stands there, as JSON.
        found: Option<String>,
    },
    /// A path by which pages go on finds nothing, and the answer says that there are more.
    MorePages {
        /// Where it says so.
        place: String,
    },
    /// There are no more pages, and more or fewer records than there are said to be.
    RecordCount {
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
