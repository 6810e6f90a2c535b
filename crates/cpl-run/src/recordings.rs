//! What a run fetches is recorded, or comes from a recording.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use cpl_batch::Source;
use cpl_connect::Secrets;
use cpl_exec::{Input, Salt, ScanRequest};
use cpl_model::program::{Fetch, FetchColumn, SourceKind};
use cpl_plan::bind::BoundPlan;
use cpl_recording::{RecordedColumn, RecordedFetch, Recorder, Recording};
use cpl_source::{field, in_files};

use crate::{
    RunError,
    declared_text::{column_text, file_text, zone_name},
    error::{RequestCause, RequestError},
    fetches::{builder, fetches, read_columns, records},
    request_builder::RequestBuilder,
};

/// Where what servers and databases answer comes from, and whether it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fetching<'a> {
    /// They are read.
    #[default]
    Live,
    /// They are read, and what is read of their answers is recorded.
    Recorded(&'a Recorder),
    /// A recording holds it; no server is read.
    Replayed(&'a Recording),
}

/// The requests of all fetches but those of this machine's files as texts, by the names of their tables.
pub struct RequestTexts(BTreeMap<String, String>);

impl RequestTexts {
    /// By the fetches that a plan reads.
    ///
    /// # Errors
    /// A value that can't be computed, or sent.
    pub fn of(plan: &BoundPlan) -> Result<Self, RunError> {
        let secrets = Secrets::placeholders();
        let mut all = BTreeMap::new();
        for (table, fetch) in fetches(plan).filter(|(_, fetch)| !fetch.is_local()) {
            if fetch.kind == SourceKind::Parquet {
                let error = RequestError { at: fetch.path_span, cause: RequestCause::ParquetRecorded };
                return Err(RunError::Request(vec![error]));
            }
            all.insert(table.name.clone(), request_text(plan, &secrets, fetch)?);
        }
        Ok(Self(all))
    }

    /// What is recorded of those columns of a table, or looked for in a recording; none of files.
    pub fn fetch(&self, table: &str, columns: &[FetchColumn], salt: Option<&Salt>) -> Option<RecordedFetch> {
        let column = |column: &FetchColumn| RecordedColumn { name: column.name.clone(), declared: column_text(column) };
        let is_personal = columns.iter().any(|column| column.is_personal);
        let columns = in_files(columns).map(column).collect();
        let salt = salt.filter(|_| is_personal).map(Salt::fingerprint);
        Some(RecordedFetch { request: self.0.get(table)?.clone(), columns, salt, ..RecordedFetch::default() })
    }
}

/// The request of a fetch, and how its answer is read: nothing in it is secret.
fn request_text(plan: &BoundPlan, secrets: &Secrets, fetch: &Fetch) -> Result<String, RunError> {
    let request = match &fetch.kind {
        _ if fetch.store().is_some() => file_text(fetch),
        SourceKind::Sql(query) => RequestBuilder::new(plan, secrets, fetch.path_span).query(query)?.described(),
        _ => {
            let (builder, request) = builder(plan, secrets, fetch)?;
            let request = builder.request(request)?.map_err(RunError::Request)?;
            let records = records(fetch);
            let at = records.at.map(|at| format!("\nrecords: {at}")).unwrap_or_default();
            format!("{}{at}", request.described())
        }
    };
    let program = plan.program();
    let zone = zone_name(&program.timezone);
    let bad = if fetch.skip_bad.is_some() { "; bad rows are left out" } else { "" };
    Ok(format!("{request}\nin {zone} and {}{bad}", program.currency.code()))
}

/// The rows of a recording, by the names of the fetches' tables: until they are opened.
#[derive(Default)]
pub struct Replayed(Mutex<BTreeMap<String, Box<dyn Source>>>);

impl Replayed {
    /// Those for the fetches of servers and databases that a plan reads; `salt` is that of files with personal columns.
    ///
    /// # Errors
    /// All fetches for which the recording has none.
    pub fn of(plan: &BoundPlan, recording: &Recording, salt: Option<&Salt>) -> Result<Self, RunError> {
        let requests = RequestTexts::of(plan)?;
        let (mut sources, mut failed) = (BTreeMap::new(), Vec::new());
        for (table, fetch) in fetches(plan) {
            let columns = read_columns(plan, table, fetch);
            let Some(wanted) = requests.fetch(&table.name, &columns, salt) else { continue };
            match recording.source(&table.name, &wanted, in_files(&columns).map(field).collect()) {
                Ok(source) => drop(sources.insert(table.name.clone(), source)),
                Err(mismatch) => {
                    let cause = RequestCause::Recording { fetch: table.name.clone(), mismatch };
                    failed.push(RequestError { at: fetch.path_span, cause });
                }
            }
        }
        if failed.is_empty() { Ok(Self(Mutex::new(sources))) } else { Err(RunError::Request(failed)) }
    }

    /// The rows of a fetch; none where the recording is not of it, as of files.
    pub fn open<'a>(&self, scan: &ScanRequest<'_>) -> Option<Input<'a>> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.remove(&scan.table.name).map(Input::Hashed)
    }
}
