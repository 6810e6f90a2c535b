//! Which page comes after an answer, and which ways of going on can't be right.

use std::{
    collections::HashSet,
    hash::{BuildHasher, Hash, Hasher},
};

use cpl_batch::{PageProblem, Problem, ServerProblem};
use cpl_model::program::{PageBy, PageParameter, Paging};
use cpl_records::{KnownRecords, Path, Probe, ProbeBuilder, Probed, ProbedRecords, Records, ValuePlaces, each_record};
use foldhash::quality::FixedState;
use reqwest::Url;
use serde_json::Value;

use crate::{
    answer::Answer,
    error_inside::{is_something, text_of},
    limits::LARGE_PAGE,
    link,
    more_pages::{self, PagesRead},
    request::{Request, shown},
};

/// The pages that a read may have, where its API says nothing of it.
pub const MOST_PAGES: u32 = 2_000;

/// Where a read is among its pages.
pub struct Pager {
    by: PageBy,
    /// The path to what says whether there is more, as it is written.
    more: Option<String>,
    /// Where the records are that the server counts.
    records: Option<Records>,
    /// Those of the API are some of them, which a filter takes.
    is_filtered: bool,
    most_pages: u32,
    probe: Probe,
    /// What finds the records as they are written, where they are no list of objects.
    written_records: Probe,
    /// Which of the probe's paths is which.
    paths: PathNumbers,
    /// The path to what the next page begins after, from its record.
    last: Option<Path>,
    /// What some page had.
    found: PathsFound,
    /// The reader of some page listed the names of its records.
    names_known: bool,
    /// Pages so far.
    pages: u32,
    /// Records so far.
    seen_records: u64,
    /// Hashes of the cursors and addresses so far.
    cursors: HashSet<u64>,
    /// Hashes of the pages' records so far.
    contents: HashSet<u64>,
    /// The number of all records, by the first page and by the last one.
    total: Option<(u64, u64)>,
    /// An answer without records may lack it.
    total_may_lack: bool,
    /// The page before this one held fewer records than a page does.
    short: Option<u64>,
}

/// Numbers of the probe's paths.
#[derive(Default)]
struct PathNumbers {
    cursor: Option<usize>,
    more: Option<usize>,
    total: Option<usize>,
}

/// What some page had.
#[derive(Default)]
struct PathsFound {
    /// Something, also `null`, at the path to what leads on.
    cursor: bool,
    /// Something at the path to what says whether there is more.
    more: bool,
    /// Records.
    records: bool,
}

/// What a page shows: where its records are, and which page follows.
pub struct PageOutcome {
    /// The request for the next page; none behind the last one.
    pub next: Option<Request>,
    /// Where in this page its records are, or their values, if that was seen.
    pub records: Option<KnownRecords>,
}

/// The records of a page, as far as the next one depends on them.
#[derive(Default)]
struct PageRecords {
    count: u64,
    last: Option<String>,
    content: u64,
    /// There is no list of them, or an empty one.
    is_empty: bool,
}

