//! Access tokens: requested of a server of their own (OAuth 2.0, RFC 6749), used until they expire, and kept
//! from one run to the next.

use cpl_batch::{Problem, ServerProblem};
use cpl_model::method::Method;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{
    Client,
    header::{ACCEPT, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    answer::send_with_retries,
    request::{InvalidRequest, Request},
    secret::Secret,
    terms::Terms,
    token_store::{StoredToken, TokenStore},
};

/// A token is renewed so long before it expires, in seconds, and at most a tenth of its time: a request may take a while.
const MARGIN_SECONDS: i64 = 60;
/// How long an assertion of a service account holds, in seconds: as long as Google lets it.
const ASSERTION_SECONDS: i64 = 3_600;

/// What a token is given for.
pub enum Grant {
    /// The client's own credentials (RFC 6749, 4.4), or a refresh token (6).
    Client {
        /// The client.
        id: Secret,
        /// Its secret; none where the refresh token is all that it needs.
        secret: Option<Secret>,
        /// The refresh token; none for client credentials.
        refresh_token: Option<Secret>,
    },
    /// The signature of a service account of Google Cloud (RFC 7523).
    ServiceAccount(ServiceAccount),
}

/// A service account of Google Cloud.
pub struct ServiceAccount {
    email: String,
    key: EncodingKey,
}

/// The tokens of an API.
pub struct Tokens {
    grant: Grant,
    scopes: Vec<String>,
    /// Where they are requested, as it is written.
    address: String,
    /// What the store calls them.
    id: String,
    request: Request,
    terms: Terms,
    store: TokenStore,
    /// The header in which they go; none for that of bearers.
    header: Option<HeaderName>,
    /// The newest one: who holds the lock renews it, and all others wait for that.
    current: Mutex<Option<StoredToken>>,
}

/// The key file of a service account, as Google Cloud writes it.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
    token_uri: String,
}

/// What a service account asserts (RFC 7523, 3).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// What a server of tokens answers (RFC 6749, 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
}

impl ServiceAccount {
    /// The account of a key file, and the address where its tokens are requested.
    ///
    /// # Errors
    /// Why it is none; nothing of its text.
    pub fn of(key_file: &Secret) -> Result<(Self, String), InvalidRequest> {
        let file: KeyFile = serde_json::from_str(key_file.expose())
            .map_err(|_| InvalidRequest::Key("it has no `client_email`, `private_key` and `token_uri` as JSON"))?;
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes())
            .map_err(|_| InvalidRequest::Key("its `private_key` is no RSA key in PEM"))?;
        Ok((Self { email: file.client_email, key }, file.token_uri))
    }

    /// What it asserts, signed.
    fn assertion(&self, scopes: &[String], audience: &str, now: Timestamp) -> Option<String> {
        let iat = now.as_second();
        let (iss, scope, exp) = (self.email.as_str(), scopes.join(" "), iat + ASSERTION_SECONDS);
        let claims = Claims { iss, scope, aud: audience, iat, exp };
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key).ok()
    }
}

