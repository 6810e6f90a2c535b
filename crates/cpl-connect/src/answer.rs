//! A read is sent until it is answered, or until that is of no use.

use std::{error::Error, future::Future, io, time::Duration};

use cpl_batch::{JobProblem, Problem, ServerProblem};
use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use crate::{
    error_inside::FoundError,
    limits::Limits,
    redirect::{self, Redirect},
    request::Request,
    retry::{self, Retry},
    terms::Terms,
    unpack::{gunzipped, too_large, unpacked},
};

/// What a server answered.
pub struct Answer {
    /// Its status: a success.
    pub status: StatusCode,
    /// Its bytes, unpacked.
    pub bytes: Vec<u8>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who answered.
    pub url: Url,
    /// What was sent: it knows the secrets in it.
    pub sent: Request,
}

/// Some servers begin a text with it, and no JSON does.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Answer {
    /// Refuses what a server says is not the answer yet, or a part of it.
    pub(crate) fn check_whole(&self) -> Result<(), Problem> {
        match self.status {
            StatusCode::ACCEPTED | StatusCode::PARTIAL_CONTENT => {
                let (status, excerpt) = (self.status.as_u16(), self.sent.excerpt(&self.bytes));
                Err(Problem::Server(ServerProblem::Refused { status, excerpt, attempts: 1 }))
            }
            _ => Ok(()),
        }
    }

    /// Unpacked.
    pub(crate) fn unpack(&mut self, most: u64) -> Result<(), Problem> {
        self.bytes = unpacked(std::mem::take(&mut self.bytes), most)?;
        strip_byte_order_mark(&mut self.bytes);
        Ok(())
    }
}

fn strip_byte_order_mark(bytes: &mut Vec<u8>) {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
}

/// A failed attempt.
struct Failed {
    problem: Failure,
    retry: Retry,
}

/// Why an attempt failed; how often it was tried is not known yet.
enum Failure {
    Unreachable(String),
    Silent(Duration),
    Slow(Duration),
    Broken(String),
    Refused { status: u16, excerpt: String },
    Inside { status: u16, message: Option<String>, code: Option<String>, excerpt: String },
    Other(Problem),
}

impl Failed {
    fn never(problem: ServerProblem) -> Self {
        Self::for_good(Problem::Server(problem))
    }

    fn for_good(problem: Problem) -> Self {
        Self { problem: Failure::Other(problem), retry: Retry::Never }
    }
}

/// The answer to a request of a read, each attempt in its turn.
pub async fn send_with_retries(client: &Client, request: &Request, terms: &Terms) -> Result<Answer, Problem> {
    let limits = &terms.limits;
    let mut waited = Duration::ZERO;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let turn = terms.throttle.turn().await;
        let failed = match tokio::time::timeout(limits.attempt, attempt(client, request, terms)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failed)) => failed,
            // It drips.
            Err(_) => Failed { problem: Failure::Slow(limits.attempt), retry: Retry::Never },
        };
        drop(turn);
        let Some(wait) = failed.retry.wait(attempts, limits) else { return Err(problem(failed.problem, attempts)) };
        waited = waited.saturating_add(wait);
        if waited > limits.waits {
            return Err(match (failed.problem, failed.retry) {
                (Failure::Refused { status, .. } | Failure::Inside { status, .. }, Retry::After(_))
                    if wait > limits.waits =>
                {
                    Problem::Server(ServerProblem::Busy { status, seconds: wait.as_secs() })
                }
                (other, _) => problem(other, attempts),
            });
        }
        tokio::time::sleep(wait).await;
    }
}

fn problem(failure: Failure, attempts: u32) -> Problem {
    Problem::Server(match failure {
        Failure::Unreachable(why) => ServerProblem::Unreachable { why, attempts },
        Failure::Silent(time) => ServerProblem::Silent { seconds: time.as_secs(), attempts },
        Failure::Slow(time) => ServerProblem::Slow { seconds: time.as_secs() },
        Failure::Broken(why) => ServerProblem::Broken { why, attempts },
        Failure::Refused { status, excerpt } => ServerProblem::Refused { status, excerpt, attempts },
        Failure::Inside { status, message, code, excerpt } => {
            ServerProblem::Failed { status, message, code, excerpt, attempts }
        }
        Failure::Other(problem) => return problem,
    })
}

/// One attempt, to where the server sends on its own ground.
async fn attempt(client: &Client, request: &Request, terms: &Terms) -> Result<Answer, Failed> {
    let mut url = request.url.clone();
    for _ in 0..=redirect::MOST {
        let sent = client.request(request.method.clone(), url).headers(request.headers.clone());
        let sent = request.body.iter().fold(sent, |sent, body| sent.body(body.bytes()));
        let answer = in_time(sent.send(), &terms.limits).await?;
        url = match Redirect::of(&answer, &request.method) {
            Redirect::None => return take(answer, request, terms).await,
            Redirect::Followed(to) => to,
            Redirect::Refused(to) => {
                let to = request.without_secrets(&to);
                return Err(Failed::never(ServerProblem::Moved { to }));
            }
        };
    }
    Err(Failed::never(ServerProblem::SentAround { times: redirect::MOST }))
}

