//! What is wrong with a server, or with its answer, and what to do.

use cpl_batch::ServerProblem;
use cpl_model::program::Fetch;
use cpl_syntax::{Code, Diagnostic};

/// The diagnostic for what the server at the address `name` does.
pub fn server_problem(name: &str, problem: &ServerProblem, fetch: &Fetch) -> Diagnostic {
    let (code, message, help) = match problem {
        ServerProblem::Unreachable { why, attempts } => (
            Code::E1008,
            format!("{name} can't be reached{}: {why}", tried(*attempts)),
            "is the address right, and may this machine connect to it?".to_owned(),
        ),
        ServerProblem::Silent { seconds, attempts } => (
            Code::E1008,
            format!("{name} said nothing for {seconds} seconds{}", tried(*attempts)),
            "nothing has left: run again later, or ask for less".to_owned(),
        ),
        ServerProblem::Broken { why, attempts } => (
            Code::E1008,
            format!("the answer of {name} broke off{}: {why}", tried(*attempts)),
            "nothing has left: run again later".to_owned(),
        ),
        ServerProblem::Refused { status, excerpt, attempts } => (
            Code::E1009,
            format!("{name} answers {}{}{}", status_of(*status), tried(*attempts), quoted(excerpt)),
            refused(*status),
        ),
        ServerProblem::Busy { status, seconds } => (
            Code::E1009,
            format!("{name} answers {}, and asks to wait for {seconds} seconds", status_of(*status)),
            "that is longer than a run waits: run again after that time, or ask it less often".to_owned(),
        ),
        ServerProblem::Moved { to } => (
            Code::E1009,
            format!("{name} sends to {to}"),
            "it is followed with GET, and to the same server, alone: write that address, where it is right".to_owned(),
        ),
        ServerProblem::SentAround { times } => (
            Code::E1009,
            format!("{name} sends from one address to another: followed {times} times"),
            "is the address right?".to_owned(),
        ),
        ServerProblem::NoJson { why, excerpt } => (
            Code::E1010,
            format!("{name} answers what is no JSON, or not all of it: {why}{}", quoted(excerpt)),
            "nothing has left: run again, and ask who runs the server where it stays so".to_owned(),
        ),
        ServerProblem::NoRecords { found, excerpt } => (
            Code::E1010,
            format!("{name} answers without records where they are looked for{}", quoted(excerpt)),
            where_records_are(found),
        ),
        ServerProblem::Failed { status, message, code, excerpt, attempts } => (
            Code::E1009,
            format!(
                "{name} answers{} with an error{}{}{}",
                if (200..300).contains(status) { String::new() } else { format!(" {}", status_of(*status)) },
                code.as_ref().map(|code| format!(" of code {code}")).unwrap_or_default(),
                tried(*attempts),
                quoted(message.as_ref().unwrap_or(excerpt)),
            ),
            "the server says what is wrong with the request".to_owned(),
        ),
        ServerProblem::PageTwice => (
            Code::E1012,
            format!("{name} is a page that was there before, or leads to one"),
            "`pages` of the connector says how an answer goes on: does the server know that parameter?".to_owned(),
        ),
        ServerProblem::ManyPages { most } => (
            Code::E1012,
            format!("{name} goes on after {}", pages(*most)),
            "ask for less, or say how many there may be in the connector: `limits: { pages: 10_000 }`".to_owned(),
        ),
        ServerProblem::NextElsewhere { to } => (
            Code::E1012,
            format!("{name}: the next page is at another server: {to}"),
            "nobody is told there who asks: a next page is at the server that was asked".to_owned(),
        ),
        ServerProblem::ShortPage { records, limit } => (
            Code::E1012,
            format!("{name} follows a page of {}", of_records(*records, u64::from(*limit))),
            "say in `pages` how many records the server gives at once: `limit: N`, and ask for as many".to_owned(),
        ),
        ServerProblem::FewerRecords { before, now } => (
            Code::E1012,
            format!("{name} has {now} records where it had {before} on the page before"),
            "some may have moved to a page that was read before: run again".to_owned(),
        ),
        ServerProblem::MissingRecords { total, records } => (
            Code::E1012,
            format!("{name} ends after {}", of_records(*records, *total)),
            "run again; where it stays so, `total` is not the number of all records".to_owned(),
        ),
        ServerProblem::NoLastValue { path } => (
            Code::E1012,
            format!("{name}: the last record has no value at `{path}`, after which the next page begins"),
            "`last` is the path to it from a record: is it right?".to_owned(),
        ),
        ServerProblem::OtherType { content_type, excerpt } => (
            Code::E1010,
            format!("{name} answers {content_type}, and not JSON{}", quoted(excerpt)),
            "is this the address of the API, and not of a page for people?".to_owned(),
        ),
    };
    Diagnostic::new(code, message).at(fetch.path_span, "asked here").help(help)
}

fn where_records_are(found: &[String]) -> String {
    match found {
        [] => "does it tell of an error? Else say where the records are: `records \"$.path.to.the.list\"`".to_owned(),
        [path] => format!("it has a list at `{path}`: `records \"{path}\"`"),
        [first, ..] => format!("it has lists at `{}`: `records \"{first}\"`", found.join("`, `")),
    }
}

fn pages(count: u32) -> String {
    if count == 1 { "1 page".to_owned() } else { format!("{count} pages") }
}

fn of_records(some: u64, all: u64) -> String {
    format!("{some} of {all} {}", if all == 1 { "record" } else { "records" })
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
fn refused(status: u16) -> String {
    match status {
        401 | 403 => "who asks is said by `auth`: is the secret there the right one, and not expired?",
        404 | 410 => "is the address right?",
        405 => "is it another `method`?",
        408 | 425 | 429 | 500..=599 => "nothing has left: run again later",
        400..=499 => "the server says what is wrong with the request",
        _ => "only answers with a status from 200 to 299 are read",
    }
    .to_owned()
}