impl Tokens {
    /// Of a grant, requested at that address, and kept in that store.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(grant: Grant, scopes: Vec<String>, address: String, store: TokenStore) -> Result<Self, InvalidRequest> {
        let request = Request::new(Method::Post, &address)?.encrypted()?.header(ACCEPT.as_str(), "application/json")?;
        let id = TokenStore::id(&id_parts(&grant, &scopes, &address).join("\n"));
        Ok(Self {
            grant,
            scopes,
            address,
            id,
            request,
            terms: Terms::default(),
            store,
            header: None,
            current: Mutex::new(None),
        })
    }

    /// The same, in a header of another name.
    ///
    /// # Errors
    /// Where that is no name of a header.
    pub fn in_header(self, name: Option<&str>) -> Result<Self, InvalidRequest> {
        let header = name
            .map(|name| HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidRequest::Header(name.to_owned())));
        Ok(Self { header: header.transpose()?, ..self })
    }

    /// The request with a token.
    pub(crate) fn add(&self, token: &Secret, request: Request) -> Request {
        request.token(self.header.as_ref(), token)
    }

    /// A token that holds, another one than the one that was refused.
    pub(crate) async fn get(&self, client: &Client, refused: Option<&Secret>) -> Result<Secret, Problem> {
        let mut current = self.current.lock().await;
        let usable = |token: &StoredToken| {
            let holds = token.holds_until.is_none_or(|until| until > Timestamp::now().as_second());
            let refused = refused.is_some_and(|refused| refused.expose() == token.access_token);
            holds && !refused && is_sendable(&token.access_token)
        };
        let mut held = current.take();
        if !held.as_ref().is_some_and(usable) {
            // Another run may have renewed it; and what this one holds may be newer than what could be kept.
            held = self.store.read(&self.id).filter(usable).or(held);
        }
        let token = match held {
            Some(held) if usable(&held) => held,
            held => {
                let refresh_token = held.or_else(|| self.store.read(&self.id)).and_then(|token| token.refresh_token);
                self.request(client, refresh_token).await.map_err(|problem| self.problem(problem))?
            }
        };
        Ok(Secret::new(current.insert(token).access_token.clone()))
    }

    /// All that is secret in it: the server may repeat it.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        match &self.grant {
            Grant::Client { id, secret, refresh_token } => {
                std::iter::once(id).chain(secret).chain(refresh_token).cloned().collect()
            }
            Grant::ServiceAccount(_) => Vec::new(),
        }
    }

    /// Requests a new one, by the newest refresh token where the server gave one: the one before is then used up.
    async fn request(&self, client: &Client, refresh_token: Option<String>) -> Result<StoredToken, Problem> {
        let now = Timestamp::now();
        let form = self.parameters(refresh_token.clone(), now)?;
        let answer = send_with_retries(client, &self.request.clone().form(form), &self.terms).await?;
        let made: TokenAnswer = serde_json::from_slice(&answer.bytes).map_err(|_| no_token(members(&answer.bytes)))?;
        if !is_sendable(&made.access_token) {
            return Err(no_token(Vec::new()));
        }
        let seconds = made.expires_in.and_then(|time| time.as_i64().or_else(|| time.as_str()?.parse().ok()));
        let margin = |seconds: i64| seconds - MARGIN_SECONDS.min(seconds / 10);
        let holds_until = seconds.map(|seconds| now.as_second().saturating_add(margin(seconds)));
        let refresh_token = made.refresh_token.or(refresh_token);
        let token = StoredToken { access_token: made.access_token, holds_until, refresh_token };
        // Of a token that expires at an unknown time the next run knows nothing.
        if holds_until.is_some() || token.refresh_token.is_some() {
            self.store.write(&self.id, &token);
        }
        Ok(token)
    }

    /// The form that is sent (RFC 6749, 4.4.2 and 6; RFC 7523, 2.1).
    fn parameters(&self, newest: Option<String>, now: Timestamp) -> Result<Vec<(&'static str, Secret)>, Problem> {
        let known = |text: &str| Secret::known(text.to_owned());
        let mut form = Vec::new();
        match &self.grant {
            Grant::Client { id, secret, refresh_token } => {
                match refresh_token {
                    Some(given) => {
                        form.push(("grant_type", known("refresh_token")));
                        form.push(("refresh_token", newest.map_or_else(|| given.clone(), Secret::new)));
                    }
                    None => form.push(("grant_type", known("client_credentials"))),
                }
                form.push(("client_id", id.clone()));
                form.extend(secret.iter().map(|secret| ("client_secret", secret.clone())));
                if !self.scopes.is_empty() {
                    form.push(("scope", known(&self.scopes.join(" "))));
                }
            }
            Grant::ServiceAccount(account) => {
                let assertion = account.assertion(&self.scopes, &self.address, now);
                form.push(("grant_type", known("urn:ietf:params:oauth:grant-type:jwt-bearer")));
                form.push(("assertion", Secret::new(assertion.ok_or_else(|| no_token(Vec::new()))?)));
            }
        }
        Ok(form)
    }

    /// A problem of the server of tokens, which is not the one that is read. What it answers with success is not shown: it
    /// may be a token.
    fn problem(&self, problem: Problem) -> Problem {
        let Problem::Server(cause) = problem else { return problem };
        let cause = match cause {
            ServerProblem::OtherType { .. } | ServerProblem::NoJson { .. } => {
                ServerProblem::NoToken { found: Vec::new() }
            }
            other => other,
        };
        Problem::Server(ServerProblem::Token { at: self.request.name(), cause: Box::new(cause) })
    }
}

