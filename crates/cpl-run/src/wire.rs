//! Requests that name their secrets → requests that can be sent.

use std::path::PathBuf;

use cpl_connect::{Auth, Grant, Request, Secret, Secrets, ServiceAccount, TokenStore, Tokens};
use cpl_effects::{ServerAuth, ServerRequest};
use cpl_model::program::Credential;

use crate::error::RequestCause;

/// A request, or what is made of one, or all that it lacks.
type Made<T> = Result<T, Vec<RequestCause>>;

/// The value of a credential.
///
/// # Errors
/// Where it is a secret without a value.
pub fn secret(secrets: &Secrets, credential: &Credential) -> Result<Secret, RequestCause> {
    match credential {
        Credential::Plain(text) => Ok(Secret::known(text.clone())),
        Credential::Secret(name) => secrets.find(name).map_err(|why| RequestCause::Secret { name: name.clone(), why }),
    }
}

/// Looks secrets up, and gathers those that are missing.
struct Lookup<'a> {
    secrets: &'a Secrets,
    missing: Vec<RequestCause>,
}

impl Lookup<'_> {
    fn secret(&mut self, credential: &Credential) -> Option<Secret> {
        secret(self.secrets, credential).map_err(|cause| self.missing.push(cause)).ok()
    }

    /// Of a credential that only a secret is.
    fn hidden(&mut self, credential: &Credential) -> Option<Secret> {
        Some(self.secret(credential)?.in_secret_place())
    }

    /// The same of a credential that may be none; nothing where it lacks its value.
    fn hidden_where_named(&mut self, credential: Option<&Credential>) -> Option<Option<Secret>> {
        credential.map_or(Some(None), |credential| Some(Some(self.hidden(credential)?)))
    }

    fn auth(&mut self, auth: &ServerAuth) -> Option<Auth> {
        Some(match auth {
            ServerAuth::Bearer(token) => Auth::Bearer(self.hidden(token)?),
            ServerAuth::Basic(user, password) => {
                let user = self.secret(user);
                let password = self.hidden_where_named(password.as_ref());
                Auth::Basic(user?, password?)
            }
            ServerAuth::Header(name, value) => Auth::Header(name.clone(), self.hidden(value)?),
            ServerAuth::Query(name, value) => Auth::Query(name.clone(), self.hidden(value)?),
            // Requested when it is needed.
            ServerAuth::OAuth2 { .. } | ServerAuth::GoogleServiceAccount { .. } => return None,
        })
    }
}

/// The request, whole; one that is signed is signed by whoever sends it.
///
/// # Errors
/// All secrets that it lacks, or what can't be sent.
pub fn request(of: &ServerRequest, secrets: &Secrets) -> Made<Request> {
    let mut lookup = Lookup { secrets, missing: Vec::new() };
    let address = lookup.secret(&of.address);
    let auth: Vec<Auth> = of.auth.iter().filter_map(|auth| lookup.auth(auth)).collect();
    let headers: Vec<_> = of.headers.iter().map(|(name, value)| (name, value, lookup.secret(value))).collect();
    let Some(address) = address.filter(|_| lookup.missing.is_empty()) else { return Err(lookup.missing) };
    let made = Request::at_address(of.method, &address).map(|made| made.path(&of.path)).and_then(|made| {
        let made = auth.iter().try_fold(made, Request::auth)?;
        headers.iter().try_fold(made, |made, (name, value, secret)| match (value, secret) {
            (Credential::Secret(_), Some(secret)) => made.secret_header(name, secret),
            (Credential::Plain(text) | Credential::Secret(text), _) => made.header(name, text),
        })
    });
    let made = made.map_err(|why| vec![RequestCause::Invalid(why)])?;
    let made = of.query.iter().fold(made, |made, (name, value)| made.query(name, value));
    Ok(match &of.body {
        Some(body) => made.json(body.clone()),
        None => made,
    })
}

/// What gives the access token of an API; none where requests hold their credentials themselves.
///
/// # Errors
/// All secrets that it lacks, or what can't be requested.
pub fn tokens(auth: &[ServerAuth], secrets: &Secrets, store: PathBuf) -> Made<Option<Tokens>> {
    let mut lookup = Lookup { secrets, missing: Vec::new() };
    for auth in auth {
        let (grant, scopes, address, header) = match auth {
            ServerAuth::OAuth2 { token_url, client_id, client_secret, refresh_token, scopes, header } => {
                let id = lookup.secret(client_id);
                let secret = lookup.hidden_where_named(client_secret.as_ref());
                let refresh_token = lookup.hidden_where_named(refresh_token.as_ref());
                let (Some(id), Some(secret), Some(refresh_token)) = (id, secret, refresh_token) else {
                    return Err(lookup.missing);
                };
                (Grant::Client { id, secret, refresh_token }, scopes, token_url.clone(), header.as_deref())
            }
            ServerAuth::GoogleServiceAccount { key, scopes } => {
                let Some(key) = lookup.secret(key) else { return Err(lookup.missing) };
                let (account, address) = ServiceAccount::of(&key).map_err(|why| vec![RequestCause::Invalid(why)])?;
                (Grant::ServiceAccount(account), scopes, address, None)
            }
            _ => continue,
        };
        let made = Tokens::new(grant, scopes.clone(), address, TokenStore::new(store));
        let made = made.and_then(|tokens| tokens.in_header(header));
        return made.map(Some).map_err(|why| vec![RequestCause::Invalid(why)]);
    }
    Ok(None)
}
