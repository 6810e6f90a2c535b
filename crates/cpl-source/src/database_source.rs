//! What a database answers to a query.

use cpl_batch::{BatchSink, Field, Problem, ReadError, Source, SourceStats};
use cpl_database::{Batches, Read, begin};
use tokio::runtime::Handle;

use crate::file_source::missing_everywhere;

/// The rows of a query.
pub struct DatabaseSource<'a> {
    name: String,
    fields: Vec<Field>,
    /// None until it is started.
    batches: Option<Batches>,
    read: Option<Read>,
    runtime: Handle,
    /// Hears the name of the database.
    begun: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

impl<'a> DatabaseSource<'a> {
    /// Of what is read, on the threads of a runtime.
    #[must_use]
    pub fn new(read: Read, runtime: Handle, begun: Box<dyn Fn(&str) + Send + Sync + 'a>) -> Self {
        let (name, fields) = (read.database.name().to_owned(), read.fields.clone());
        Self { name, fields, batches: None, read: Some(read), runtime, begun }
    }

    fn error(&self, problem: Problem) -> ReadError {
        ReadError { file: self.name.clone(), problem }
    }
}

impl Source for DatabaseSource<'_> {
    /// Sends the query: those of a stage are answered side by side.
    fn start(&mut self) -> Result<(), ReadError> {
        self.batches = self.read.take().map(|read| begin(&self.runtime, read));
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let Some(mut batches) = self.batches.take() else { unreachable!("a source is started, and read once") };
        (self.begun)(&self.name);
        let mut stats = SourceStats::default();
        loop {
            match batches.wait().map_err(|problem| self.error(problem))? {
                Ok(batch) => {
                    stats.rows += (batch.rows + batch.bad.len()) as u64;
                    if sink(&self.name, batch).is_break() {
                        return Ok(stats);
                    }
                }
                Err(found) => {
                    return match missing_everywhere(&self.fields, &found.columns, Vec::new()) {
                        Some(problem) => Err(self.error(problem)),
                        None => Ok(stats),
                    };
                }
            }
        }
    }
}
