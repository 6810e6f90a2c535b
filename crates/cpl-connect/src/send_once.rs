//! A request that changes something: it is sent once, and what became of it is told apart by what had left.

use std::{sync::Arc, time::Duration};

use cpl_batch::Problem;
use cpl_records::ProbeBuilder;
use jiff::Timestamp;
use reqwest::{Client, Response, header::ACCEPT_ENCODING};
use tokio::time::timeout;

use crate::{
    answer::innermost,
    api::Api,
    failed_answer,
    request::Request,
    retry::{Retry, requested_wait},
};

/// A request that is sent once, and the API that it is sent to.
#[derive(Clone)]
pub struct SingleRequest {
    /// The request.
    pub request: Request,
    /// The API.
    pub api: Arc<Api>,
}

/// What became of a request that was sent once.
#[derive(Debug)]
pub enum Sent {
    /// No connection was made: nothing left.
    NotSent(String),
    /// No access token was given: nothing left.
    NoToken(Box<Problem>),
    /// It left, or a part of it, and no answer came, or none that is whole.
    Lost(String),
    /// It was answered.
    Answered(Box<Answered>),
}

/// An answer.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// How long the server wants to be left alone.
    pub wait: Option<Duration>,
    /// The error inside it: its text, and whether the request may be sent again.
    pub error: Option<(String, bool)>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its beginning, without the secrets that the server was sent.
    pub excerpt: String,
}

impl Answered {
    /// The text of the value at a path; none where nothing is there, or it is no text and no number.
    #[must_use]
    pub fn value_at(&self, path: &str) -> Option<String> {
        let mut probe = ProbeBuilder::default();
        let at = probe.add(path).ok()?;
        let text = std::str::from_utf8(&self.bytes).ok()?;
        let found = probe.build().find(text).ok()?;
        let value = found.get(at)?.as_deref()?;
        match serde_json::from_str(value).ok()? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(_) => Some(value.trim().to_owned()),
            _ => None,
        }
    }
}

impl SingleRequest {
    /// Sends it in its turn: a connection of its own, no repeat, no redirect.
    pub(crate) async fn send(&self, client: &Client) -> Sent {
        let request = match &self.api.tokens {
            None => self.request.clone(),
            Some(tokens) => match tokens.get(client, None).await {
                Ok(token) => tokens.add(&token, self.request.clone().hiding(tokens.secrets())),
                Err(problem) => return Sent::NoToken(Box::new(problem)),
            },
        };
        let limits = &self.api.terms.limits;
        let _turn = self.api.terms.throttle.turn().await;
        let sent = client.request(request.method.clone(), request.url.clone());
        let sent = sent.header(ACCEPT_ENCODING, "identity").headers(request.headers.clone());
        let sent = request.body.iter().fold(sent, |sent, body| sent.body(body.bytes()));
        match timeout(limits.silence, sent.send()).await {
            Err(_) => Sent::Lost(format!("no answer within {} s", limits.silence.as_secs())),
            Ok(Err(error)) => {
                let error = error.without_url();
                let (is_connect, why) = (error.is_connect(), request.without_secrets(&innermost(&error)));
                if is_connect { Sent::NotSent(why) } else { Sent::Lost(why) }
            }
            Ok(Ok(answer)) => match timeout(limits.attempt, self.take(answer, &request)).await {
                Ok(sent) => sent,
                Err(_) => Sent::Lost(format!("no whole answer within {} s", limits.attempt.as_secs())),
            },
        }
    }

    async fn take(&self, mut answer: Response, request: &Request) -> Sent {
        let (status, wait) = (answer.status(), requested_wait(&answer, Timestamp::now()));
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if (bytes.len() + chunk.len()) as u64 <= self.api.terms.limits.answer_bytes => {
                    bytes.extend_from_slice(&chunk);
                }
                Ok(None) => break,
                // A refusal is one, however much of it came.
                _ if status.is_client_error() => break,
                Ok(Some(_)) => return Sent::Lost("the answer is too large".to_owned()),
                Err(error) => {
                    let why = request.without_secrets(&innermost(&error.without_url()));
                    return Sent::Lost(format!("the answer is cut short: {why}"));
                }
            }
        }
        let excerpt = request.excerpt(&bytes);
        let errors = &self.api.terms.errors;
        let found = errors.find(&bytes).ok().flatten().map(|found| (found.message, found.retry != Retry::Never));
        let failed =
            || failed_answer::find(&bytes).filter(|_| errors.are_usual()).map(|failed| (failed.message, false));
        let error = found.or_else(failed).map(|(message, may_repeat)| {
            let text = message.map_or_else(|| excerpt.clone(), |message| request.excerpt(message.as_bytes()));
            (text, may_repeat)
        });
        Sent::Answered(Box::new(Answered { status: status.as_u16(), wait, error, bytes, excerpt }))
    }
}
