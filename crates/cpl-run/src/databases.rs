//! The queries of a run: they are completed before anything is read, and sent when their rows are needed.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cpl_connect::{Connections, Network, Secrets};
use cpl_database::{Database, Query, Read};
use cpl_exec::ScanRequest;
use cpl_model::program::{Fetch, SourceKind};
use cpl_plan::bind::BoundPlan;
use cpl_source::{DatabaseSource, field, in_files};
use cpl_syntax::Span;
use tokio::{runtime::Handle, time::Instant};

use crate::{
    RunError,
    declared_text::zone_name,
    error::{RequestCause, RequestError},
    fetches::fetches,
    request_builder::RequestBuilder,
    wire::secret,
};

/// The queries of a plan, by the names of the fetches' tables: until they are opened.
#[derive(Default)]
pub struct Queries {
    unopened: Mutex<BTreeMap<String, (Database, Query)>>,
    zone: String,
    /// The threads on which rows are waited for, and until when; none without a query.
    waits: Option<(Handle, (Instant, Duration))>,
    first: Span,
}

impl Queries {
    /// Those of the fetches that a plan reads; what can't be sent is added to what failed.
    ///
    /// # Errors
    /// A value that can't be computed.
    pub fn of(
        plan: &BoundPlan,
        secrets: &Secrets,
        (folder, network): (&Path, &Network),
        failed: &mut Vec<RequestError>,
    ) -> Result<Self, RunError> {
        let (mut queries, mut first) = (BTreeMap::new(), None);
        for (table, fetch) in fetches(plan) {
            let Fetch { kind: SourceKind::Sql(query), path_span: at, .. } = fetch else { continue };
            first.get_or_insert(*at);
            let database = secret(secrets, &query.address).and_then(|address| {
                let address = str::from_utf8(address.reveal()).unwrap_or_default();
                Database::at(address, folder, network.certificates.as_deref()).map_err(RequestCause::Database)
            });
            let built = match RequestBuilder::new(plan, secrets, *at).query(query) {
                Err(RunError::Request(errors)) => {
                    failed.extend(errors);
                    None
                }
                built => Some(built?),
            };
            match (database, built) {
                (Ok(database), Some(query)) => drop(queries.insert(table.name.clone(), (database, query))),
                (Err(cause), _) => failed.push(RequestError { at: *at, cause }),
                (Ok(_), None) => {}
            }
        }
        let zone = zone_name(&plan.program().timezone).to_owned();
        Ok(Self { unopened: Mutex::new(queries), zone, waits: None, first: first.unwrap_or_default() })
    }

    /// The same, which wait on the threads of connections.
    ///
    /// # Errors
    /// Where there can't be any.
    pub fn on(mut self, connections: &Connections) -> Result<Self, RunError> {
        if !self.unopened.get_mut().unwrap_or_else(PoisonError::into_inner).is_empty() {
            let handle = connections.handle().map_err(|error| {
                RunError::Request(vec![RequestError { at: self.first, cause: RequestCause::Network(error) }])
            })?;
            self.waits = Some((handle, connections.deadline()));
        }
        Ok(self)
    }

    /// The rows of a fetch's query; `begun` hears the name of the database.
    pub fn open<'a>(&self, scan: ScanRequest<'_>, begun: Box<dyn Fn(&str) + Send + Sync + 'a>) -> DatabaseSource<'a> {
        let mut queries = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((database, query)), Some((handle, deadline))) = (queries.remove(&scan.table.name), &self.waits)
        else {
            unreachable!("each fetch of a plan is read once")
        };
        let fields = in_files(scan.columns).map(field).collect();
        let skip_bad = scan.fetch.skip_bad.is_some();
        let read = Read { database, query, fields, skip_bad, zone: self.zone.clone(), deadline: *deadline };
        DatabaseSource::new(read, handle.clone(), begun)
    }
}
