//! What a server answers: records of JSON, page by page.

use std::ops::ControlFlow;

use cpl_batch::{BatchSink, Place, Problem, ReadError, ServerProblem, Source, SourceStats};
use cpl_connect::{Page, Pages, Request};
use cpl_model::program::{Fetch, FetchColumn};
use cpl_records::{At, Found, Kind, Layout};

use crate::file_source::{missing_everywhere, records_at, records_layout};

/// The answers of a server, which are on their way.
pub struct ServerSource<'a> {
    request: Request,
    layout: Layout,
    pages: Pages,
    /// Hears the address, without its query, and from the second page on its number.
    begun: Box<dyn Fn(&str) + Send + 'a>,
}

/// What the pages so far showed.
struct SoFar {
    stats: SourceStats,
    columns: Vec<bool>,
    names: Vec<String>,
    paths: Vec<(String, bool)>,
    full: bool,
}

impl<'a> ServerSource<'a> {
    /// Those columns of what is answered to a request, whose records stand at that path.
    #[must_use]
    pub fn new(
        (request, pages): (Request, Pages),
        fetch: &Fetch,
        columns: &[FetchColumn],
        records: Option<&str>,
        begun: Box<dyn Fn(&str) + Send + 'a>,
    ) -> Self {
        let kind = Kind::Document { records: records.map(records_at), each: None };
        let mut layout = records_layout(fetch, columns, kind);
        // A page may lack a member that others have.
        for (field, at) in layout.columns.iter_mut().zip(&layout.at) {
            field.may_lack |= field.optional && matches!(at, At::Name);
        }
        Self { request, layout, pages, begun }
    }

    /// The rows of a page.
    fn page(&self, name: &str, page: &[u8], sink: &mut BatchSink<'_>, so_far: &mut SoFar) -> Result<(), Problem> {
        let mut full = false;
        let found = cpl_records::read_json(page, &self.layout, 1, |batch| {
            full = full || sink(name, batch).is_break();
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        so_far.take(found, full);
        Ok(())
    }

    /// The name of a page, counted from 1.
    fn name(&self, page: u32) -> String {
        let name = self.request.name();
        if page == 1 { name } else { format!("{name}, page {page}") }
    }
}

/// The problem of a page, with the beginning of the answer where that explains it.
fn explained(problem: Problem, page: &Page) -> Problem {
    let excerpt = || page.request.excerpt(&page.bytes);
    match problem {
        Problem::NoJson { place: Place { row: 0, line }, column, why } => {
            let why = format!("{why}, at line {line}, column {column}");
            Problem::Server(ServerProblem::NoJson { why, excerpt: excerpt() })
        }
        Problem::NoRecords { found } => Problem::Server(ServerProblem::NoRecords { found, excerpt: excerpt() }),
        other => other,
    }
}

impl Source for ServerSource<'_> {
    /// It was started with all others, so that a run waits for the slowest and not for each in its turn.
    fn start(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let mut so_far = SoFar::of(&self.layout);
        for number in 1.. {
            let name = self.name(number);
            (self.begun)(&name);
            let failed = |problem| ReadError { file: name.clone(), problem };
            let Some(page) = self.pages.wait() else { break };
            let page = page.map_err(failed)?;
            let rows = self.page(&name, &page.bytes, sink, &mut so_far);
            rows.map_err(|problem| failed(explained(problem, &page)))?;
            so_far.stats.bytes += page.bytes.len() as u64;
            if so_far.full {
                return Ok(so_far.stats);
            }
        }
        let failed = |problem| ReadError { file: self.request.name(), problem };
        so_far.stats(&self.layout).map_err(failed)
    }
}

impl SoFar {
    fn of(layout: &Layout) -> Self {
        let columns = vec![false; layout.columns.len()];
        Self { stats: SourceStats::default(), columns, names: Vec::new(), paths: Vec::new(), full: false }
    }

    fn take(&mut self, page: Found, full: bool) {
        self.stats.rows += page.summary.rows;
        self.columns.iter_mut().zip(page.columns).for_each(|(all, here)| *all = *all || here);
        if self.names.is_empty() {
            self.names = page.names;
        }
        for (path, found) in page.paths {
            match self.paths.iter_mut().find(|(known, _)| *known == path) {
                Some((_, all)) => *all = *all || found,
                None => self.paths.push((path, found)),
            }
        }
        self.full = full;
    }

    /// What was read, if some page has each column that pages may lack.
    fn stats(mut self, layout: &Layout) -> Result<SourceStats, Problem> {
        if let Some(problem) = missing_everywhere(&layout.columns, &self.columns, self.names)
            && self.stats.rows > 0
        {
            return Err(problem);
        }
        self.stats.empty_paths = self.paths.into_iter().filter(|(_, found)| !found).map(|(path, _)| path).collect();
        Ok(self.stats)
    }
}
