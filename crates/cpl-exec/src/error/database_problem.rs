//! What is wrong with a database, or with a query of it, and what to do.

use cpl_batch::DatabaseProblem;
use cpl_model::program::Fetch;
use cpl_syntax::{Code, Diagnostic};

use super::words::time;

/// The diagnostic for what the database of that name does.
pub fn database_problem(name: &str, problem: &DatabaseProblem, fetch: &Fetch) -> Diagnostic {
    let (code, message, help) = match problem {
        DatabaseProblem::Unreachable { why } => (
            Code::E1008,
            format!("{name} can't be reached: {why}"),
            "is the address right, and may this machine connect to it?",
        ),
        DatabaseProblem::Untrusted { why } => (
            Code::E1008,
            format!("{name} can't prove who it is, or does not encrypt: {why}"),
            "name its certificate by `certificates` in `cpl.yaml`; `sslmode=require` in its address (of MySQL: \
             `ssl-mode=REQUIRED`) encrypts, whoever answers",
        ),
        DatabaseProblem::Refused { code, message } => (
            Code::E1009,
            format!("{name} refuses{}{}", coded(code.as_deref()), said(message, fetch)),
            "nothing was changed: the database says what is wrong with the login, or with the query",
        ),
        DatabaseProblem::NoQuery => {
            (Code::E1009, format!("{name} is sent no query"), "wanted: one query, such as `select …`")
        }
        DatabaseProblem::Zone { zone } => (
            Code::E1009,
            format!("{name} does not know the time zone {zone}, in which the moments of this query are meant"),
            "send a day, or seconds: `unix_timestamp(at) >= {unix_seconds(now)}`; MySQL knows zones where they are loaded \
             (mysql_tzinfo_to_sql)",
        ),
        DatabaseProblem::Broken { why } => {
            (Code::E1008, format!("the answer of {name} broke off: {why}"), "nothing was changed: run again later")
        }
        DatabaseProblem::OutOfTime { limit } => (
            Code::E1008,
            format!("{name} was not read to its end within the {} that a run has", time(*limit)),
            "nothing was changed: request less, or give it longer by `limits: { run: … }` in `cpl.yaml`",
        ),
    };
    Diagnostic::new(code, message).at(fetch.path_span, "requested here").help(help)
}

fn coded(code: Option<&str>) -> String {
    code.map(|code| format!(" by {code}")).unwrap_or_default()
}

/// What a database says, which may hold what is personal.
fn said(message: &str, fetch: &Fetch) -> String {
    let is_hidden = fetch.columns.iter().any(|column| column.is_personal);
    if is_hidden { String::new() } else { format!(": {message}") }
}
