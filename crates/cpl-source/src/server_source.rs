//! What a server answers to one request: records of JSON.

use std::ops::ControlFlow;

use cpl_batch::{BatchSink, Place, Problem, ReadError, ServerProblem, Source, SourceStats};
use cpl_connect::{Connections, Pending, Request};
use cpl_model::program::{Fetch, FetchColumn};
use cpl_records::{Kind, Layout};

use crate::file_source::{missing_everywhere, records_at, records_layout};

/// The answer of a server. It is asked when the source is started, and may be on its way while others are asked.
pub struct ServerSource<'a> {
    connections: &'a Connections,
    request: Request,
    layout: Layout,
    pending: Option<Pending>,
    /// Hears the address, without its query, when it is waited for.
    begun: Box<dyn Fn(&str) + Send + 'a>,
}

impl<'a> ServerSource<'a> {
    /// Those columns of what is answered, whose records stand at that path.
    #[must_use]
    pub fn new(
        connections: &'a Connections,
        request: Request,
        fetch: &Fetch,
        columns: &[FetchColumn],
        records: Option<&str>,
        begun: Box<dyn Fn(&str) + Send + 'a>,
    ) -> Self {
        let kind = Kind::Document { records: records.map(records_at), each: None };
        let layout = records_layout(fetch, columns, kind);
        Self { connections, request, layout, pending: None, begun }
    }

    /// The problem, with the beginning of the answer where that explains it.
    fn explained(&self, problem: Problem, answer: &[u8]) -> Problem {
        let excerpt = || self.request.excerpt(answer);
        match problem {
            Problem::NoJson { place: Place { row: 0, line }, column, why } => {
                let why = format!("{why}, at line {line}, column {column}");
                Problem::Server(ServerProblem::NoJson { why, excerpt: excerpt() })
            }
            Problem::NoRecords { found } => Problem::Server(ServerProblem::NoRecords { found, excerpt: excerpt() }),
            other => other,
        }
    }

    fn failed(&self, problem: Problem) -> ReadError {
        ReadError { file: self.request.name(), problem }
    }
}

impl Source for ServerSource<'_> {
    fn start(&mut self) -> Result<(), ReadError> {
        let pending = self.connections.begin(self.request.clone()).map_err(|problem| self.failed(problem))?;
        self.pending = Some(pending);
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let name = self.request.name();
        (self.begun)(&name);
        let Some(pending) = self.pending.take() else { unreachable!("a source is started before it is read") };
        let answer = pending.wait().map_err(|problem| self.failed(problem))?;
        let mut full = false;
        let read = cpl_records::read_json(answer.as_slice(), &self.layout, 1, |batch| {
            let flow = sink(&name, batch);
            full = full || flow.is_break();
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let found = read.map_err(|problem| self.failed(self.explained(problem, &answer)))?;
        // A column that an answer may lack is in some record of it.
        if let Some(problem) = missing_everywhere(&self.layout.columns, &found.columns)
            && !full
            && found.summary.rows > 0
        {
            return Err(self.failed(problem));
        }
        let empty_paths = found.paths.into_iter().filter(|(_, found)| !found).map(|(path, _)| path).collect();
        let (rows, bytes) = (found.summary.rows, answer.len() as u64);
        Ok(SourceStats { rows, bytes, empty_paths, ..SourceStats::default() })
    }
}
