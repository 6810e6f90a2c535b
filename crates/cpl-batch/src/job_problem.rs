//! What can be wrong with a long report: it is begun, polled until it is there, and read then.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a long report can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobProblem {
    /// The answer to the request that begins it has no name by which it could be polled.
    NoName {
        /// Where the name is looked for.
        path: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// An answer does not tell how far it is.
    NoState {
        /// Where that is looked for.
        path: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// The server could not make it.
    Failed {
        /// How far the server says it is.
        state: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// The run's time would be over before it is polled again.
    NotReady {
        /// How far the server says it is.
        state: String,
        /// How long all servers together may take.
        limit: Duration,
    },
    /// It is done, and its address is missing.
    NoAddress {
        /// Where its address is looked for.
        path: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// It is at an address that others could read on its way, or at none.
    Address {
        /// The address, without its query; none where it is no address.
        to: Option<String>,
    },
    /// Something else than a report is where it should be.
    OtherType {
        /// The type that the server names.
        content_type: String,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// It is packed, and can't be unpacked.
    Packed {
        /// Why.
        why: String,
    },
}