impl Pager {
    /// Of an API's way of going on; `values` says what will be read of the records, which the pager looks up on its way.
    ///
    /// # Errors
    /// What is wrong with a path.
    pub fn new(
        paging: &Paging,
        at: Option<&str>,
        values: Option<ValuePlaces>,
        most_pages: Option<u32>,
    ) -> Result<Self, String> {
        let mut paths = ProbeBuilder::default();
        let (cursor, last) = match &paging.by {
            PageBy::Cursor { at, .. } | PageBy::Next { at } => (Some(paths.add(at)?), None),
            PageBy::Last { at, .. } => (None, Some(Path::parse(at)?)),
            PageBy::Number { .. } | PageBy::Offset { .. } | PageBy::Link | PageBy::First => (None, None),
        };
        // A server counts all elements of a list, also those that a filter leaves out.
        let records_path = at.map(Path::parse).transpose()?;
        let filtered = records_path.as_ref().and_then(Path::filtered_list);
        let (is_filtered, records) = (filtered.is_some(), filtered.or(at).map(Records::at).transpose()?);
        let values = values.filter(|_| !is_filtered);
        let mut written_records = ProbeBuilder::default();
        written_records.add(filtered.or(at).map_or("$", |path| path.split("[*]").next().unwrap_or(path)))?;
        paths.add_records(records.as_ref());
        // Where pages go on by the last record, that is wanted as a whole.
        paths.add_values(values.filter(|_| last.is_none()));
        let more = paths.add_some(paging.more.as_deref())?;
        let total = paths.add_some(paging.total.as_deref())?;
        Ok(Self {
            by: paging.by.clone(),
            more: paging.more.clone(),
            records,
            is_filtered,
            most_pages: most_pages.unwrap_or(MOST_PAGES),
            probe: paths.build(),
            written_records: written_records.build(),
            paths: PathNumbers { cursor, more, total },
            last,
            found: PathsFound::default(),
            names_known: false,
            pages: 0,
            seen_records: 0,
            cursors: HashSet::new(),
            contents: HashSet::new(),
            total: None,
            total_may_lack: paging.total_may_lack,
            short: None,
        })
    }

    /// The request for the first page.
    #[must_use]
    pub fn first(&self, request: Request) -> Request {
        match &self.by {
            PageBy::Number { parameter, from } => with_parameter(request, parameter, (*from).into()),
            PageBy::Offset { parameter, .. } => with_parameter(request, parameter, 0.into()),
            PageBy::Cursor { .. } | PageBy::Last { .. } | PageBy::Next { .. } | PageBy::Link | PageBy::First => request,
        }
    }

    /// The number of all records, by the first page and by the last one; none where a filter takes some of them.
    #[must_use]
    pub fn total(&self) -> Option<(u64, u64)> {
        self.total.filter(|_| !self.is_filtered)
    }

    /// Paths that found nothing on any page so far. Many APIs leave out on the last page what would lead on.
    #[must_use]
    pub fn empty_paths(&self) -> Vec<String> {
        let cursor = match &self.by {
            PageBy::Cursor { at, .. } | PageBy::Next { at } => Some(at.clone()),
            _ => None,
        };
        let empty = [(self.found.more, self.more.clone()), (self.found.cursor, cursor)];
        let empty = empty.into_iter().filter(|(found, _)| !found && self.found.records);
        empty.filter_map(|(_, path)| path).collect()
    }

    /// Requests that will most likely follow one: so many can be sent before the answers are there. They are
    /// known where pages are found by the number of the records before them, and how many there are in all.
    #[must_use]
    pub fn foreseen(&self, request: &Request, most: u32) -> Vec<Request> {
        let (PageBy::Offset { parameter, limit }, Some((_, total))) = (&self.by, self.total) else {
            return Vec::new();
        };
        let offsets = (1..=u64::from(most)).map(|page| self.seen_records + page * u64::from(*limit));
        let offsets = offsets.take_while(|offset| *offset < total);
        offsets.map(|offset| with_parameter(request.clone(), parameter, offset.into())).collect()
    }

    /// What follows a page, the answer to `request`.
    ///
    /// # Errors
    /// Where pages do not go on as they should, or an answer is no JSON.
    pub fn next(&mut self, request: &Request, answer: &Answer) -> Result<PageOutcome, Problem> {
        self.pages += 1;
        match self.follow(request, answer) {
            Err(Problem::NoJson { place, column, why }) => {
                Err(answer.sent.no_json((place.line, column), &why, &answer.bytes))
            }
            Ok(PageOutcome { next: Some(_), .. }) if self.pages >= self.most_pages => {
                Err(wrong(PageProblem::TooMany { most: self.most_pages }))
            }
            other => other,
        }
    }

