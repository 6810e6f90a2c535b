//! A request that can be sent.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cpl_batch::{Problem, ServerProblem};
use cpl_model::{host::is_this_machine, method::Method};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{
    secret::Secret,
    strike_out::{SecretSearch, answer_without, spellings, strike_out},
};

/// What a request holds in the place of a report's name, until that is known: letters only, which are the same in an
/// address, a header and JSON.
pub const REPORT: &str = "cplReportNameGoesHere5c9e1f";

/// What may stand as it is in a segment of an address's path (RFC 3986: unreserved).
pub const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The most characters that are shown of what a server says.
const EXCERPT_CHARS: usize = 200;

/// Credentials.
pub enum Auth {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(Secret),
    /// `Authorization: Basic` (RFC 7617): a user, and a password where there is one.
    Basic(Secret, Option<Secret>),
    /// A header of that name.
    Header(String, Secret),
    /// A parameter of the query.
    Query(String, Secret),
}

/// A request, whole: its secrets are in it, and it is shown without them and without its query.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: reqwest::Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Body>,
    /// Answers of other types than JSON are read too.
    pub(crate) any_type: bool,
    /// Credentials in the query: each address that a server names gets them too.
    auth_query: Vec<(String, Secret)>,
    /// What is struck out of everything that the server says.
    secrets: Vec<Secret>,
}

/// What is sent.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// The pairs of a form, as addresses hold them.
    Form(String),
}

impl Body {
    /// The bytes that are sent.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Form(pairs) => pairs.clone().into_bytes(),
        }
    }
}

/// Why a request can't be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidRequest {
    /// Its address is none.
    Address(String),
    /// The value of that header, or a credential, holds characters that no header may hold.
    Header(String),
    /// It could be read by others on its way.
    Open,
    /// A secret is no key of a service account.
    Key(&'static str),
}

