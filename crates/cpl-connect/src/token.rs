//! Tokens that say who asks: requested of a server of their own (OAuth 2.0, RFC 6749), used until they expire, and kept
//! from one run to the next.

use cpl_batch::{Problem, ServerProblem};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    answer::send_with_retries,
    request::{InvalidRequest, Request},
    secret::Secret,
    terms::Terms,
    token_store::{StoredToken, TokenStore},
};

/// A token is renewed so long before it expires, in seconds: a request may take a while.
const MARGIN_SECONDS: i64 = 60;
/// How long an assertion of a service account holds, in seconds: as long as Google lets it.
const ASSERTION_SECONDS: i64 = 3_600;

/// What a token is given for.
pub enum Grant {
    /// The client's own credentials (RFC 6749, 4.4), or a refresh token (6).
    Client {
        /// The client.
        id: Secret,
        /// Its secret.
        secret: Secret,
        /// The refresh token; none where the client asks for itself.
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
    /// Where they are requested.
    request: Request,
    terms: Terms,
    store: TokenStore,
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
    pub fn new(grant: Grant, scopes: Vec<String>, address: &str, store: TokenStore) -> Result<Self, InvalidRequest> {
        let request = Request::new(cpl_model::method::Method::Post, address)?.encrypted()?;
        Ok(Self { grant, scopes, request, terms: Terms::default(), store, current: Mutex::new(None) })
    }

    /// A token that holds, another one than the one that was refused.
    pub(crate) async fn get(&self, client: &Client, refused: Option<&Secret>) -> Result<Secret, Problem> {
        let mut current = self.current.lock().await;
        let id = self.id();
        let usable = |token: &StoredToken| {
            let holds = token.holds_until.is_none_or(|until| until > Timestamp::now().as_second());
            holds && refused.is_none_or(|refused| refused.expose() != token.access_token)
        };
        let known =
            current.take().filter(|token| usable(token)).or_else(|| self.store.read(&id).filter(|token| usable(token)));
        let token = match known {
            Some(token) => token,
            None => self.request(client, &id).await.map_err(|problem| self.problem(problem))?,
        };
        Ok(Secret::new(current.insert(token).access_token.clone()))
    }

    /// All that is known only to who asks: the server may tell of it.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        match &self.grant {
            Grant::Client { id, secret, refresh_token } => {
                [id, secret].into_iter().chain(refresh_token).cloned().collect()
            }
            Grant::ServiceAccount(_) => Vec::new(),
        }
    }

    /// Requests a new one.
    async fn request(&self, client: &Client, id: &str) -> Result<StoredToken, Problem> {
        let now = Timestamp::now();
        // A server may give another refresh token with each token: the one before is then used up.
        let newest = self.store.read(id).and_then(|token| token.refresh_token);
        let request = self.request.clone().form(self.parameters(newest.clone(), now));
        let answer = send_with_retries(client, &request, &self.terms).await?;
        let answer: TokenAnswer = serde_json::from_slice(&answer.bytes)
            .map_err(|_| Problem::Server(ServerProblem::NoToken { found: members(&answer.bytes) }))?;
        let seconds = answer.expires_in.and_then(|time| time.as_i64().or_else(|| time.as_str()?.parse().ok()));
        let holds_until = seconds.map(|seconds| now.as_second().saturating_add(seconds).saturating_sub(MARGIN_SECONDS));
        let refresh_token = answer.refresh_token.or(newest);
        let token = StoredToken { access_token: answer.access_token, holds_until, refresh_token };
        // What expires at an unknown time is of use in this run alone, unless it brings the next refresh token.
        if holds_until.is_some() || token.refresh_token.is_some() {
            self.store.write(id, &token);
        }
        Ok(token)
    }

    /// The form that is sent (RFC 6749, 4.4.2 and 6; RFC 7523, 2.1).
    fn parameters(&self, newest: Option<String>, now: Timestamp) -> Vec<(&'static str, Secret)> {
        let plain = |text: &str| Secret::new(text.to_owned());
        let scope = self.scopes.join(" ");
        let mut form = Vec::new();
        match &self.grant {
            Grant::Client { id: client, secret, refresh_token } => {
                match refresh_token {
                    Some(given) => {
                        form.push(("grant_type", plain("refresh_token")));
                        form.push(("refresh_token", newest.map_or_else(|| given.clone(), Secret::new)));
                    }
                    None => form.push(("grant_type", plain("client_credentials"))),
                }
                form.push(("client_id", client.clone()));
                form.push(("client_secret", secret.clone()));
                if !scope.is_empty() {
                    form.push(("scope", Secret::new(scope)));
                }
            }
            Grant::ServiceAccount(account) => {
                let assertion = account.assertion(&self.scopes, self.request.url.as_str(), now);
                form.push(("grant_type", plain("urn:ietf:params:oauth:grant-type:jwt-bearer")));
                form.push(("assertion", Secret::new(assertion.unwrap_or_default())));
            }
        }
        form
    }

    /// What the store calls the tokens: who asks whom, for what.
    fn id(&self) -> String {
        let who: Vec<&str> = match &self.grant {
            Grant::Client { id, secret, refresh_token } => {
                vec![id.expose(), secret.expose(), refresh_token.as_ref().map_or("", Secret::expose)]
            }
            Grant::ServiceAccount(account) => vec![&account.email],
        };
        let parts = [&[self.request.url.as_str()], who.as_slice()].concat();
        TokenStore::id(&[parts.join("\n"), self.scopes.join("\n")].concat())
    }

    /// A problem of the server of tokens, which is not the one that is read.
    fn problem(&self, problem: Problem) -> Problem {
        let Problem::Server(cause) = problem else { return problem };
        Problem::Server(ServerProblem::Token { at: self.request.name(), cause: Box::new(cause) })
    }
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
