//! What is wrong with a server, or with its answer, and what to do.

use cpl_batch::ServerProblem;
use cpl_model::program::Fetch;
use cpl_syntax::{Code, Diagnostic};

use super::{
    job_problem::job_problem,
    page_problem::page_problem,
    words::{counted, time},
};

/// The diagnostic for what the server at the address `name` does.
pub fn server_problem(name: &str, problem: &ServerProblem, fetch: &Fetch) -> Diagnostic {
    if let ServerProblem::Token { at, cause } = problem {
        return server_problem(&format!("the server of tokens {at}"), cause, fetch);
    }
    if let ServerProblem::At { at, cause } = problem {
        let diagnostic = server_problem(at, cause, fetch);
        return match **cause {
            ServerProblem::Refused { status: 401 | 403 | 404 | 410, .. } => diagnostic.help(
                "nothing was changed: run again. Are the credentials in `auth` right? The address of a report is valid for some minutes only",
            ),
            _ => diagnostic,
        };
    }
    // What the server says may hold what is personal.
    let excerpt_of = |excerpt: &String| {
        let hidden = fetch.columns.iter().any(|column| column.is_personal);
        if hidden { String::new() } else { quoted(excerpt) }
    };
    let (code, message, help) = match problem {
        ServerProblem::Unreachable { .. }
        | ServerProblem::Untrusted { .. }
        | ServerProblem::Silent { .. }
        | ServerProblem::Slow { .. }
        | ServerProblem::OutOfTime { .. }
        | ServerProblem::Broken { .. } => no_answer(name, problem),
        ServerProblem::Refused { status, excerpt, attempts } => (
            Code::E1009,
            format!("{name} answers {}{}{}", status_of(*status), tried(*attempts), excerpt_of(excerpt)),
            refused(*status, fetch),
        ),
        ServerProblem::Busy { status, seconds } => (
            Code::E1009,
            format!("{name} answers {}, and says to wait for {seconds} seconds", status_of(*status)),
            "that is longer than a run waits: run again after that time, or less often".to_owned(),
        ),
        ServerProblem::Moved { to } => (
            Code::E1009,
            format!("{name} redirects to {to}"),
            "a redirect is only followed for GET, and to the same server: if that address is right, write it instead"
                .to_owned(),
        ),
        ServerProblem::SentAround { times } => (
            Code::E1009,
            format!("{name} redirects from one address to another: followed {times} times"),
            "is the address right?".to_owned(),
        ),
        ServerProblem::NoJson { why, excerpt } => (
            Code::E1010,
            format!("{name} answers what is no JSON, or not all of it: {why}{}", excerpt_of(excerpt)),
            "nothing was changed: run again; if it happens again, ask the people who run the server".to_owned(),
        ),
        ServerProblem::NoRecords { found, excerpt } => (
            Code::E1010,
            format!("{name} answers without records where they are looked for{}", excerpt_of(excerpt)),
            where_records_are(found),
        ),
        ServerProblem::Failed { status, message, code, excerpt, attempts } => (
            Code::E1009,
            format!(
                "{name} answers{} with an error{}{}{}",
                if (200..300).contains(status) { String::new() } else { format!(" {}", status_of(*status)) },
                code.as_ref().map(|code| format!(" of code {code}")).unwrap_or_default(),
                tried(*attempts),
                message.as_ref().map_or_else(|| excerpt_of(excerpt), |message| quoted(message)),
            ),
            match status {
                200..=299 => "the server says what is wrong with the request".to_owned(),
                _ => refused(*status, fetch),
            },
        ),
        ServerProblem::Token { .. } | ServerProblem::At { .. } => unreachable!("what gives it was looked at"),
        ServerProblem::Job(problem) => job_problem(name, problem, excerpt_of),
        ServerProblem::NoToken { found } if found.is_empty() => (
            Code::E1010,
            format!("{name} answers without a token"),
            "is `token_url` of the connector the right address?".to_owned(),
        ),
        ServerProblem::NoToken { found } => (
            Code::E1010,
            format!("{name} answers without an `access_token`: its answer has `{}`", found.join("`, `")),
            "is `token_url` of the connector the right address?".to_owned(),
        ),
        ServerProblem::Pages(problem) => page_problem(name, problem),
        ServerProblem::RepeatsSecret { column } => (
            Code::E1015,
            format!("{name}: a value of `{column}` holds a secret that was sent, and would be shown"),
            "leave the column out, or mark it `personal`: then only its hash is shown. What is no secret, such as an account's number, can be written as it is, without `secret(…)`"
                .to_owned(),
        ),
        ServerProblem::OtherType { content_type, excerpt } => (
            Code::E1010,
            format!("{name} answers {content_type}, and not JSON{}", excerpt_of(excerpt)),
            "is this the address of the API, and not of a page for people?".to_owned(),
        ),
    };
    Diagnostic::new(code, message).at(fetch.path_span, "requested here").help(help)
}

