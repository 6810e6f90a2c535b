//! What can be wrong with a database, or with a query of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why there are no rows, or not all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatabaseProblem {
    /// It can't be reached.
    Unreachable {
        /// Why.
        why: String,
    },
    /// The connection can't be encrypted, or the server can't prove who it is.
    Untrusted {
        /// Why.
        why: String,
    },
    /// It refuses the login, or the query.
    Refused {
        /// Its code, such as a SQLSTATE.
        code: Option<String>,
        /// What it says.
        message: String,
    },
    /// The query gives no rows, and may do something else.
    NoQuery,
    /// It does not know the zone in which the moments of the query are meant.
    Zone {
        /// The zone.
        zone: String,
    },
    /// The connection broke off, or something came that is no answer.
    Broken {
        /// Why.
        why: String,
    },
    /// The run's time was over before all rows were read.
    OutOfTime {
        /// How long all servers together may take.
        limit: Duration,
    },
}
