//! Refusals and failures of a store.

use cpl_batch::{Problem, ServerProblem};
use cpl_connect::{Secret, innermost, is_untrusted, without_secrets};
use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};

/// How often a request is sent: the library repeats what may be repeated.
pub const RETRIES: usize = 3;
/// The first time included.
const ATTEMPTS: u32 = 4;

/// The most letters that are shown of what a store says.
const SHOWN: usize = 200;

/// What is wrong, without secrets.
pub fn problem(error: &Error, secrets: &[Secret]) -> Problem {
    let text = innermost(error);
    if is_untrusted(error) {
        return Problem::Server(ServerProblem::Untrusted { why: shown(&text, secrets) });
    }
    if is_unconnected(error) {
        return Problem::Server(ServerProblem::Unreachable { why: shown(&text, secrets), attempts: ATTEMPTS });
    }
    match error {
        Error::Precondition { .. } | Error::NotModified { .. } => Problem::Changed,
        Error::InvalidPath { .. } => Problem::Unreadable(format!("an object has a name that can't be read: {text}")),
        _ => problem_of(&text, secrets),
    }
}

/// The problem that a library reports by that text: its errors name the status only in their words.
pub fn problem_of(text: &str, secrets: &[Secret]) -> Problem {
    const STATUS: &str = "status code: ";
    let answer = text.find(STATUS).and_then(|at| text[at + STATUS.len()..].split_at_checked(3));
    let answered = answer.and_then(|(status, rest)| Some((status.parse().ok()?, rest)));
    Problem::Server(match answered {
        Some((status, rest)) => {
            let excerpt = shown(rest.split_once(": ").map_or("", |(_, said)| said), secrets);
            let is_repeated = status == 429 || status >= 500;
            ServerProblem::Refused { status, excerpt, attempts: if is_repeated { ATTEMPTS } else { 1 } }
        }
        None => ServerProblem::Broken { why: shown(text, secrets), attempts: ATTEMPTS },
    })
}

/// Whether no connection came about.
fn is_unconnected(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if let Some(http) = found.downcast_ref::<HttpError>() {
            return http.kind() == HttpErrorKind::Connect;
        }
        cause = found.source();
    }
    false
}

/// A text of a store on one line, shortened and without secrets.
pub fn shown(text: &str, secrets: &[Secret]) -> String {
    let text = without_secrets(secrets, text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    format!("{}…", line.chars().take(SHOWN).collect::<String>())
}