    fn follow(&mut self, request: &Request, answer: &Answer) -> Result<PageOutcome, Problem> {
        // The reader reports what is no text.
        let Ok(text) = std::str::from_utf8(&answer.bytes) else { return Ok(PageOutcome { next: None, records: None }) };
        // The values of a large page would take much memory; several threads may look for them.
        let is_small = text.len() < LARGE_PAGE;
        let probed = if is_small { self.probe.look_up_values(text, self.names_known) } else { None };
        // Who reads the records without their values lists their names.
        let lists_names = probed.is_none();
        let Probed { values, records: known } = probed.map_or_else(|| self.probe.look_up(text), Ok)?;
        self.names_known |= lists_names && known.as_ref().is_some_and(|records| records.count > 0);
        let records = self.page_records(text, known.as_ref())?;
        let at = |place: Option<usize>| place.and_then(|place| values[place].as_deref());
        if self.paths.total.is_some() {
            self.check_total(at(self.paths.total), records.is_empty)?;
        }
        let over = self.paths.more.is_some() && !at(self.paths.more).is_some_and(is_something);
        self.found.more |= at(self.paths.more).is_some();
        self.found.cursor |= at(self.paths.cursor).is_some();
        self.found.records |= !records.is_empty;
        let lost = [self.paths.more, self.paths.cursor].into_iter().flatten().any(|place| values[place].is_none());
        let at_cursor = at(self.paths.cursor).map(str::to_owned);
        let cursor = at_cursor.as_deref().filter(|cursor| is_something(cursor)).map(str::to_owned);
        if !self.is_counted() {
            self.check_content(&records)?;
        }
        self.seen_records += records.count;
        self.check_short(&records)?;
        let next = if over { None } else { self.request_after(request, answer, cursor, &records)? };
        // What says that there is more is believed: the connector's `while`, which is also believed where it says that there is
        // not, or a name that APIs give to it. A path that finds nothing may be misspelt.
        if next.is_none() && self.by != PageBy::First && (!over || lost) {
            let declared = match &self.by {
                PageBy::Cursor { at, .. } | PageBy::Next { at } if at_cursor.is_some() => Some(at.as_str()),
                _ => None,
            };
            let place = self.more.as_ref().filter(|_| !over).map(|place| format!("`{place}`"));
            if let Some(place) = place.or_else(|| more_pages::find(answer, self.read_so_far(), declared)) {
                return Err(wrong(PageProblem::MorePages { place }));
            }
        }
        let known = known.filter(|_| !self.is_filtered);
        Ok(PageOutcome { next, records: known.map(|records| records.known) })
    }

    /// What was read, to compare with what an answer says that there is; none where it may count something else.
    fn read_so_far(&self) -> Option<PagesRead> {
        let is_comparable = self.pages == 1 || self.is_counted();
        // Where it is declared which number counts all records, no other one does.
        let records = if self.total.is_some() { u64::MAX } else { self.seen_records };
        is_comparable.then_some(PagesRead { records, pages: self.pages.into() })
    }

    /// The records of a page: what is known of them, if they are a list of objects.
    fn page_records(&self, text: &str, known: Option<&ProbedRecords>) -> Result<PageRecords, Problem> {
        if let Some(ProbedRecords { count, all, known }) = known {
            let last = match known {
                KnownRecords::Places(places) if self.last.is_some() => places.last(),
                _ => None,
            };
            let last = last.map(|last| text[last.clone()].to_owned());
            return Ok(PageRecords { count: *count, last, content: hash(&text[all.clone()]), is_empty: *count == 0 });
        }
        let written = self.written_records.find(text)?.pop().flatten();
        let is_empty = written.as_deref().is_none_or(is_empty);
        let content = written.map_or(0, |written| hash(&written));
        match self.by {
            PageBy::Number { .. } | PageBy::Last { .. } | PageBy::Offset { .. } => {
                let found = self.counted_records(text)?;
                // Lists within lists may all be empty, on several pages.
                let content = if found.count == 0 { content } else { found.content };
                Ok(PageRecords { content, is_empty, ..found })
            }
            PageBy::Cursor { .. } | PageBy::Next { .. } | PageBy::Link | PageBy::First => {
                Ok(PageRecords { content, is_empty, ..PageRecords::default() })
            }
        }
    }

