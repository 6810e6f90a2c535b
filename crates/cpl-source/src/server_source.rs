//! What a server answers: records of JSON, page by page.

use std::{cell::LazyCell, ops::ControlFlow};

use cpl_batch::{
    Batch, BatchSink, Data, Field, PageProblem, Place, Problem, ReadError, ServerProblem, Source, SourceStats, in_order,
};
use cpl_connect::{LARGE_PAGE, Page, Pages, Request, SecretSearch};
use cpl_model::program::{CsvFormat, Fetch, FetchColumn, ResultFormat};
use cpl_records::{At, Found, Kind, KnownRecords, Layout, ValuePlaces};

use crate::{
    fields::in_files,
    file_kind::{clean_rejected, without_secrets},
    file_source::{csv_layout, missing_everywhere, records_at, records_layout},
};

/// Where answers hold their records.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerRecords<'e> {
    /// How they are written.
    pub format: ResultFormat,
    /// The path to them in JSON; none where it is a list of them.
    pub at: Option<&'e str>,
    /// An answer without records may lack the list of them.
    pub may_lack: bool,
}

/// The answers of a server, which are on their way.
pub struct ServerSource<'a> {
    request: Request,
    reader: PageReader,
    /// None once they are read.
    pages: Option<Pages>,
    threads: usize,
    /// The places of the columns that are shown as they are, and what they are called.
    shown: Vec<(usize, String)>,
    /// Hears the address, without its query, and from the second page on its number.
    begun: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

/// Where the wanted columns are in the records of JSON that is answered; none where they are not found by steps alone.
#[must_use]
pub fn value_places(fetch: &Fetch, columns: &[FetchColumn], records: AnswerRecords<'_>) -> Option<ValuePlaces> {
    match PageReader::of(fetch, columns, records) {
        PageReader::Json(layout) => ValuePlaces::of(&layout),
        PageReader::Csv(_) => None,
    }
}

/// How pages are read.
enum PageReader {
    Json(Layout),
    Csv(cpl_csv::Layout),
}

/// What was made of a page.
struct PageRows {
    name: String,
    bytes: u64,
    total: Option<(u64, u64)>,
    more_pages: Option<String>,
    empty_paths: Vec<String>,
    batches: Vec<Batch>,
    found: Result<Found, Problem>,
}

/// What the pages so far showed.
struct SoFar {
    stats: SourceStats,
    columns: Vec<bool>,
    names: Vec<String>,
    /// The number of all records, by the first page and by the last one.
    total: Option<(u64, u64)>,
    paths: Vec<(String, bool)>,
    /// Enough rows were taken.
    full: bool,
    failed: Option<ReadError>,
}

impl<'a> ServerSource<'a> {
    /// Those columns of the records of what is answered to a request.
    #[must_use]
    pub fn new(
        (request, pages): (Request, Pages),
        fetch: &Fetch,
        columns: &[FetchColumn],
        records: AnswerRecords<'_>,
        threads: usize,
        begun: Box<dyn Fn(&str) + Send + Sync + 'a>,
    ) -> Self {
        let reader = PageReader::of(fetch, columns, records);
        let shown = in_files(columns).enumerate().filter(|(_, column)| !column.is_personal);
        let shown = shown.map(|(at, column)| (at, column.name.clone())).collect();
        Self { request, reader, pages: Some(pages), threads, shown, begun }
    }

    /// What is made of a page, on so many threads.
    fn rows(&self, number: u32, mut page: Page, threads: usize) -> PageRows {
        let mut batches = Vec::new();
        let clean = LazyCell::new(|| page.request.cleaner());
        let search = LazyCell::new(|| page.request.secret_search());
        let mut repeated = None;
        let mut keep = |mut batch| {
            if let Some(column) = self.column_with_secret(&batch, &search) {
                repeated = Some(Problem::Server(ServerProblem::RepeatsSecret { column }));
                return ControlFlow::Break(());
            }
            clean_rejected(&mut batch, |text| clean(text));
            batches.push(batch);
            ControlFlow::Continue(())
        };
        let known = page.records.take();
        let read = self.reader.read(&page.bytes, known, threads, &mut keep);
        let read = repeated.map_or(read, Err);
        let (bytes, found) = (page.bytes.len() as u64, read.map_err(|problem| explained(problem, &page)));
        PageRows {
            name: page_name(&page.request, number),
            bytes,
            total: page.total,
            more_pages: page.more_pages,
            empty_paths: page.empty_paths,
            batches,
            found,
        }
    }
}

impl ServerSource<'_> {
    /// The first column of which a value that would be shown holds a secret.
    fn column_with_secret(&self, batch: &Batch, search: &SecretSearch) -> Option<String> {
        let holds = |data: &Data| match data {
            // A secret does not begin in one value and end in the next.
            Data::Text(all, ends) => search.find_in(all).any(|found| {
                let value = ends.partition_point(|end| *end <= found.start);
                ends.get(value).is_some_and(|end| found.end <= *end)
            }),
            Data::Dictionary(texts, _) => texts.iter().any(|text| search.find_in(text).next().is_some()),
            _ => false,
        };
        self.shown.iter().find(|(at, _)| holds(&batch.columns[*at].data)).map(|(_, name)| name.clone())
    }
}

