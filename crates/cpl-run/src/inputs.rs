//! Where the rows of a run come from: files, and servers whose requests are made whole before anything is read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cpl_batch::ReadError;
use cpl_connect::{
    Api, Connections, ErrorsInside, Limits, PagedRequest, Pager, Pages, Request, Secrets, Terms, Throttle,
};
use cpl_exec::{Cause, ExecError, Files, Input, Inputs, ScanRequest, SourceError};
use cpl_model::program::{self, Endpoint, EndpointCall, Fetch, SourceKind, TableSource};
use cpl_plan::bind::BoundPlan;
use cpl_source::ServerSource;

use crate::{RunError, error::RequestError, request_builder::RequestBuilder};

/// Where tokens are kept, beside the pipeline.
const TOKENS: &str = ".cpl/tokens";

/// The inputs of a plan.
pub struct RunInputs<'a> {
    files: Files<'a>,
    /// What is on its way from servers, by the names of the fetches' tables: until it is opened.
    on_their_way: Mutex<BTreeMap<String, (Request, Pages)>>,
    /// They end with it.
    _connections: Connections,
}

impl<'a> RunInputs<'a> {
    /// Those of the fetches that the plan reads: all requests are under way from here on.
    ///
    /// # Errors
    /// All requests that can't be made: all of what is missing, before anything is sent.
    pub fn of(plan: &BoundPlan, files: Files<'a>) -> Result<Self, RunError> {
        let (mut reads, mut failed) = (Vec::new(), Vec::new());
        let (mut secrets, mut apis) = (None, Apis::default());
        for table in plan.fetches().map(|id| plan.program().table(id)) {
            let TableSource::Fetch(fetch) = &table.source else { continue };
            if !matches!(fetch.kind, SourceKind::Http { .. } | SourceKind::Endpoint(_)) {
                continue;
            }
            let secrets = secrets.get_or_insert_with(|| Secrets::of(files.folder));
            let (builder, request) = builder(plan, secrets, fetch)?;
            let api = apis.of(fetch, &builder, request, &files);
            let made = match builder.request(request) {
                Err(RunError::Request(errors)) => Err(errors),
                made => made?,
            };
            match (made, api) {
                (Ok(request), Ok(api)) => {
                    reads.push((
                        table,
                        fetch,
                        builder.has_empty_window(),
                        PagedRequest { request, pager: pager(fetch), api },
                    ));
                }
                (request, api) => failed.extend(request.err().into_iter().chain(api.err()).flatten()),
            }
        }
        if !failed.is_empty() {
            return Err(RunError::Request(failed));
        }
        let (connections, mut on_their_way) = (Connections::default(), BTreeMap::new());
        for (table, fetch, is_empty, read) in reads {
            let request = read.request.clone();
            let begun = if is_empty { Ok(Pages::none()) } else { connections.begin(read) };
            let pages = begun.map_err(|problem| {
                let error = ReadError { file: request.name(), problem };
                ExecError::from(SourceError::of(fetch, Cause::InFile(error)))
            })?;
            on_their_way.insert(table.name.clone(), (request, pages));
        }
        Ok(Self { files, on_their_way: Mutex::new(on_their_way), _connections: connections })
    }
}

/// What makes the requests of a fetch, and the one for its first page.
fn builder<'m>(
    plan: &'m BoundPlan,
    secrets: &'m Secrets,
    fetch: &'m Fetch,
) -> Result<(RequestBuilder<'m>, &'m program::Request), RunError> {
    Ok(match &fetch.kind {
        SourceKind::Http { request, .. } => (RequestBuilder::new(plan, secrets, fetch.path_span), request),
        SourceKind::Endpoint(of) => {
            (RequestBuilder::of_call(plan, secrets, fetch.path_span, &of.call)?, &endpoint(of).request)
        }
        _ => unreachable!("a file is not requested"),
    })
}

fn endpoint(of: &EndpointCall) -> &Endpoint {
    of.endpoint.as_ref().unwrap_or_else(|| unreachable!("a bound plan has no unsupported endpoint"))
}

/// The APIs of the connectors, by name.
#[derive(Default)]
struct Apis(BTreeMap<String, Arc<Api>>);

impl Apis {
    /// The API of a fetch.
    fn of(
        &mut self,
        fetch: &Fetch,
        builder: &RequestBuilder<'_>,
        request: &program::Request,
        files: &Files<'_>,
    ) -> Result<Arc<Api>, Vec<RequestError>> {
        let SourceKind::Endpoint(of) = &fetch.kind else { return Ok(Arc::default()) };
        if let Some(api) = self.0.get(&of.call.connector) {
            return Ok(Arc::clone(api));
        }
        let tokens = builder.tokens(request, files.folder.join(TOKENS))?;
        let api = Arc::new(Api { terms: terms(endpoint(of)), tokens });
        self.0.insert(of.call.connector.clone(), Arc::clone(&api));
        Ok(api)
    }
}

fn terms(Endpoint { errors, limits, .. }: &Endpoint) -> Terms {
    let throttle = Throttle::new(limits.concurrent, limits.rate);
    let limits = Limits::of(limits, errors);
    Terms { limits, errors: ErrorsInside::of(errors).unwrap_or_else(|error| unchecked(&error)), throttle }
}

fn pager(fetch: &Fetch) -> Option<Pager> {
    let SourceKind::Endpoint(of) = &fetch.kind else { return None };
    let Endpoint { paging, records, limits, .. } = endpoint(of);
    let pager = Pager::new(paging.as_ref()?, records.as_deref(), limits.pages);
    Some(pager.unwrap_or_else(|error| unchecked(&error)))
}

fn unchecked<T>(error: &str) -> T {
    unreachable!("paths are checked with their connector: {error}")
}

impl Inputs for RunInputs<'_> {
    fn open<'a>(&'a self, scan: ScanRequest<'_>) -> Result<Input<'a>, ExecError> {
        let records = match &scan.fetch.kind {
            SourceKind::Http { records, .. } => (records.as_deref(), false),
            SourceKind::Endpoint(of) => (endpoint(of).records.as_deref(), endpoint(of).records_may_lack),
            _ => return self.files.open(scan),
        };
        let mut on_their_way = self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(answers) = on_their_way.remove(&scan.table.name) else {
            unreachable!("each fetch of a plan is read once")
        };
        let title = format!("fetch {}", scan.table.name);
        let begun = Box::new(move |address: &str| (self.files.progress)(&format!("{title}: {address}")));
        let source = ServerSource::new(answers, scan.fetch, scan.columns, records, self.files.threads, begun);
        Ok(Input::Stream(Box::new(source)))
    }
}
