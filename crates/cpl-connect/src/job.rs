//! A long report: a request begins it, it is polled until it is there, and then another request reads it.

use std::{sync::Arc, time::Duration};

use cpl_batch::{JobProblem, Problem, ServerProblem};
use cpl_model::program;
use cpl_records::{Probe, ProbeBuilder};
use reqwest::Client;
use tokio::time::Instant;

use crate::{
    answer::Answer,
    api::Api,
    error_inside::{is_something, text_of},
    request::{Request, shown},
    terms::Terms,
};

/// How long is waited before a report is polled, where the API says nothing.
const EVERY: Duration = Duration::from_secs(5);

/// A long report, as far as it is known before it is begun.
pub struct Job {
    /// Finds the report's name.
    name: (String, Probe),
    poll: Request,
    every: Duration,
    /// Finds how far it is, whether it failed, and its address.
    progress: Probe,
    done: program::JobState,
    failed: Option<program::JobState>,
    result: JobResult,
}

/// What is read of a report.
enum JobResult {
    Address { at: String, may_lack: bool },
    Request(Box<Request>),
}

/// The numbers of the paths in a probe of the progress.
const DONE: usize = 0;
const FAILED: usize = 1;
const ADDRESS: usize = 2;

/// A report that is there.
pub struct Report {
    /// What reads it.
    pub request: Request,
    /// To whom that is sent.
    pub api: Arc<Api>,
}

impl Job {
    /// Of a report that is polled by `poll`, and read by `result` where it has no address.
    ///
    /// # Errors
    /// What is wrong with a path.
    pub fn new(job: &program::Job, poll: Request, result: Option<Request>) -> Result<Self, String> {
        let mut name = ProbeBuilder::default();
        name.add(&job.id)?;
        let mut progress = ProbeBuilder::default();
        progress.add(&job.done.at)?;
        progress.add(job.failed.as_ref().map_or(&job.done.at, |failed| &failed.at))?;
        let result = match (&job.result, result) {
            (program::JobResult::Address { at, may_lack }, _) => {
                progress.add(at)?;
                JobResult::Address { at: at.clone(), may_lack: *may_lack }
            }
            (program::JobResult::Request(_), Some(request)) => JobResult::Request(Box::new(request.of_any_type())),
            (program::JobResult::Request(_), None) => return Err("nothing reads the report".to_owned()),
        };
        let (name, progress) = ((job.id.clone(), name.build()), progress.build());
        let (every, done, failed) = (job.every.unwrap_or(EVERY), job.done.clone(), job.failed.clone());
        Ok(Self { name, poll, every, progress, done, failed, result })
    }

    /// Begins the report and waits for it; none where it has no rows. All reads end at that deadline, after so long.
    pub(crate) async fn report(
        &self,
        client: &Client,
        api: &Arc<Api>,
        start: &Request,
        deadline: (Instant, Duration),
    ) -> Result<Option<Report>, Problem> {
        let answer = api.send(client, start).await?;
        let name = self.name(&answer)?;
        let poll = self.poll.clone().of_report(&name).map_err(|_| no_name(&self.name.0, &answer))?;
        let answered = self.wait(client, api, &poll, deadline).await.map_err(|problem| at(&poll, problem))?;
        let request = match &self.result {
            JobResult::Request(request) => {
                Request::clone(request).of_report(&name).map_err(|_| no_name(&self.name.0, &answer))?
            }
            JobResult::Address { at: path, may_lack } => {
                let Some(request) =
                    self.at_address((path, *may_lack), &answered).map_err(|problem| at(&poll, problem))?
                else {
                    return Ok(None);
                };
                if request.url.origin() != poll.url.origin() {
                    return Ok(Some(Report { request, api: Arc::new(stranger(api)) }));
                }
                request
            }
        };
        Ok(Some(Report { request, api: Arc::clone(api) }))
    }

    /// The name of the report in an answer.
    fn name(&self, answer: &Answer) -> Result<String, Problem> {
        let (path, probe) = &self.name;
        let found = find(probe, answer)?;
        let name = found.first().and_then(Option::as_deref).and_then(plain);
        name.filter(|name| !matches!(name.as_str(), "" | "." | "..")).ok_or_else(|| no_name(path, answer))
    }