impl PageReader {
    fn of(fetch: &Fetch, columns: &[FetchColumn], records: AnswerRecords<'_>) -> Self {
        let kind = match records.format {
            ResultFormat::Csv => return Self::Csv(csv_layout(fetch, columns, &CsvFormat::PLAIN)),
            ResultFormat::Ndjson => Kind::Lines,
            ResultFormat::Json => {
                let at = records.at.map(records_at);
                let records = at.map(|at| if records.may_lack { at.optional() } else { at });
                Kind::Document { records, each: None }
            }
        };
        let mut layout = records_layout(fetch, columns, kind);
        // A page may lack a member that others have.
        for (field, at) in layout.columns.iter_mut().zip(&layout.at) {
            field.may_lack |= field.optional && matches!(at, At::Name);
        }
        Self::Json(layout)
    }

    fn read(
        &self,
        page: &[u8],
        known: Option<KnownRecords>,
        threads: usize,
        keep: &mut impl FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Found, Problem> {
        match self {
            Self::Json(layout) if matches!(layout.kind, Kind::Document { .. }) => {
                cpl_records::read_page(page, known, layout, threads, keep)
            }
            Self::Json(layout) => cpl_records::read_json(page, layout, threads, keep),
            Self::Csv(layout) => {
                let columns = cpl_csv::check_header(page, layout)?;
                Ok(Found::of_cells(cpl_csv::read(page, layout, threads, keep)?, columns))
            }
        }
    }

    /// The wanted columns.
    fn columns(&self) -> &[Field] {
        match self {
            Self::Json(layout) => &layout.columns,
            Self::Csv(layout) => &layout.columns,
        }
    }
}

/// The name of a page, counted from 1.
fn page_name(request: &Request, number: u32) -> String {
    let name = request.name();
    if number == 1 { name } else { format!("{name}, page {number}") }
}

/// The problem of a page, with the beginning of the answer where that explains it.
fn explained(problem: Problem, page: &Page) -> Problem {
    let clean = |text: &str| page.request.without_secrets(text);
    match problem {
        Problem::NoJson { place: Place { row: 0, line }, column, why } => {
            page.request.no_json((line, column), &why, &page.bytes)
        }
        Problem::NoRecords { found } => {
            let found = found.iter().map(|path| clean(path)).collect();
            Problem::Server(ServerProblem::NoRecords { found, excerpt: page.request.excerpt(&page.bytes) })
        }
        other => without_secrets(other, clean),
    }
}

impl Source for ServerSource<'_> {
    /// It was started with all others, so that a run waits for the slowest and not for each in its turn.
    fn start(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError> {
        let Some(mut pages) = self.pages.take() else { unreachable!("a source is read once") };
        let (request, begun) = (&self.request, &self.begun);
        let failed = |number, problem| ReadError { file: page_name(request, number), problem };
        begun(&request.name());
        let first = match pages.wait() {
            None => return Ok(SourceStats::default()),
            Some(first) => first.map_err(|problem| failed(1, problem))?,
        };
        // Small pages are read side by side, and large ones each by all threads: few of them are held.
        let (side_by_side, threads) =
            if first.bytes.len() < LARGE_PAGE { (self.threads, 1) } else { (1, self.threads) };
        let (canceller, mut so_far) = (pages.canceller(), SoFar::of(self.reader.columns()));
        let last = in_order(
            side_by_side,
            |parts| {
                let mut next = Some(Ok(first));
                for number in 1.. {
                    match next.take() {
                        None => break,
                        Some(Err(problem)) => return Err((number, problem)),
                        Some(Ok(page)) => {
                            if parts((number, page)).is_break() {
                                break;
                            }
                        }
                    }
                    begun(&page_name(request, number + 1));
                    next = pages.wait();
                }
                Ok(())
            },
            |(number, page)| self.rows(number, page, threads),
            |rows| {
                let flow = so_far.take(rows, sink);
                if flow.is_break() {
                    canceller.cancel();
                }
                flow
            },
        );
        if let Some(error) = so_far.failed.take() {
            return Err(error);
        }
        last.map_err(|(number, problem)| failed(number, problem))?;
        so_far.stats(self.reader.columns()).map_err(|problem| failed(1, problem))
    }
}

impl SoFar {
    fn of(columns: &[Field]) -> Self {
        let (stats, columns) = (SourceStats::default(), vec![false; columns.len()]);
        Self { stats, columns, names: Vec::new(), total: None, paths: Vec::new(), full: false, failed: None }
    }

    /// Hands on the rows of the next page.
    fn take(&mut self, page: PageRows, sink: &mut BatchSink<'_>) -> ControlFlow<()> {
        for batch in page.batches {
            if sink(&page.name, batch).is_break() {
                self.full = true;
                return ControlFlow::Break(());
            }
        }
        self.stats.bytes += page.bytes;
        self.total = page.total;
        (self.stats.more_pages, self.stats.empty_page_paths) = (page.more_pages, page.empty_paths);
        match page.found {
            Ok(found) => {
                self.add(found);
                ControlFlow::Continue(())
            }
            Err(problem) => {
                self.failed = Some(ReadError { file: page.name, problem });
                ControlFlow::Break(())
            }
        }
    }

    fn add(&mut self, page: Found) {
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
    }

    /// What was read, if some page has each column that pages may lack.
    fn stats(mut self, columns: &[Field]) -> Result<SourceStats, Problem> {
        let records = self.stats.rows;
        if let Some((first, total)) = self.total.filter(|_| !self.full)
            && (records < first || records > total)
        {
            return Err(Problem::Server(ServerProblem::Pages(PageProblem::RecordCount { total, records })));
        }
        if let Some(problem) = missing_everywhere(columns, &self.columns, self.names)
            && self.stats.rows > 0
            && !self.full
        {
            return Err(problem);
        }
        self.stats.empty_paths = self.paths.into_iter().filter(|(_, found)| !found).map(|(path, _)| path).collect();
        Ok(self.stats)
    }
}
