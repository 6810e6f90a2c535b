//! Which secrets of a plan's fetches are missing, without a run.

use std::{collections::BTreeSet, path::Path};

use cpl_connect::Secrets;
use cpl_model::{
    program::{
        Auth, Credential, DatabaseQuery, Fetch, HeaderValue, Request, SourceKind, TableSource, Target, TargetKind,
    },
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
    let program = plan.program();
    let via: BTreeSet<usize> =
        program.decisions.iter().flat_map(|rule| &rule.actions).map(|action| action.via().target).collect();
    let of_targets = via.into_iter().flat_map(|target| missing_of_target(&program.targets[target], &secrets));
    missing.chain(of_targets.collect::<Vec<_>>()).map(|error| error.diagnostic()).collect()
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

/// The secrets of a target that are not there.
pub fn missing_of_target(target: &Target, secrets: &Secrets) -> Vec<RequestError> {
    let credentials = match &target.kind {
        TargetKind::Print | TargetKind::File(_) => Vec::new(),
        TargetKind::Slack(address) | TargetKind::Email(address) => vec![address],
        TargetKind::Webhook { address, key } => std::iter::once(address).chain(key).collect(),
        TargetKind::Http(request) => of_request(request),
        TargetKind::Action(call) => of_request(&call.action.request),
    };
    let named = credentials.into_iter().filter_map(|credential| match credential {
        Credential::Secret(name) => Some(name),
        Credential::Plain(_) => None,
    });
    let missing = named.filter_map(|name| Some((name.clone(), secrets.find(name).err()?)));
    missing.map(|(name, why)| RequestError { at: target.span, cause: RequestCause::Secret { name, why } }).collect()
}
