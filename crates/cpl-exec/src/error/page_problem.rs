//! Pages that do not go on as they should, and what to do.

use cpl_batch::PageProblem;
use cpl_syntax::Code;

/// What is said of the page of that name: a code, a message, and what to do.
pub fn page_problem(name: &str, problem: &PageProblem) -> (Code, String, String) {
    let (message, help) = match problem {
        PageProblem::Twice => (
            format!("{name} is a page that was there before, or leads to one"),
            "`pages` of the connector says how an answer goes on: does the server know that parameter?".to_owned(),
        ),
        PageProblem::TooMany { most } => (
            format!("{name} goes on after {}", pages(*most)),
            "request less, or say how many there may be in the connector: `limits: { pages: 10_000 }`".to_owned(),
        ),
        PageProblem::NextElsewhere { to: None } => (
            format!("{name}: what leads to the next page is no address"),
            "`next` is the path to an address: is it a `cursor`?".to_owned(),
        ),
        PageProblem::NextElsewhere { to: Some(to) } => (
            format!("{name}: the next page is at another server: {to}"),
            "credentials are only sent to the server of the first page: a next page has to be there too".to_owned(),
        ),
        PageProblem::ShortPage { records, limit } => (
            format!("{name} follows a page of {}", of_records(*records, u64::from(*limit))),
            "say in `pages` how many records the server gives at once: `limit: N`, and request as many".to_owned(),
        ),
        PageProblem::OtherTotal { before, now } => (
            format!("{name} has {now} records where it had {before} on the page before"),
            "some may have moved from one page to another: run again".to_owned(),
        ),
        PageProblem::NoCursor { found } => (
            format!("{name}: what leads to the next page is no text: `{}`", found.replace('`', "'")),
            "the path of `pages` leads to a text or a number: is it right?".to_owned(),
        ),
        PageProblem::NoTotal { found } => (
            match found {
                Some(found) => {
                    format!("{name}: the number of all records is no whole number: `{}`", found.replace('`', "'"))
                }
                None => format!("{name}: the number of all records is not there"),
            },
            "`total` of `pages` is the path to it: is it right?".to_owned(),
        ),
        PageProblem::MorePages { place } => (
            format!("{name}: there are more pages, as {place} says, and no way to them"),
            "by the connector's `pages` this page is the last one: is each path there right?".to_owned(),
        ),
        PageProblem::RecordCount { total, records } => (
            if records < total {
                format!("{name} ends after {}", of_records(*records, *total))
            } else {
                format!("{name} gives {records} records, and says that there are {total}")
            },
            "run again; where it stays so, `total` is not the number of all records, or `limit` not that of a page"
                .to_owned(),
        ),
        PageProblem::NoLastValue { path } => (
            format!("{name}: the last record has no value at `{path}`, after which the next page begins"),
            "`last` is the path to it from a record: is it right?".to_owned(),
        ),
    };
    (Code::E1012, message, help)
}

fn pages(count: u32) -> String {
    if count == 1 { "1 page".to_owned() } else { format!("{count} pages") }
}

fn of_records(some: u64, all: u64) -> String {
    format!("{some} of {all} {}", if all == 1 { "record" } else { "records" })
}
