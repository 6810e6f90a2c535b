//! What is read of a database, and where its rows go.

use std::{borrow::Cow, time::Duration};

use cpl_batch::{Batch, DatabaseProblem, Field, Problem};
use tokio::{sync::mpsc, time::Instant};

use crate::{address::Database, query::Query};

/// What is read of a database.
pub struct Read {
    /// Which.
    pub database: Database,
    /// The query.
    pub query: Query,
    /// The wanted columns of its result.
    pub fields: Vec<Field>,
    /// Rows that do not fit are rejected.
    pub skip_bad: bool,
    /// When all reads of a run end, and how long they have together.
    pub deadline: (Instant, Duration),
}

/// What was found besides the rows.
#[derive(Debug, Default)]
pub struct Found {
    /// Of each wanted column, whether the result has it.
    pub columns: Vec<bool>,
}

/// What comes of a read.
pub enum Message {
    Batch(Batch),
    Failed(Problem),
    End(Found),
}

/// Where batches go.
#[derive(Clone)]
pub struct Sink(pub mpsc::Sender<Message>);

/// Nobody takes any more of a read.
pub struct Gone;

impl Sink {
    /// Hands a batch on, where there is one.
    pub async fn hand(&self, batch: Option<Batch>) -> Result<(), Gone> {
        match batch {
            Some(batch) => self.0.send(Message::Batch(batch)).await.map_err(|_| Gone),
            None => Ok(()),
        }
    }

    /// The same, on a thread that may wait.
    pub fn hand_blocking(&self, batch: Option<Batch>) -> Result<(), Gone> {
        match batch {
            Some(batch) => self.0.blocking_send(Message::Batch(batch)).map_err(|_| Gone),
            None => Ok(()),
        }
    }
}

/// What a driver says went wrong.
pub fn problem(error: &sqlx::Error) -> Problem {
    let why = || innermost(error);
    Problem::Database(match error {
        sqlx::Error::Database(refused) => DatabaseProblem::Refused {
            code: refused.code().map(Cow::into_owned),
            message: refused.message().to_owned(),
        },
        sqlx::Error::Tls(_) => DatabaseProblem::Untrusted { why: why() },
        sqlx::Error::Io(_) | sqlx::Error::Configuration(_) => DatabaseProblem::Unreachable { why: why() },
        _ => DatabaseProblem::Broken { why: why() },
    })
}

/// The cause behind all others: the library's own words tell little.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

pub fn broken(why: String) -> Problem {
    Problem::Database(DatabaseProblem::Broken { why })
}