impl Request {
    /// Of a method and an address.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(method: Method, address: &str) -> Result<Self, InvalidRequest> {
        let url = Url::parse(address).map_err(|error| InvalidRequest::Address(error.to_string()))?;
        Ok(Self {
            method: wire(method),
            url,
            headers: HeaderMap::new(),
            body: None,
            any_type: false,
            auth_query: Vec::new(),
            secrets: Vec::new(),
        })
    }

    /// Of a method and an address that may be a secret: nobody reads it on its way.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn at_address(method: Method, address: &Secret) -> Result<Self, InvalidRequest> {
        Ok(Self::new(method, address.expose().trim())?.encrypted()?.hiding(vec![address.clone()]))
    }

    /// Adds to the address's path, right behind what is there.
    #[must_use]
    pub fn path(mut self, text: &str) -> Self {
        if !text.is_empty() {
            let path = format!("{}{text}", self.url.path());
            self.url.set_path(&path);
        }
        self
    }

    /// Adds a pair to the address's query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Adds a header.
    ///
    /// # Errors
    /// Where it can't be one.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidRequest> {
        let (name, value) = header(name, value)?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Adds a header whose value is a secret.
    ///
    /// # Errors
    /// Where it can't be one.
    pub fn secret_header(mut self, name: &str, value: &Secret) -> Result<Self, InvalidRequest> {
        self.secrets.push(value.clone());
        self.hidden_header(name, value.expose())
    }

    /// Whether another one requests the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (&self.method, &self.url, &self.body) == (&other.method, &other.url, &other.body)
    }

    /// The same request at another address; with the same credentials.
    pub(crate) fn at(mut self, url: Url) -> Self {
        self.url = url;
        for (name, secret) in self.auth_query.clone() {
            set_query(&mut self.url, &name, secret.expose());
        }
        self
    }

    /// The same request with another value of a parameter.
    pub(crate) fn with_query(mut self, name: &str, value: &str) -> Self {
        set_query(&mut self.url, name, value);
        self
    }

    /// The same request with another member of the object that is sent, within those of the names before.
    pub(crate) fn with_member(mut self, names: &[String], value: Value) -> Self {
        if let Body::Json(body) = self.body.get_or_insert_with(|| Body::Json(Value::Object(Map::new()))) {
            *names.iter().fold(body, |within, name| member(within, name)) = value;
        }
        self
    }

    /// The same request, whose answer may be of another type than JSON.
    pub(crate) fn of_any_type(mut self) -> Self {
        self.any_type = true;
        self
    }

    /// The request for an address in the answer to this one: at another server without the credentials, which are
    /// struck out there all the same.
    pub(crate) fn reading(self, url: Url) -> Self {
        let is_here = url.origin() == self.url.origin();
        let mut read = Self { method: reqwest::Method::GET, body: None, any_type: true, ..self };
        read.headers.remove(CONTENT_TYPE);
        if is_here {
            return read.at(url);
        }
        Self { url, headers: HeaderMap::new(), auth_query: Vec::new(), ..read }
    }

    /// The same request with the name of a report in the place of what stands for it.
    ///
    /// # Errors
    /// Where the name can't stand in a header.
    pub(crate) fn of_report(mut self, name: &str) -> Result<Self, InvalidRequest> {
        let in_path: String = utf8_percent_encode(name, SEGMENT).to_string();
        let path = self.url.path().replace(REPORT, &in_path);
        self.url.set_path(&path);
        if let Some(query) = self.url.query().filter(|query| query.contains(REPORT)) {
            let in_query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let query = query.replace(REPORT, &in_query);
            self.url.set_query(Some(&query));
        }
        for (key, value) in &mut self.headers {
            if let Some(text) = value.to_str().ok().filter(|text| text.contains(REPORT)) {
                let named = HeaderValue::from_str(&text.replace(REPORT, name));
                *value = named.map_err(|_| InvalidRequest::Header(key.to_string()))?;
            }
        }
        if let Some(Body::Json(body)) = &mut self.body {
            name_report(body, name);
        }
        Ok(self)
    }

    /// The same request, which strikes those out as well.
    pub(crate) fn hiding(mut self, secrets: Vec<Secret>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// The same request by a token.
    pub(crate) fn token(mut self, header: Option<&HeaderName>, token: &Secret) -> Self {
        let text = match header {
            Some(_) => token.expose().to_owned(),
            None => format!("Bearer {}", token.expose()),
        };
        let mut value =
            HeaderValue::from_str(&text).unwrap_or_else(|_| unreachable!("a token that can't be sent is none"));
        value.set_sensitive(true);
        self.headers.insert(header.cloned().unwrap_or(AUTHORIZATION), value);
        self.secrets.push(token.clone());
        self
    }

    /// Sends the pairs of a form.
    pub(crate) fn form(mut self, pairs: Vec<(&str, Secret)>) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            form.append_pair(name, value.expose());
            self.secrets.push(value);
        }
        self.body = Some(Body::Form(form.finish()));
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// The request, if nobody reads it on its way: it goes by https, or stays on this machine.
    pub(crate) fn encrypted(self) -> Result<Self, InvalidRequest> {
        if is_private(&self.url) { Ok(self) } else { Err(InvalidRequest::Open) }
    }

    /// Adds credentials.
    ///
    /// # Errors
    /// Where that can't stand in a header.
    pub fn auth(mut self, auth: &Auth) -> Result<Self, InvalidRequest> {
        let text = match auth {
            Auth::Bearer(token) => {
                self.secrets.push(token.clone());
                format!("Bearer {}", token.expose())
            }
            Auth::Basic(user, password) => {
                let shown = password.as_ref().map_or("", Secret::expose);
                let pair = Secret::new(BASE64_STANDARD.encode(format!("{}:{shown}", user.expose())));
                let text = format!("Basic {}", pair.expose());
                self.secrets.extend([user.clone(), pair].into_iter().chain(password.clone()));
                text
            }
            Auth::Header(name, secret) => return self.secret_header(name, secret),
            Auth::Query(name, secret) => {
                self.secrets.push(secret.clone());
                self.auth_query.push((name.clone(), secret.clone()));
                return Ok(self.with_query(name, secret.expose()));
            }
        };
        self.hidden_header(AUTHORIZATION.as_str(), &text)
    }

    /// Signs what is sent, as a webhook of that id at that moment (Standard Webhooks, symmetric signatures): a key that begins with
    /// `whsec_` is Base64, any other is taken as it is.
    ///
    /// # Errors
    /// Where the id can't stand in a header.
    pub fn signed(self, key: &Secret, id: &str, at: Timestamp) -> Result<Self, InvalidRequest> {
        let body = self.body.as_ref().map(Body::bytes).unwrap_or_default();
        let seconds = at.as_second().to_string();
        let bytes = key.expose().strip_prefix("whsec_").and_then(|key| BASE64_STANDARD.decode(key).ok());
        let bytes = bytes.unwrap_or_else(|| key.expose().as_bytes().to_vec());
        let mut mac = Hmac::<Sha256>::new_from_slice(&bytes).unwrap_or_else(|_| unreachable!("a key of any length"));
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(&body);
        let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        let signed = self.hiding(vec![key.clone()]);
        signed.header("webhook-id", id)?.header("webhook-timestamp", &seconds)?.header("webhook-signature", &signature)
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(Body::Json(body));
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        self
    }

    /// A header that no library prints, in the place of one of that name.
    fn hidden_header(mut self, name: &str, value: &str) -> Result<Self, InvalidRequest> {
        let (name, mut value) = header(name, value)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The address without its query, which may hold anything.
    #[must_use]
    pub fn name(&self) -> String {
        shown(&self.url)
    }

    /// What is sent, secrets struck out: the method, the whole address, the headers and the body.
    #[must_use]
    pub fn described(&self) -> String {
        let mut text = format!("{} {}", self.method, self.url);
        for (name, value) in &self.headers {
            let value = if value.is_sensitive() { "…" } else { value.to_str().unwrap_or("…") };
            text.extend(["\n", name.as_str(), ": ", value]);
        }
        let body = match &self.body {
            Some(Body::Json(value)) => format!("\n{value:#}"),
            Some(Body::Form(pairs)) => format!("\n{pairs}"),
            None => String::new(),
        };
        self.without_secrets(&(text + &body))
    }

    /// A text of the server's without the secrets that it was sent.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        self.cleaner()(text)
    }

    /// What does so to many texts: the spellings of the secrets are worked out once.
    pub fn cleaner(&self) -> impl Fn(&str) -> String + use<> {
        let spellings = spellings(&self.secrets);
        move |text| strike_out(&spellings, text)
    }

    /// What looks for them in the values of rows.
    #[must_use]
    pub fn secret_search(&self) -> SecretSearch {
        SecretSearch::new(&self.secrets)
    }

    /// An answer of the server's without them; it stays JSON.
    #[must_use]
    pub fn answer_without_secrets(&self, answer: Vec<u8>) -> Vec<u8> {
        answer_without(&self.secrets, answer)
    }

    /// The problem of an answer that is no JSON from that line and column on.
    #[must_use]
    pub fn no_json(&self, (line, column): (u64, u64), why: &str, answer: &[u8]) -> Problem {
        let why = format!("{why}, at line {line}, column {column}");
        Problem::Server(ServerProblem::NoJson { why, excerpt: self.excerpt(answer) })
    }

    /// The beginning of what a server says, on one line, and without the secrets that it was sent.
    #[must_use]
    pub fn excerpt(&self, answer: &[u8]) -> String {
        let spellings = spellings(&self.secrets);
        let longest = spellings.first().map_or(0, String::len);
        let window = &answer[..answer.len().min(EXCERPT_CHARS * 8 + longest)];
        let mut text = strike_out(&spellings, &String::from_utf8_lossy(window));
        // The window may end within a secret: so much of its end is not shown, with what stands for half a character.
        if window.len() < answer.len() {
            text.truncate(text.floor_char_boundary(text.len().saturating_sub(longest + 3)));
        }
        let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let line = words.collect::<Vec<_>>().join(" ");
        if line.chars().count() <= EXCERPT_CHARS {
            return line;
        }
        format!("{}…", line.chars().take(EXCERPT_CHARS).collect::<String>())
    }
}

