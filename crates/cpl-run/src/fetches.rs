//! Fetches of servers: what makes their requests, and where their answers hold records.

use cpl_connect::Secrets;
use cpl_model::program::{self, Endpoint, Fetch, FetchColumn, SourceKind, Table, TableSource};
use cpl_plan::bind::BoundPlan;
use cpl_source::AnswerRecords;

use crate::{RunError, request_builder::RequestBuilder};

/// The fetches that a plan reads, each with its table.
pub fn fetches(plan: &BoundPlan) -> impl Iterator<Item = (&Table, &Fetch)> {
    plan.fetches().map(|id| plan.program().table(id)).filter_map(|table| Some((table, fetch_of(table)?)))
}

/// The columns of a fetch that a plan reads.
pub fn read_columns(plan: &BoundPlan, table: &Table, fetch: &Fetch) -> Vec<FetchColumn> {
    let id = plan.fetches().find(|id| plan.program().table(*id).name == table.name);
    let is_read = |column: &&FetchColumn| id.is_some_and(|id| plan.reads(id, &column.name));
    fetch.columns.iter().filter(is_read).cloned().collect()
}

/// The fetch of a table that is one.
pub fn fetch_of(table: &Table) -> Option<&Fetch> {
    match &table.source {
        TableSource::Fetch(fetch) => Some(fetch),
        TableSource::Transform { .. } => None,
    }
}

/// Whether a fetch reads a server.
pub fn is_of_server(fetch: &Fetch) -> bool {
    matches!(fetch.kind, SourceKind::Http { .. } | SourceKind::Endpoint(_))
}

/// Where the answers for a fetch hold their records.
pub fn records(fetch: &Fetch) -> AnswerRecords<'_> {
    match &fetch.kind {
        SourceKind::Http { records, .. } => AnswerRecords { at: records.as_deref(), ..AnswerRecords::default() },
        SourceKind::Endpoint(of) => {
            let Endpoint { format, records, records_may_lack, .. } = &*of.endpoint;
            AnswerRecords { format: *format, at: records.as_deref(), may_lack: *records_may_lack }
        }
        _ => unreachable!("a file is no answer"),
    }
}

/// What makes the requests of a fetch, and the one for its first page.
pub fn builder<'m>(
    plan: &'m BoundPlan,
    secrets: &'m Secrets,
    fetch: &'m Fetch,
) -> Result<(RequestBuilder<'m>, &'m program::Request), RunError> {
    Ok(match &fetch.kind {
        SourceKind::Http { request, .. } => (RequestBuilder::new(plan, secrets, fetch.path_span), request),
        SourceKind::Endpoint(of) => {
            (RequestBuilder::of_call(plan, secrets, fetch.path_span, &of.call)?, &of.endpoint.request)
        }
        _ => unreachable!("a file is not requested"),
    })
}
