//! Long reports that can't be read, and what to do.

use cpl_batch::JobProblem;
use cpl_syntax::Code;

use super::words::time;

/// The diagnostic for a long report of the server of that name: a code, a message, and what to do.
/// `excerpt_of` shows the beginning of an answer.
pub fn job_problem(name: &str, problem: &JobProblem, excerpt_of: impl Fn(&String) -> String) -> (Code, String, String) {
    let (message, help) = match problem {
        JobProblem::NoName { path, excerpt } => (
            format!("{name} answers without the name of a report at `{path}`{}", excerpt_of(excerpt)),
            "`id` of `start` is the path to it in the connector: is it right?".to_owned(),
        ),
        JobProblem::NoState { path, excerpt } => (
            format!("{name} gives no state of the report at `{path}`{}", excerpt_of(excerpt)),
            "`at` of `done` is the path to it in the connector: is it right?".to_owned(),
        ),
        JobProblem::Failed { state, excerpt } => (
            format!("{name} could not make the report{}{}", excerpt_of(state), excerpt_of(excerpt)),
            "nothing was changed: run again later, or request less".to_owned(),
        ),
        JobProblem::NotReady { state, limit } => (
            match state.as_str() {
                "" => format!("the report of {name} would only be polled after the {} that a run has", time(*limit)),
                _ => format!(
                    "{name} did not come to the end of the report in the {} that a run has{}",
                    time(*limit),
                    excerpt_of(state)
                ),
            },
            match state.as_str() {
                "" => {
                    "`every` of `poll` is how long the connector waits before each poll: give the run longer by \
                       `limits: { run: … }` in `cpl.yaml`"
                }
                _ => {
                    "nothing was changed: is that state one of those that the connector calls `done` or `failed`? If not, \
                      request less, or give it longer by `limits: { run: … }` in `cpl.yaml`"
                }
            }
            .to_owned(),
        ),
        JobProblem::NoAddress { path, excerpt } => (
            format!("{name} says that the report is there, and has no address at `{path}`{}", excerpt_of(excerpt)),
            format!("where a report without rows has none, write `url: {path} optional` in the connector"),
        ),
        JobProblem::Address { to: Some(to) } => (
            format!("{name} has the report at {to}, where others could read it on its way"),
            "a report is only read by `https://`".to_owned(),
        ),
        JobProblem::Address { to: None } => (
            format!("{name} has the report at what is no address"),
            "`url` of `result` is the path to an address in the connector: is it right?".to_owned(),
        ),
        JobProblem::OtherType { content_type, excerpt } => (
            format!("{name} answers {content_type}, and no report{}", excerpt_of(excerpt)),
            "nothing was changed: run again; if it happens again, ask the people who run the server".to_owned(),
        ),
        JobProblem::Packed { why } => (
            format!("{name} answers a packed file that can't be read: {why}"),
            "a report is one file, as it is, in a ZIP archive or by gzip".to_owned(),
        ),
    };
    (Code::E1013, message, help)
}