/// What identifies the tokens of a grant: client, server and scope.
fn id_parts<'a>(grant: &'a Grant, scopes: &'a [String], address: &'a str) -> Vec<&'a str> {
    let who = match grant {
        Grant::Client { id, secret, refresh_token } => {
            let exposed = |secret: &'a Option<Secret>| secret.as_ref().map_or("", Secret::expose);
            vec![id.expose(), exposed(secret), exposed(refresh_token)]
        }
        Grant::ServiceAccount(account) => vec![account.email.as_str()],
    };
    std::iter::once(address).chain(who).chain(scopes.iter().map(String::as_str)).collect()
}

/// Whether a token can stand in a header.
fn is_sendable(token: &str) -> bool {
    !token.is_empty() && HeaderValue::from_str(token).is_ok()
}

fn no_token(found: Vec<String>) -> Problem {
    Problem::Server(ServerProblem::NoToken { found })
}

/// The names of an object's members.
fn members(answer: &[u8]) -> Vec<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(answer).unwrap_or_default();
    object.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    /// What openssl makes of a text; none where this machine has none.
    fn openssl(arguments: &[&str], input: &str) -> Option<String> {
        let (stdin, stdout) = (Stdio::piped(), Stdio::piped());
        let command = Command::new("openssl").args(arguments).stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn();
        let mut running = match command {
            Ok(running) => running,
            Err(error) => {
                assert!(std::env::var_os("CPL_SKIP_NOTHING").is_none(), "openssl: {error}");
                return None;
            }
        };
        running.stdin.take().and_then(|mut stdin| stdin.write_all(input.as_bytes()).ok());
        let output = running.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "openssl {arguments:?}");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn a_service_account_signs_what_it_asserts() {
        let keys = openssl(&["genrsa", "2048"], "").and_then(|key| Some((openssl(&["rsa", "-pubout"], &key)?, key)));
        let Some((public, private_key)) = keys else {
            eprintln!("skipped for want of openssl: a service account signs what it asserts");
            return;
        };
        let file = serde_json::json!({
            "type": "service_account",
            "client_email": "cpl@example.iam.gserviceaccount.com",
            "private_key": private_key,
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        let (account, address) =
            ServiceAccount::of(&Secret::new(file.to_string())).unwrap_or_else(|why| panic!("{why:?}"));
        let scopes = ["https://a.example/x", "y"].map(str::to_owned);
        let assertion = account.assertion(&scopes, &address, Timestamp::now()).unwrap_or_default();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["https://oauth2.googleapis.com/token"]);
        let key = DecodingKey::from_rsa_pem(public.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let claims = jsonwebtoken::decode::<serde_json::Value>(&assertion, &key, &validation);
        let claims = claims.unwrap_or_else(|error| panic!("{error}")).claims;
        assert_eq!(claims["iss"], "cpl@example.iam.gserviceaccount.com");
        assert_eq!(claims["scope"], "https://a.example/x y");
        let (from, until) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        assert_eq!(until.zip(from).map(|(until, from)| until - from), Some(3_600));
    }
}