/// Why there is no answer, or not all of it.
fn no_answer(name: &str, problem: &ServerProblem) -> (Code, String, String) {
    let (message, help) = match problem {
        ServerProblem::Unreachable { why, attempts } => (
            format!("{name} can't be reached{}: {why}", tried(*attempts)),
            "is the address right, and may this machine connect to it?".to_owned(),
        ),
        ServerProblem::Untrusted { why } => (
            format!("{name} can't prove who it is: {why}"),
            "where it is yours, name its certificate by `certificates` in `cpl.yaml`; else another one answers in its place"
                .to_owned(),
        ),
        ServerProblem::Silent { seconds, attempts } => (
            format!("{name} said nothing for {}{}", counted(*seconds, "second"), tried(*attempts)),
            "nothing was changed: run again later, or request less".to_owned(),
        ),
        ServerProblem::Slow { seconds } => (
            format!("{name} did not come to the end of its answer in {}", counted(*seconds, "second")),
            "nothing was changed: request less at once, or say how long it may take by `timeout` of the connector's `limits`"
                .to_owned(),
        ),
        ServerProblem::OutOfTime { limit } => (
            format!("{name} was not read to its end within the {} that a run has", time(*limit)),
            "nothing was changed: request less, or give it longer by `limits: { run: … }` in `cpl.yaml`".to_owned(),
        ),
        ServerProblem::Broken { why, attempts } => (
            format!("the answer of {name} broke off{}: {why}", tried(*attempts)),
            "nothing was changed: run again later".to_owned(),
        ),
        _ => unreachable!("there is an answer"),
    };
    (Code::E1008, message, help)
}

fn where_records_are(found: &[String]) -> String {
    match found {
        [] => "is it an error? If not, say where the records are: `records \"$.path.to.the.list\"`".to_owned(),
        [path] => format!("it has a list at `{path}`: `records \"{path}\"`"),
        [first, ..] => format!("it has lists at `{}`: `records \"{first}\"`", found.join("`, `")),
    }
}

fn tried(attempts: u32) -> String {
    if attempts > 1 { format!(", tried {attempts} times") } else { String::new() }
}

fn quoted(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": `{}`", excerpt.replace('`', "'")) }
}

/// A status, with the words of RFC 9110 where they help.
fn status_of(status: u16) -> String {
    let words = match status {
        202 => " Accepted",
        206 => " Partial Content",
        400 => " Bad Request",
        401 => " Unauthorized",
        403 => " Forbidden",
        404 => " Not Found",
        405 => " Method Not Allowed",
        410 => " Gone",
        429 => " Too Many Requests",
        500 => " Internal Server Error",
        502 => " Bad Gateway",
        503 => " Service Unavailable",
        504 => " Gateway Timeout",
        _ => "",
    };
    format!("{status}{words}")
}

/// What to do about a status.
fn refused(status: u16, fetch: &Fetch) -> String {
    match status {
        202 => "the server says that the answer is not there yet: run again later; a report that takes long is read by `job` of a connector",
        206 => "the server says that this is a part of the answer: request all of it",
        401 | 403 if fetch.store().is_some() => {
            "may these keys list and read what is in the bucket, and are they not expired?"
        }
        401 | 403 => "is the secret in `auth` the right one, and not expired?",
        404 | 410 => "is the address right?",
        405 => "is it another `method`?",
        408 | 425 | 429 | 500..=599 => "nothing was changed: run again later",
        400..=499 => "the server says what is wrong with the request",
        _ => "only answers with a status from 200 to 299 are read",
    }
    .to_owned()
}
