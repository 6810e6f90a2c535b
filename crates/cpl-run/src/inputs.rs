//! Where the rows of a run come from: files, and servers whose requests are made whole before anything is read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cpl_batch::Source;
use cpl_connect::{
    Api, Connections, ErrorsInside, Job, Limits, Network, PagedRequest, Pager, Pages, Request, Secrets, Terms, Throttle,
};
use cpl_exec::{ExecError, Files, Input, Inputs, Salt, ScanRequest, SourceError};
use cpl_model::{
    program::{self, Endpoint, Fetch, FetchColumn, SourceKind, Table},
    workspace::Workspace,
};
use cpl_plan::bind::BoundPlan;
use cpl_recording::{Recorder, Recording};
use cpl_source::{ServerSource, value_places};

use crate::{
    RunError,
    databases::Queries,
    error::{RequestCause, RequestError},
    fetches::{builder, fetches, is_of_server, read_columns, records},
    network::network,
    recordings::{Fetching, Replayed, RequestTexts},
    request_builder::{Made, RequestBuilder},
    salt::salt,
    stores::{StoreCredentials, Stores},
};

/// Where tokens are kept, in the folder of the workspace.
pub const TOKENS: &str = ".cpl/tokens";

/// The inputs of a plan.
pub struct RunInputs<'a> {
    files: Files<'a>,
    /// Of a plan that reads personal columns.
    salt: Option<Salt>,
    /// What is on its way from servers, by the names of the fetches' tables: until it is opened.
    on_their_way: Mutex<BTreeMap<String, (Request, Pages)>>,
    queries: Queries,
    stores: Stores,
    /// What is on its way ends with it.
    _connections: Connections,
    replayed: Replayed,
    /// Where what is read is recorded, and the requests of its fetches.
    recorder: Option<(&'a Recorder, RequestTexts)>,
}

impl<'a> RunInputs<'a> {
    /// Those of the fetches that the plan reads: all requests are under way from here on.
    ///
    /// # Errors
    /// All requests that can't be made: all of what is missing, before anything is sent.
    pub fn of(
        plan: &BoundPlan,
        files: Files<'a>,
        workspace: &Workspace,
        (first_page, fetching): (bool, Fetching<'a>),
    ) -> Result<Self, RunError> {
        let secrets = Secrets::of(files.folder, workspace);
        let recorder = match fetching {
            Fetching::Live => None,
            Fetching::Recorded(recorder) => Some((recorder, RequestTexts::of(plan)?)),
            Fetching::Replayed(recording) => return Self::replayed(plan, files, &secrets, workspace, recording),
        };
        let mut failed = Vec::new();
        let salt = salt(plan, &secrets, workspace, |_| true).unwrap_or_else(|error| {
            failed.push(error);
            None
        });
        let mut reads = server_reads(plan, &secrets, workspace, &mut failed)?;
        for each in &mut reads {
            each.read.first_page = first_page;
        }
        let network = network_of(plan, &secrets, workspace).unwrap_or_else(|error| {
            failed.push(error);
            Network::default()
        });
        let queries = Queries::of(plan, &secrets, (files.folder, &network), &mut failed)?;
        let store_credentials = StoreCredentials::of(plan, &secrets, &mut failed);
        if !failed.is_empty() {
            return Err(RunError::Request(failed));
        }
        let (connections, mut on_their_way) = (Connections::new(network), BTreeMap::new());
        let (queries, stores) = (queries.on(&connections)?, store_credentials.stores(&connections)?);
        for ServerRead { table, fetch, is_empty, read } in reads {
            let request = read.first_request();
            let begun = if is_empty { Ok(Pages::none()) } else { connections.begin(read) };
            let pages = begun.map_err(|error| {
                RunError::Request(vec![RequestError { at: fetch.path_span, cause: RequestCause::Network(error) }])
            })?;
            on_their_way.insert(table.name.clone(), (request, pages));
        }
        let (on_their_way, replayed) = (Mutex::new(on_their_way), Replayed::default());
        Ok(Self { files, salt, on_their_way, queries, stores, _connections: connections, replayed, recorder })
    }
}

impl<'a> RunInputs<'a> {
    /// Those of a plan whose servers and databases a recording answers for.
    fn replayed(
        plan: &BoundPlan,
        files: Files<'a>,
        secrets: &Secrets,
        workspace: &Workspace,
        recording: &Recording,
    ) -> Result<Self, RunError> {
        // What was recorded is hashed.
        let salt = salt(plan, secrets, workspace, Fetch::is_local).map_err(|error| RunError::Request(vec![error]))?;
        let replayed = Replayed::of(plan, recording, salt.as_ref())?;
        Ok(Self {
            files,
            salt,
            on_their_way: Mutex::default(),
            queries: Queries::default(),
            stores: Stores::default(),
            _connections: Connections::new(Network::default()),
            replayed,
            recorder: None,
        })
    }
}

/// What is read of a server.
struct ServerRead<'m> {
    table: &'m Table,
    fetch: &'m Fetch,
    /// Its window has no day.
    is_empty: bool,
    read: PagedRequest,
}