/// Takes what was answered.
async fn take(answer: Response, request: &Request, terms: &Terms) -> Result<Answer, Failed> {
    let (status, url, limits) = (answer.status(), answer.url().clone(), &terms.limits);
    let requested_wait = retry::requested_wait(&answer, Timestamp::now());
    let retry = Retry::of(answer.status(), requested_wait);
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|of| of.to_str().ok()).map(str::to_owned);
    if !status.is_success() {
        // What it says is of use where it can be read.
        let bytes = body(answer, limits).await.unwrap_or_default();
        let inside = terms.errors.find(&bytes).ok().flatten();
        return Err(refused(status, &bytes, inside, (retry, requested_wait), request));
    }
    let headers = answer.headers().clone();
    let mut bytes = body(answer, limits).await?;
    strip_byte_order_mark(&mut bytes);
    if let Some(inside) = terms.errors.find(&bytes).map_err(Failed::for_good)? {
        return Err(refused(status, &bytes, Some(inside), (retry, requested_wait), request));
    }
    match content_type.filter(|of| if request.any_type { is_page(of) } else { !may_be_json(of) }) {
        None => Ok(Answer { status, headers, bytes, url, sent: request.clone() }),
        Some(content_type) => {
            let (content_type, excerpt) = (request.excerpt(content_type.as_bytes()), request.excerpt(&bytes));
            Err(Failed::never(if request.any_type {
                ServerProblem::Job(JobProblem::OtherType { content_type, excerpt })
            } else {
                ServerProblem::OtherType { content_type, excerpt }
            }))
        }
    }
}

/// An answer that refuses, by its status or by an error inside it, which says more.
fn refused(
    status: StatusCode,
    bytes: &[u8],
    inside: Option<FoundError>,
    (retry, requested_wait): (Retry, Option<Duration>),
    request: &Request,
) -> Failed {
    let (status, excerpt) = (status.as_u16(), request.excerpt(bytes));
    let Some(FoundError { message, code, retry: declared }) = inside else {
        return Failed { problem: Failure::Refused { status, excerpt }, retry };
    };
    let clean = |text: Option<String>| text.map(|text| request.excerpt(text.as_bytes()));
    let problem = Failure::Inside { status, message: clean(message), code: clean(code), excerpt };
    // The server's own time to come back is the better one.
    let retry = match (declared, requested_wait) {
        (Retry::Never, _) => retry,
        (_, Some(wait)) => Retry::After(wait),
        (declared, None) => declared,
    };
    Failed { problem, retry }
}

/// What comes before the server has been silent for too long.
async fn in_time<T>(coming: impl Future<Output = reqwest::Result<T>>, limits: &Limits) -> Result<T, Failed> {
    match tokio::time::timeout(limits.silence, coming).await {
        Ok(come) => come.map_err(|error| classify(error, limits)),
        Err(_) => Err(Failed { problem: Failure::Silent(limits.silence), retry: Retry::Soon }),
    }
}

/// Memory that is set aside for an answer before it comes.
const PROMISED_BYTES: u64 = 4 << 20;

/// The bytes of an answer, as many as are allowed.
async fn body(mut answer: Response, limits: &Limits) -> Result<Vec<u8>, Failed> {
    // What a server promises is believed as far as memory goes that any answer may take.
    let promised = answer.content_length().unwrap_or(0).min(limits.answer_bytes).min(PROMISED_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(promised).unwrap_or(0));
    let encoding = answer.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_gzip = [b"gzip".as_slice(), b"x-gzip"].iter().any(|name| encoding.trim_ascii().eq_ignore_ascii_case(name));
    while let Some(chunk) = in_time(answer.chunk(), limits).await? {
        if (bytes.len() + chunk.len()) as u64 > limits.answer_bytes {
            return Err(Failed::for_good(too_large(limits.answer_bytes)));
        }
        bytes.extend_from_slice(&chunk);
    }
    if !is_gzip || bytes.is_empty() {
        return Ok(bytes);
    }
    match gunzipped(&bytes, limits.answer_bytes) {
        Ok(Some(unpacked)) => Ok(unpacked),
        Ok(None) => Err(Failed::for_good(too_large(limits.answer_bytes))),
        Err(error) => Err(Failed { problem: Failure::Broken(error.to_string()), retry: Retry::Soon }),
    }
}

/// Why there is no answer, or not all of it. A read may be sent again, whatever has become of it.
fn classify(error: reqwest::Error, limits: &Limits) -> Failed {
    let error = error.without_url();
    let why = innermost(&error);
    if error.is_connect() && is_untrusted(&error) {
        return Failed::never(ServerProblem::Untrusted { why });
    }
    let problem = if error.is_connect() {
        Failure::Unreachable(why)
    } else if error.is_timeout() {
        Failure::Silent(limits.silence)
    } else {
        Failure::Broken(why)
    };
    Failed { problem, retry: Retry::Soon }
}

/// Whether a certificate is why a connection did not come about: it will be the same the next time.
#[must_use]
pub fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if let Some(tls) = found.downcast_ref() {
            return matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        // An error of reading holds another one, and is not its own source.
        let inside = found.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| found.source());
    }
    false
}

/// The cause behind all others: the library's own words tell little.
#[must_use]
pub fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Whether an answer of that type is a page for people, or an error: no report is written so.
fn is_page(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.contains("html") || essence.ends_with("xml")
}

/// Whether an answer of that type is looked at: APIs name plain text, bytes and scripts where they mean JSON.
fn may_be_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let other_names = ["", "text/plain", "application/octet-stream", "text/javascript", "application/javascript"];
    essence.contains("json") || other_names.contains(&essence.as_str())
}
