//! A read is sent until it is answered, or until that is of no use.

use std::{error::Error, time::Duration};

use cpl_batch::{Oversized, Place, Problem, ServerProblem};
use jiff::Timestamp;
use reqwest::{Client, Response, header::CONTENT_TYPE};

use crate::{
    limits::Limits,
    redirect::{self, Redirect},
    request::Request,
    retry::Retry,
};

/// A failed attempt.
struct Failed {
    problem: Failure,
    retry: Retry,
}

/// Why an attempt failed; how often it was tried is not known yet.
enum Failure {
    Unreachable(String),
    Silent(Duration),
    Broken(String),
    Refused { status: u16, excerpt: String },
    Other(Problem),
}

impl Failed {
    fn never(problem: ServerProblem) -> Self {
        Self { problem: Failure::Other(Problem::Server(problem)), retry: Retry::Never }
    }
}

/// The bytes of the answer to a read, unpacked.
pub async fn send_with_retries(client: &Client, request: &Request, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let mut waited = Duration::ZERO;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let failed = match tokio::time::timeout(limits.attempt, attempt(client, request, limits)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failed)) => failed,
            // It drips.
            Err(_) => Failed { problem: Failure::Silent(limits.attempt), retry: Retry::Never },
        };
        let Some(wait) = failed.retry.wait(attempts, limits) else { return Err(problem(failed.problem, attempts)) };
        waited = waited.saturating_add(wait);
        if waited > limits.waits {
            return Err(match (failed.problem, failed.retry) {
                (Failure::Refused { status, .. }, Retry::After(_)) if wait > limits.waits => {
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
        Failure::Broken(why) => ServerProblem::Broken { why, attempts },
        Failure::Refused { status, excerpt } => ServerProblem::Refused { status, excerpt, attempts },
        Failure::Other(problem) => return problem,
    })
}

/// One attempt, to where the server sends on its own ground.
async fn attempt(client: &Client, request: &Request, limits: &Limits) -> Result<Vec<u8>, Failed> {
    let mut url = request.url.clone();
    for _ in 0..=redirect::MOST {
        let sent = client.request(request.method.clone(), url).headers(request.headers.clone());
        let sent = request.body.iter().fold(sent, |sent, body| sent.body(body.clone()));
        let answer = sent.send().await.map_err(|error| classify(error, limits))?;
        url = match Redirect::of(&answer, &request.method) {
            Redirect::None => return read(answer, request, limits).await,
            Redirect::Followed(to) => to,
            Redirect::Refused(to) => {
                let to = request.without_secrets(&to);
                return Err(Failed::never(ServerProblem::Moved { to }));
            }
        };
    }
    Err(Failed::never(ServerProblem::SentAround { times: redirect::MOST }))
}

/// Reads what was answered.
async fn read(answer: Response, request: &Request, limits: &Limits) -> Result<Vec<u8>, Failed> {
    let status = answer.status();
    let retry = Retry::of(&answer, Timestamp::now());
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|of| of.to_str().ok()).map(str::to_owned);
    if !status.is_success() {
        // What it says is of use where it can be read.
        let excerpt = body(answer, limits).await.unwrap_or_default();
        let problem = Failure::Refused { status: status.as_u16(), excerpt: request.excerpt(&excerpt) };
        return Err(Failed { problem, retry });
    }
    let bytes = body(answer, limits).await?;
    match content_type.filter(|of| !may_be_json(of)) {
        None => Ok(bytes),
        Some(content_type) => {
            let content_type = request.excerpt(content_type.as_bytes());
            Err(Failed::never(ServerProblem::OtherType { content_type, excerpt: request.excerpt(&bytes) }))
        }
    }
}

/// The bytes of an answer, as many as are allowed.
async fn body(mut answer: Response, limits: &Limits) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| classify(error, limits))? {
        if (bytes.len() + chunk.len()) as u64 > limits.answer_bytes {
            let (what, limit, place) = (Oversized::Answer, limits.answer_bytes, Place::default());
            let problem = Failure::Other(Problem::TooLarge { what, limit, place });
            return Err(Failed { problem, retry: Retry::Never });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Why there is no answer, or not all of it. A read may be sent again, whatever has become of it.
fn classify(error: reqwest::Error, limits: &Limits) -> Failed {
    let error = error.without_url();
    let why = innermost(&error);
    let problem = if error.is_connect() {
        Failure::Unreachable(why)
    } else if error.is_timeout() {
        Failure::Silent(limits.silence)
    } else {
        Failure::Broken(why)
    };
    Failed { problem, retry: Retry::Soon }
}

/// The cause behind all others: the library's own words tell little.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Whether an answer of that type is looked at: APIs name plain text, bytes and scripts where they mean JSON.
fn may_be_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let other_names = ["", "text/plain", "application/octet-stream", "text/javascript", "application/javascript"];
    essence.contains("json") || other_names.contains(&essence.as_str())
}