/// What a plan reads of servers; what can't be requested is added to what failed.
fn server_reads<'m>(
    plan: &'m BoundPlan,
    secrets: &Secrets,
    workspace: &Workspace,
    failed: &mut Vec<RequestError>,
) -> Result<Vec<ServerRead<'m>>, RunError> {
    let (mut reads, mut apis) = (Vec::new(), Apis::default());
    for (table, fetch) in fetches(plan).filter(|(_, fetch)| is_of_server(fetch)) {
        let pager = pager(fetch, &read_columns(plan, table, fetch));
        let (builder, request) = builder(plan, secrets, fetch)?;
        let api = apis.of(fetch, &builder, request, workspace)?;
        let made = match requests(fetch, &builder, request) {
            Err(RunError::Request(errors)) => Err(errors),
            made => made?,
        };
        match (made, api) {
            (Ok((request, job)), Ok(api)) => {
                let read = PagedRequest { request, job, pager, api, first_page: false };
                reads.push(ServerRead { table, fetch, is_empty: builder.has_empty_window(), read });
            }
            (request, api) => failed.extend(request.err().into_iter().chain(api.err()).flatten()),
        }
    }
    Ok(reads)
}

/// The first request of a fetch, and the long report that it begins.
fn requests(
    fetch: &Fetch,
    builder: &RequestBuilder<'_>,
    first: &program::Request,
) -> Result<Made<(Request, Option<Job>)>, RunError> {
    let first = builder.request(first)?;
    let job = match &fetch.kind {
        SourceKind::Endpoint(of) => of.endpoint.job.as_deref(),
        _ => None,
    };
    let Some(job) = job else { return Ok(first.map(|first| (first, None))) };
    let builder = builder.of_report();
    let result = job.result.request().map(|request| builder.request(request)).transpose()?;
    let poll = builder.request(&job.poll)?;
    // All of them lack the same secrets.
    Ok(first.and_then(|first| {
        let made = Job::new(job, poll?, result.transpose()?);
        Ok((first, Some(made.unwrap_or_else(|error| unchecked(&error)))))
    }))
}

/// The network of a workspace, where a server is read.
fn network_of(plan: &BoundPlan, secrets: &Secrets, workspace: &Workspace) -> Result<Network, RequestError> {
    match fetches(plan).find(|(_, fetch)| !fetch.is_local()) {
        Some((_, first)) => network(workspace, secrets).map_err(|cause| RequestError { at: first.path_span, cause }),
        None => Ok(Network::default()),
    }
}

/// The APIs of the connectors, by their names and their accounts: one for each.
#[derive(Default)]
struct Apis(BTreeMap<(String, String), Arc<Api>>);

impl Apis {
    /// The API of a fetch, or the secrets that it lacks.
    fn of(
        &mut self,
        fetch: &Fetch,
        builder: &RequestBuilder<'_>,
        request: &program::Request,
        workspace: &Workspace,
    ) -> Result<Result<Arc<Api>, Vec<RequestError>>, RunError> {
        let SourceKind::Endpoint(of) = &fetch.kind else { return Ok(Ok(Arc::default())) };
        let key = (of.call.connector.clone(), builder.account(request)?);
        if let Some(api) = self.0.get(&key) {
            return Ok(Ok(Arc::clone(api)));
        }
        let tokens = builder.tokens(request, workspace.root.join(TOKENS))?;
        Ok(tokens.map(|tokens| {
            let api = Arc::new(Api { terms: terms(&of.endpoint), tokens });
            self.0.insert(key, Arc::clone(&api));
            api
        }))
    }
}