/// Puts the name of a report where something stands for it.
fn name_report(json: &mut Value, name: &str) {
    match json {
        Value::String(text) if text.contains(REPORT) => *text = text.replace(REPORT, name),
        Value::Array(all) => all.iter_mut().for_each(|each| name_report(each, name)),
        Value::Object(all) => all.values_mut().for_each(|each| name_report(each, name)),
        _ => {}
    }
}

/// Sets a parameter of an address, in the place of all values that it has.
fn set_query(url: &mut Url, name: &str, value: &str) {
    // The others stay as they were written: a server may compare them letter by letter.
    let is_other =
        |pair: &&str| url::form_urlencoded::parse(pair.as_bytes()).next().is_none_or(|(other, _)| other != name);
    let pair = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    let query = url.query().unwrap_or_default();
    let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).filter(is_other).collect();
    let query = pairs.into_iter().chain([pair.as_str()]).collect::<Vec<_>>().join("&");
    url.set_query(Some(&query));
}

/// A member of a value, which is made an object where it is none.
fn member<'v>(of: &'v mut Value, name: &str) -> &'v mut Value {
    if !of.is_object() {
        *of = Value::Object(Map::new());
    }
    match of {
        Value::Object(members) => members.entry(name).or_insert(Value::Null),
        _ => unreachable!("it was made an object"),
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), InvalidRequest> {
    let invalid = || InvalidRequest::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
    Ok((key, HeaderValue::from_str(value).map_err(|_| invalid())?))
}

fn wire(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.name())
    }
}

/// An address as messages show it: without its query, and without what follows it.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Neither of them stands in an address that was checked; a server may send to any.
    let _no_host = url.set_username("").and_then(|()| url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Whether nobody else reads what is sent to an address: it is encrypted, or stays on this machine.
#[must_use]
pub fn is_private(address: &Url) -> bool {
    let is_here = || address.host_str().is_some_and(is_this_machine);
    address.scheme() == "https" || address.scheme() == "http" && is_here()
}
