//! A query is sent, and its rows come batch by batch.

use std::sync::{Arc, OnceLock};

use cpl_batch::{Batch, DatabaseProblem, Problem};
use rusqlite::InterruptHandle;
use tokio::{runtime::Handle, sync::mpsc, task::AbortHandle, time::timeout_at};

use crate::{
    address::At,
    mysql, postgres,
    read::{Found, Message, Read, Sink, broken},
    sqlite,
};

/// Batches that wait while others are taken.
const AHEAD: usize = 2;

/// Batches that are on their way, until they are dropped.
pub struct Batches {
    messages: mpsc::Receiver<Message>,
    task: AbortHandle,
}

/// Sends a query; its rows are read as far as they are taken.
#[must_use]
pub fn begin(runtime: &Handle, read: Read) -> Batches {
    let (sender, messages) = mpsc::channel(AHEAD);
    let read = Arc::new(read);
    let task = runtime.spawn(async move {
        let (deadline, limit) = read.deadline;
        let sink = Sink(sender);
        let end = match timeout_at(deadline, rows(&read, &sink)).await {
            Ok(Ok(found)) => Message::End(found),
            Ok(Err(problem)) => Message::Failed(problem),
            Err(_) => Message::Failed(Problem::Database(DatabaseProblem::OutOfTime { limit })),
        };
        let _nobody_waits = sink.0.send(end).await;
    });
    Batches { messages, task: task.abort_handle() }
}

/// Ends a query on another thread, where nobody waits for it any more.
struct InterruptOnDrop(Arc<OnceLock<InterruptHandle>>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.get() {
            handle.interrupt();
        }
    }
}

async fn rows(read: &Arc<Read>, sink: &Sink) -> Result<Found, Problem> {
    match &read.database.at {
        At::Postgres(options) => postgres::rows(options, read, sink).await,
        At::MySql(options) => mysql::rows(options, read, sink).await,
        At::Sqlite(_) => {
            let (read, sink, interrupt) = (Arc::clone(read), sink.clone(), Arc::new(OnceLock::new()));
            let _ends_with_this = InterruptOnDrop(Arc::clone(&interrupt));
            let ended = tokio::task::spawn_blocking(move || sqlite::rows(&read, &sink, &interrupt)).await;
            ended.unwrap_or_else(|error| Err(broken(error.to_string())))
        }
    }
}

impl Batches {
    /// Waits for the next batch.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait(&mut self) -> Result<Result<Batch, Found>, Problem> {
        match self.messages.blocking_recv() {
            Some(Message::Batch(batch)) => Ok(Ok(batch)),
            Some(Message::End(found)) => Ok(Err(found)),
            Some(Message::Failed(problem)) => Err(problem),
            // Who reads it panicked: what came so far is not all.
            None => Err(broken("the program failed while it read".to_owned())),
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.task.abort();
    }
}
