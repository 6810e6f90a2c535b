//! Which secrets of a plan's fetches are missing, without a run.

use std::path::Path;

use cpl_connect::Secrets;
use cpl_model::{
    program::{Auth, Credential, DatabaseQuery, Fetch, HeaderValue, Request, SourceKind, TableSource},
    workspace::Workspace,
};
use cpl_plan::Plan;
use cpl_syntax::Diagnostic;

use crate::{
    error::{RequestCause, RequestError},
    salt::missing_salt,
    stores::credentials as store_credentials,
};

/// A diagnostic for each secret of a fetch that has no value; `folder` is that of the
/// pipeline's file.
#[must_use]
pub fn missing_secrets(plan: &Plan, folder: &Path, workspace: &Workspace) -> Vec<Diagnostic> {
    // Those too that only `show` reads.
    let fetches = plan.program().tables.iter().filter_map(|table| match &table.source {
        TableSource::Fetch(fetch) => Some(fetch),
        TableSource::Transform { .. } => None,
    });
    let secrets = Secrets::of(folder, workspace);
    let missing = fetches.flat_map(|fetch| {
        let mut credentials = credentials(fetch);
        // Requests go through it.
        if !fetch.is_local() {
            credentials.extend(&workspace.settings.proxy);
        }
        let named = credentials.into_iter().filter_map(|credential| match credential {
            Credential::Secret(name) => Some(name),
            Credential::Plain(_) => None,
        });
        let missing = named.filter_map(|name| Some((fetch.path_span, name.clone(), secrets.find(name).err()?)));
        let missing = missing.chain(missing_salt(fetch, &secrets, workspace));
        let of_store =
            fetch.store().and_then(|address| store_credentials(fetch, &address, &secrets).err()).unwrap_or_default();
        let errors = missing.map(|(at, name, why)| RequestError { at, cause: RequestCause::Secret { name, why } });
        errors.chain(of_store).collect::<Vec<_>>()
    });
    missing.map(|error| error.diagnostic()).collect()
}

/// The texts of a fetch that may be secrets.
fn credentials(fetch: &Fetch) -> Vec<&Credential> {
    match &fetch.kind {
        SourceKind::Http { request, .. } => of_request(request),
        SourceKind::Endpoint(of) => of_request(&of.endpoint.request),
        SourceKind::Sql(query) => {
            let DatabaseQuery { address, .. } = query.as_ref();
            vec![address]
        }
        SourceKind::Csv(_)
        | SourceKind::Parquet
        | SourceKind::Ndjson
        | SourceKind::Json { .. }
        | SourceKind::Excel(_) => Vec::new(),
    }
}

fn of_request(request: &Request) -> Vec<&Credential> {
    let headers = request.headers.iter().filter_map(|(_, value)| match value {
        HeaderValue::Credential(credential) => Some(credential),
        HeaderValue::Computed(_) => None,
    });
    request.auth.iter().flat_map(of_auth).chain(headers).collect()
}

fn of_auth(auth: &Auth) -> Vec<&Credential> {
    match auth {
        Auth::Bearer(one) | Auth::Header(_, one) | Auth::Query(_, one) => vec![one],
        Auth::Basic { user, password } => std::iter::once(user).chain(password).collect(),
        Auth::OAuth2 { client_id, client_secret, refresh_token, .. } => {
            std::iter::once(client_id).chain(client_secret).chain(refresh_token).collect()
        }
        Auth::GoogleServiceAccount { key, .. } => vec![key],
    }
}