    /// The records of a page, found one by one.
    fn counted_records(&self, text: &str) -> Result<PageRecords, Problem> {
        let mut found = PageRecords::default();
        let mut hasher = FixedState::default().build_hasher();
        each_record(text, self.records.as_ref(), &mut |record| {
            found.count += 1;
            record.hash(&mut hasher);
            if self.last.is_some() {
                found.last = Some(record.into_owned());
            }
        })?;
        found.content = hasher.finish();
        Ok(found)
    }

    /// All records are there from the first page to the last: where they become fewer, some have moved to pages that were
    /// read before; where pages are counted and they become more, some have moved to pages that are read later.
    fn check_total(&mut self, found: Option<&str>, is_empty: bool) -> Result<(), Problem> {
        let total = found.and_then(text_of).and_then(|total| total.parse().ok());
        match (self.total, total) {
            (None, None) if self.total_may_lack && is_empty && !found.is_some_and(is_something) => Ok(()),
            (None, None) => Err(wrong(PageProblem::NoTotal { found: found.map(str::to_owned) })),
            (Some((_, before)), Some(now)) if now < before || (now > before && self.is_counted()) => {
                Err(wrong(PageProblem::OtherTotal { before, now }))
            }
            (Some((first, last)), now) => {
                self.total = Some((first, now.unwrap_or(last)));
                Ok(())
            }
            (None, Some(now)) => {
                self.total = Some((now, now));
                Ok(())
            }
        }
    }

    /// A page whose records were all there before, on one page, is that page: whatever its cursor says.
    fn check_content(&mut self, records: &PageRecords) -> Result<(), Problem> {
        if records.is_empty || self.contents.insert(records.content) { Ok(()) } else { Err(wrong(PageProblem::Twice)) }
    }

    fn is_counted(&self) -> bool {
        matches!(self.by, PageBy::Number { .. } | PageBy::Offset { .. })
    }

    /// A page that holds fewer records than a page does is the last one: else the pages are smaller than they are said
    /// to be, and the next one is another than the one that is wanted.
    fn check_short(&mut self, records: &PageRecords) -> Result<(), Problem> {
        let PageBy::Offset { limit, .. } = self.by else { return Ok(()) };
        if let Some(short) = self.short.filter(|_| records.count > 0) {
            return Err(wrong(PageProblem::ShortPage { records: short, limit }));
        }
        self.short = (records.count < u64::from(limit)).then_some(records.count);
        Ok(())
    }

    fn request_after(
        &mut self,
        request: &Request,
        answer: &Answer,
        cursor: Option<String>,
        records: &PageRecords,
    ) -> Result<Option<Request>, Problem> {
        match self.by.clone() {
            PageBy::Cursor { parameter, .. } => match cursor {
                Some(cursor) if self.is_new(&cursor, records)? => {
                    let value = match (serde_json::from_str(&cursor), &parameter) {
                        (Ok(value @ (Value::String(_) | Value::Number(_))), _) => value,
                        (Ok(value @ (Value::Object(_) | Value::Array(_))), PageParameter::Body(_)) => value,
                        _ => {
                            return Err(wrong(PageProblem::NoCursor { found: answer.sent.excerpt(cursor.as_bytes()) }));
                        }
                    };
                    Ok(Some(with_parameter(request.clone(), &parameter, value)))
                }
                _ => Ok(None),
            },
            PageBy::Next { .. } => match cursor {
                None => Ok(None),
                Some(cursor) => match serde_json::from_str(&cursor) {
                    Ok(Value::String(address)) => self.request_at(request, answer, &address, records),
                    _ => Err(wrong(PageProblem::NoCursor { found: answer.sent.excerpt(cursor.as_bytes()) })),
                },
            },
            PageBy::First => Ok(None),
            PageBy::Link => match link::next(&answer.headers) {
                Some(address) => self.request_at(request, answer, &address, records),
                None => Ok(None),
            },
            PageBy::Last { parameter, .. } => match self.last_value(records)? {
                Some(value) if self.is_new(&value.to_string(), records)? => {
                    Ok(Some(with_parameter(request.clone(), &parameter, value)))
                }
                _ => Ok(None),
            },
            PageBy::Number { parameter, from } => {
                let number = from.saturating_add(self.pages);
                self.counted(request, &parameter, number.into(), records)
            }
            PageBy::Offset { parameter, .. } => self.counted(request, &parameter, self.seen_records.into(), records),
        }
    }

