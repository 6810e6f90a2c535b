//! What is read of a database, and where its rows go.

use std::{borrow::Cow, time::Duration};

use cpl_batch::{Batch, DatabaseProblem, Field, Problem};
use cpl_connect::{innermost, is_untrusted};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

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
    /// The zone of the pipeline: its IANA name.
    pub zone: String,
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

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, in time.
pub async fn connected<C>(connecting: impl Future<Output = sqlx::Result<C>>) -> Result<C, Problem> {
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| not_connected(&error)),
        Err(_) => {
            let why = format!("it says nothing for {} seconds", CONNECT_TIMEOUT.as_secs());
            Err(Problem::Database(DatabaseProblem::Unreachable { why }))
        }
    }
}

/// Why there is no connection.
fn not_connected(error: &sqlx::Error) -> Problem {
    let why = innermost(error);
    match error {
        sqlx::Error::Database(_) => problem(error),
        sqlx::Error::Tls(_) => Problem::Database(DatabaseProblem::Untrusted { why }),
        error if is_untrusted(error) => Problem::Database(DatabaseProblem::Untrusted { why }),
        _ => Problem::Database(DatabaseProblem::Unreachable { why }),
    }
}

/// What went wrong on a connection.
pub fn problem(error: &sqlx::Error) -> Problem {
    Problem::Database(match error {
        sqlx::Error::Database(refused) => DatabaseProblem::Refused {
            code: refused.code().map(Cow::into_owned),
            message: refused.message().to_owned(),
        },
        _ => DatabaseProblem::Broken { why: innermost(error) },
    })
}

pub fn broken(why: String) -> Problem {
    Problem::Database(DatabaseProblem::Broken { why })
}
