//! The objects of a run: their credentials are looked up before anything is read, and the objects when their rows are needed.

use std::{collections::BTreeMap, sync::Arc};

use cpl_batch::Problem;
use cpl_connect::{Connections, Secrets};
use cpl_exec::{Cause, ExecError, ScanRequest, SourceError};
use cpl_model::program::{Fetch, StoreAddress};
use cpl_plan::bind::BoundPlan;
use cpl_source::{PathPattern, SourceFile};
use cpl_store::{CredentialProblem, Credentials, Limits, Object, Store};
use cpl_syntax::Span;

use crate::{
    RunError,
    error::{RequestCause, RequestError},
    fetches::fetches,
};

/// The stores of a plan's fetches, by the names of their tables.
#[derive(Default)]
pub struct Stores(BTreeMap<String, Arc<Store>>);

/// The credentials for the objects of a plan's fetches, by the names of their tables.
pub struct StoreCredentials(BTreeMap<String, (Span, StoreAddress, Credentials)>);

impl StoreCredentials {
    /// Those of the fetches that a plan reads; what is missing is added to what failed.
    pub fn of(plan: &BoundPlan, secrets: &Secrets, failed: &mut Vec<RequestError>) -> Self {
        let mut all = BTreeMap::new();
        for (table, fetch) in fetches(plan) {
            let Some(address) = fetch.store() else { continue };
            match credentials(fetch, &address, secrets) {
                Ok(credentials) => drop(all.insert(table.name.clone(), (fetch.path_span, address, credentials))),
                Err(missing) => failed.extend(missing),
            }
        }
        Self(all)
    }

    /// The stores, which are read over connections.
    ///
    /// # Errors
    /// Where they can't be opened.
    pub fn stores(self, connections: &Connections) -> Result<Stores, RunError> {
        let mut stores = BTreeMap::new();
        for (table, (at, address, credentials)) in self.0 {
            let error = |cause| RunError::Request(vec![RequestError { at, cause }]);
            let handle = connections.handle().map_err(|problem| error(RequestCause::Network(problem)))?;
            let limits = Limits { handle, deadline: connections.deadline() };
            let network = connections.network();
            let network = (network.proxy.as_ref(), network.certificates.as_deref());
            let store = Store::at(address, credentials, network, limits);
            stores.insert(table, store.map_err(|why| error(RequestCause::Store(why)))?);
        }
        Ok(Stores(stores))
    }
}

/// The credentials for the objects of a fetch.
///
/// # Errors
/// All that is missing.
pub fn credentials(fetch: &Fetch, address: &StoreAddress, secrets: &Secrets) -> Result<Credentials, Vec<RequestError>> {
    Credentials::to(address.provider, |name| secrets.find(name)).map_err(|missing| {
        let error = |missing| {
            let cause = match missing {
                CredentialProblem::Secret { name, why } => RequestCause::Secret { name: name.to_owned(), why },
                CredentialProblem::Open { name } => RequestCause::OpenStore(name),
            };
            RequestError { at: fetch.path_span, cause }
        };
        missing.into_iter().map(error).collect()
    })
}

impl Stores {
    /// The objects of a fetch, in the order of their keys; none of a fetch of files.
    ///
    /// # Errors
    /// Where none is there, or the store does not tell.
    pub fn files(&self, scan: &ScanRequest<'_>) -> Result<Option<Vec<SourceFile>>, ExecError> {
        let (fetch, store) = (scan.fetch, self.0.get(&scan.table.name));
        let (Some(store), Some(address)) = (store, fetch.store()) else { return Ok(None) };
        let failed = |problem: Problem| SourceError::in_file(fetch, &fetch.path, problem);
        let found: Vec<Object> = if address.key.contains('*') {
            let pattern = PathPattern::of(&address.key).ok_or_else(|| SourceError::of(fetch, Cause::BadPattern))?;
            let folder = if pattern.base.is_empty() { String::new() } else { format!("{}/", pattern.base) };
            let fits = |key: &str| key.strip_prefix(&folder).is_some_and(|key| pattern.fits(key));
            Object::all(store, &pattern.base, fits).map_err(failed)?
        } else {
            Object::of_key(store, &address.key).map_err(failed)?.into_iter().collect()
        };
        if found.is_empty() {
            return Err(SourceError::of(fetch, Cause::NoFile { near: None }).into());
        }
        Ok(Some(found.into_iter().map(SourceFile::in_store).collect()))
    }
}