    /// The request for the page of that number, or after so many records: an empty page is the last one.
    fn counted(
        &mut self,
        request: &Request,
        parameter: &PageParameter,
        number: Value,
        records: &PageRecords,
    ) -> Result<Option<Request>, Problem> {
        if records.is_empty {
            return Ok(None);
        }
        // Also the last page may be one that was there before.
        if !self.contents.insert(records.content) {
            return Err(wrong(PageProblem::Twice));
        }
        if self.total.is_some_and(|(_, total)| self.seen_records >= total) {
            return Ok(None);
        }
        Ok(Some(with_parameter(request.clone(), parameter, number)))
    }

    /// Whether a cursor leads on: one that was there before does not, and is an error unless its page is empty.
    fn is_new(&mut self, cursor: &str, records: &PageRecords) -> Result<bool, Problem> {
        match self.cursors.insert(hash(cursor)) {
            true => Ok(true),
            false if records.is_empty => Ok(false),
            false => Err(wrong(PageProblem::Twice)),
        }
    }

    /// The request at the address that an answer names: on the same host only.
    fn request_at(
        &mut self,
        request: &Request,
        answer: &Answer,
        address: &str,
        records: &PageRecords,
    ) -> Result<Option<Request>, Problem> {
        let to = answer.url.join(address).ok().filter(|to| to.origin() == answer.url.origin());
        let Some(to) = to else {
            // What is no address may hold anything.
            let to = answer.url.join(address).ok().map(|to: Url| answer.sent.without_secrets(&shown(&to)));
            return Err(wrong(PageProblem::NextElsewhere { to }));
        };
        Ok(self.is_new(to.as_str(), records)?.then(|| request.clone().at(to)))
    }

    /// What the next page begins after; none where the page is empty.
    fn last_value(&self, records: &PageRecords) -> Result<Option<Value>, Problem> {
        let Some(path) = &self.last else { return Ok(None) };
        let Some(record) = &records.last else {
            return if records.is_empty {
                Ok(None)
            } else {
                Err(wrong(PageProblem::NoLastValue { path: path.to_string() }))
            };
        };
        let found = Probe::of(std::slice::from_ref(path)).find(record)?.pop().flatten();
        match found.as_deref().map(serde_json::from_str) {
            Some(Ok(value @ (Value::String(_) | Value::Number(_)))) => Ok(Some(value)),
            _ => Err(wrong(PageProblem::NoLastValue { path: path.to_string() })),
        }
    }
}

/// Pages of a megabyte are hashed: a hash that is fast for long texts.
fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// Whether a list or an object, as JSON, holds nothing: known without reading what it holds.
fn is_empty(json: &str) -> bool {
    let inner = json.strip_prefix(['[', '{']).map(str::trim_ascii_start);
    json == "null" || inner.is_some_and(|inner| inner.starts_with([']', '}']))
}

/// A request with a parameter of its page.
fn with_parameter(request: Request, parameter: &PageParameter, value: Value) -> Request {
    match parameter {
        PageParameter::Query(name) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            request.with_query(name, &text)
        }
        PageParameter::Body(names) => request.with_member(names, value),
    }
}

fn wrong(problem: PageProblem) -> Problem {
    Problem::Server(ServerProblem::Pages(problem))
}
