//! Answers that say that they failed, in a success and without an error: they are often without records, and look like a last page.

use cpl_batch::{Problem, ServerProblem};
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Answer;

/// What an answer says of itself.
#[derive(Deserialize)]
struct Said {
    success: Option<Value>,
    ok: Option<Value>,
    status: Option<Value>,
    message: Option<Value>,
}

/// What a `status` is called that means a failure.
const FAILURES: &[&str] = &["error", "ERROR", "Error", "fail", "failed", "failure"];

/// What an answer says of its failure; none where it says of none.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its text.
    pub message: Option<String>,
}

/// The failure that an answer says of itself.
pub fn find(answer: &[u8]) -> Option<Failure> {
    // The reader reports what is no JSON.
    let said = serde_json::from_slice::<Said>(answer).ok()?;
    let is_false = |value: Option<&Value>| value == Some(&Value::Bool(false));
    let is_failure = |status: &Value| status.as_str().is_some_and(|status| FAILURES.contains(&status));
    let is_failed =
        is_false(said.success.as_ref()) || is_false(said.ok.as_ref()) || said.status.as_ref().is_some_and(is_failure);
    let message = said.message.as_ref().and_then(Value::as_str).map(str::to_owned);
    is_failed.then_some(Failure { message })
}

/// Whether an answer says that it failed.
///
/// # Errors
/// What it says.
pub fn check(answer: &Answer) -> Result<(), Problem> {
    let Some(Failure { message }) = find(&answer.bytes) else { return Ok(()) };
    Err(Problem::Server(ServerProblem::Failed {
        status: answer.status.as_u16(),
        message: message.map(|message| answer.sent.excerpt(message.as_bytes())),
        code: None,
        excerpt: answer.sent.excerpt(&answer.bytes),
        attempts: 1,
    }))
}