fn terms(Endpoint { errors, limits, .. }: &Endpoint) -> Terms {
    let throttle = Throttle::new(limits.concurrent, limits.rate);
    let limits = Limits::of(limits, errors);
    Terms { limits, errors: ErrorsInside::of(errors).unwrap_or_else(|error| unchecked(&error)), throttle }
}

fn pager(fetch: &Fetch, columns: &[FetchColumn]) -> Option<Pager> {
    let SourceKind::Endpoint(of) = &fetch.kind else { return None };
    let Endpoint { paging, records: at, limits, .. } = &*of.endpoint;
    let paging = paging.as_ref()?;
    let values = value_places(fetch, columns, records(fetch));
    let pager = Pager::new(paging, at.as_deref(), values, limits.pages);
    Some(pager.unwrap_or_else(|error| unchecked(&error)))
}

fn unchecked<T>(error: &str) -> T {
    unreachable!("paths are checked with their connector: {error}")
}

impl RunInputs<'_> {
    /// What the server of the only fetch answers first; none where no server is read.
    pub fn first_answer(&self, plan: &BoundPlan) -> Result<Option<Vec<u8>>, RunError> {
        let mut on_their_way = self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sent = fetches(plan).filter_map(|(table, fetch)| Some((fetch, on_their_way.remove(&table.name)?)));
        let Some((fetch, (request, mut pages))) = sent.next() else { return Ok(None) };
        let answer = pages.wait().transpose();
        let failed = |problem| ExecError::from(SourceError::in_file(fetch, &request.name(), problem));
        Ok(answer.map_err(failed)?.map(|page| page.request.answer_without_secrets(page.bytes)))
    }

    /// Tells what is begun of a fetch.
    fn begun(&self, scan: &ScanRequest<'_>) -> Box<dyn Fn(&str) + Send + Sync + '_> {
        let title = format!("fetch {}", scan.table.name);
        Box::new(move |what: &str| (self.files.progress)(&format!("{title}: {what}")))
    }

    /// What is requested, secrets struck out.
    pub fn requests(&self) -> Vec<String> {
        let on_their_way = self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
        on_their_way.values().map(|(request, _)| request.described()).collect()
    }
}

impl Inputs for RunInputs<'_> {
    fn open<'a>(&'a self, scan: ScanRequest<'_>) -> Result<Input<'a>, ExecError> {
        if let Some(replayed) = self.replayed.open(&scan) {
            return Ok(replayed);
        }
        if let Some(files) = self.stores.files(&scan)? {
            return Ok(self.files.input(scan, files));
        }
        if scan.fetch.kind.is_file() {
            return self.files.open(scan);
        }
        if let SourceKind::Sql(_) = scan.fetch.kind {
            return Ok(Input::Stream(Box::new(self.queries.open(scan, self.begun(&scan)))));
        }
        let records = records(scan.fetch);
        let mut on_their_way = self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(answers) = on_their_way.remove(&scan.table.name) else {
            unreachable!("each fetch of a plan is read once")
        };
        let begun = self.begun(&scan);
        let source = ServerSource::new(answers, scan.fetch, scan.columns, records, self.files.threads, begun);
        Ok(Input::Stream(Box::new(source)))
    }

    fn wrap_source<'a>(
        &'a self,
        table: &Table,
        columns: &[FetchColumn],
        source: Box<dyn Source + 'a>,
    ) -> Box<dyn Source + 'a> {
        let Some((recorder, requests)) = &self.recorder else { return source };
        match requests.fetch(&table.name, columns, self.salt.as_ref()) {
            Some(fetch) => recorder.recorded(&table.name, fetch, source),
            None => source,
        }
    }

    fn salt(&self) -> Option<&Salt> {
        self.salt.as_ref()
    }
}