    /// Polls until the report is there; the last answer.
    async fn wait(
        &self,
        client: &Client,
        api: &Api,
        poll: &Request,
        (deadline, limit): (Instant, Duration),
    ) -> Result<Answer, Problem> {
        let mut state = String::new();
        loop {
            if self.every > deadline.saturating_duration_since(Instant::now()) {
                return Err(wrong(JobProblem::NotReady { state, limit }));
            }
            tokio::time::sleep(self.every).await;
            let answer = api.send(client, poll).await?;
            let found = find(&self.progress, &answer)?;
            let text = |place: usize| found[place].as_deref().and_then(text_of);
            let is = |wanted: &program::JobState, state: &Option<String>| {
                state.as_ref().is_some_and(|state| wanted.is.contains(state))
            };
            let (done, failed) = (text(DONE), text(FAILED));
            if let Some(wanted) = self.failed.as_ref().filter(|wanted| is(wanted, &failed)) {
                let state = failed.unwrap_or_else(|| wanted.is.join(", "));
                let state = answer.sent.excerpt(state.as_bytes());
                return Err(wrong(JobProblem::Failed { state, excerpt: answer.sent.excerpt(&answer.bytes) }));
            }
            if is(&self.done, &done) {
                return Ok(answer);
            }
            if found[DONE].is_none() {
                let (path, excerpt) = (self.done.at.clone(), answer.sent.excerpt(&answer.bytes));
                return Err(wrong(JobProblem::NoState { path, excerpt }));
            }
            state = answer.sent.excerpt(done.unwrap_or_else(|| "null".to_owned()).as_bytes());
        }
    }

    /// The request for the address in an answer: another server gets no credentials.
    fn at_address(&self, (path, may_lack): (&str, bool), answer: &Answer) -> Result<Option<Request>, Problem> {
        let found = find(&self.progress, answer)?;
        let found = found.get(ADDRESS).and_then(Option::as_deref).filter(|value| is_something(value));
        let address = found.filter(|value| value.starts_with('"')).and_then(text_of);
        let Some(address) = address else {
            if may_lack && found.is_none() {
                return Ok(None);
            }
            let (path, excerpt) = (path.to_owned(), answer.sent.excerpt(&answer.bytes));
            return Err(wrong(JobProblem::NoAddress { path, excerpt }));
        };
        let Ok(url) = answer.url.join(&address) else { return Err(wrong(JobProblem::Address { to: None })) };
        let to = answer.sent.without_secrets(&shown(&url));
        let request = answer.sent.clone().reading(url).encrypted();
        request.map(Some).map_err(|_| wrong(JobProblem::Address { to: Some(to) }))
    }
}

/// An API of which nothing is known but the limits that hold for the reports of another.
fn stranger(api: &Api) -> Api {
    Api { terms: Terms { limits: api.terms.limits, ..Terms::default() }, tokens: None }
}

fn find<'a>(probe: &Probe, answer: &'a Answer) -> Result<Vec<Option<std::borrow::Cow<'a, str>>>, Problem> {
    let text = std::str::from_utf8(&answer.bytes)
        .map_err(|error| answer.sent.no_json((1, error.valid_up_to() as u64 + 1), "it is no text", &answer.bytes))?;
    probe.find(text).map_err(|problem| match problem {
        Problem::NoJson { place, column, why } => answer.sent.no_json((place.line, column), &why, &answer.bytes),
        other => other,
    })
}

/// A text, or a whole number.
fn plain(json: &str) -> Option<String> {
    let is_plain = json.starts_with('"') || json.bytes().all(|byte| byte.is_ascii_digit());
    text_of(json).filter(|_| is_plain)
}

fn no_name(path: &str, answer: &Answer) -> Problem {
    wrong(JobProblem::NoName { path: path.to_owned(), excerpt: answer.sent.excerpt(&answer.bytes) })
}

/// A problem of another address than the one that begins the report.
pub fn at(request: &Request, problem: Problem) -> Problem {
    match problem {
        Problem::Server(cause @ (ServerProblem::Token { .. } | ServerProblem::At { .. })) => Problem::Server(cause),
        Problem::Server(cause) => Problem::Server(ServerProblem::At { at: request.name(), cause: Box::new(cause) }),
        other => other,
    }
}

fn wrong(problem: JobProblem) -> Problem {
    Problem::Server(ServerProblem::Job(problem))
}
