//! What a fetch reads.

use cpl_model::program::{JobState, ResultFormat};
use cpl_syntax::{
    Code, Diagnostic, Name, fragment,
    tree::{Column, ColumnFrom},
};

use super::Converter;
use crate::{
    connector::{Argument, Endpoint, Job, JobResult, Retrieval},
    raw::{self, RawRequest},
};

fn job_state(raw: &raw::JobState) -> JobState {
    JobState { at: raw.at.get().clone(), is: raw.is.iter().map(ToString::to_string).collect() }
}

fn result_format(raw: raw::ResultFormat) -> ResultFormat {
    match raw {
        raw::ResultFormat::Json => ResultFormat::Json,
        raw::ResultFormat::Ndjson => ResultFormat::Ndjson,
        raw::ResultFormat::Csv => ResultFormat::Csv,
    }
}

/// The first of query, headers and body that a request has.
fn request_part(raw: &impl RawRequest) -> Option<&'static str> {
    let (query, headers, body) = raw.rest();
    let parts = [("query", !query.is_empty()), ("headers", !headers.is_empty()), ("body", body.is_some())];
    parts.into_iter().find(|(_, there)| *there).map(|(part, _)| part)
}

impl Converter<'_> {
    pub(super) fn endpoint(&mut self, name: &str, raw: &raw::Endpoint) -> Option<Endpoint> {
        let key_path = ["endpoints", name];
        let name = self.new_name(name, self.source_map.key(&key_path));
        let arguments = self.arguments(&raw.arguments, &key_path);
        if let Some(arguments) = &arguments {
            self.endpoint_arguments(arguments);
        }
        let source = self.retrieval(raw, &key_path);
        let columns = self.columns(raw, &key_path);
        let key = raw.key.iter().enumerate().map(|(at, column)| {
            let at = at.to_string();
            self.spanned(column.clone(), &["endpoints", key_path[1], "key", at.as_str()])
        });
        let key: Vec<Name> = key.collect();
        let of = |part| ["endpoints", key_path[1], part];
        let missing = raw.missing.iter().enumerate().map(|(at, text)| {
            let at = at.to_string();
            self.spanned(text.trim().to_owned(), &["endpoints", key_path[1], "missing", at.as_str()])
        });
        let missing = missing.collect();
        if key.is_empty() && self.source_map.has(&of("key")) && !self.was_skipped(&of("key")) {
            self.refuse::<()>(
                Code::E0602,
                "`key` names no columns",
                self.source_map.key(&of("key")),
                "wanted: some, or no `key`",
            );
        }
        Some(Endpoint {
            name: name?,
            title: raw.title.clone(),
            arguments: arguments?,
            source: source?,
            records: raw.records.as_ref().map(|path| path.get().clone()),
            columns: columns?,
            key,
            currency: raw.currency.clone().map(|column| self.spanned(column, &of("currency"))),
            time: raw.time.clone().map(|column| self.spanned(column, &of("time"))),
            missing,
            late: self.length(raw.late.as_ref(), &of("late")),
            restated: self.length(raw.restated.as_ref(), &of("restated")),
        })
    }

    fn endpoint_arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments.iter().filter(|argument| argument.ty.key) {
            let label = "wanted: `key` at an action's argument, or the clause `key` next to `columns`";
            self.refuse::<()>(Code::E0603, "a fetch changes nothing", argument.span, label);
        }
        let mut windows = arguments.iter().filter(|argument| argument.ty.kind.is_none());
        if let (Some(first), Some(second)) = (windows.next(), windows.next()) {
            self.diagnostics.push(
                Diagnostic::new(Code::E0603, "an endpoint takes one window")
                    .at(second.name.span, "the second one")
                    .at(first.name.span, "the first one")
                    .help("take one of them out"),
            );
        }
    }

    fn retrieval(&mut self, raw: &raw::Endpoint, key_path: &[&str]) -> Option<Retrieval> {
        if self.was_skipped(&[key_path, &["job"]].concat()) {
            return None;
        }
        let Some(job) = &raw.job else {
            let request = self.request(raw, key_path);
            let pages = self.pages_of(raw, key_path);
            return Some(Retrieval::Pages(Box::new(request?), pages?));
        };
        let other = raw.methods().into_iter().find(|(.., path)| path.is_some()).map(|(word, ..)| word);
        let other = other.or_else(|| request_part(raw));
        if let Some(other) = other {
            let at = self.source_map.key(&[key_path, &[other]].concat());
            let label = "a long report is requested by its `start`, `poll` and `result`";
            return self.refuse(Code::E0603, format!("a long report has no `{other}` of its own"), at, label);
        }
        let pages = self.pages_of(raw, key_path);
        let job = self.job(job, &[key_path, &["job"]].concat())?;
        let one_page = match (&job.result, job.format) {
            (JobResult::Url(_), _) => Some("what is at an address is one page"),
            (JobResult::Request(_), ResultFormat::Json) => None,
            (JobResult::Request(_), ResultFormat::Ndjson | ResultFormat::Csv) => Some("only JSON has pages"),
        };
        if let (Some(why), Some(_)) = (one_page, &raw.pages) {
            let at = self.source_map.key(&[key_path, &["pages"]].concat());
            return self.refuse(Code::E0603, why, at, "a second one is never requested");
        }
        let rows = match job.format {
            ResultFormat::Csv => Some("a result of CSV has no records"),
            ResultFormat::Ndjson => Some("each line of a result is a record"),
            ResultFormat::Json => None,
        };
        if let (Some(why), Some(_)) = (rows, &raw.records) {
            let at = self.source_map.key(&[key_path, &["records"]].concat());
            return self.refuse(Code::E0603, why, at, "never used");
        }
        Some(Retrieval::Job(Box::new(job), pages?))
    }

    fn job(&mut self, job: &raw::Job, key_path: &[&str]) -> Option<Job> {
        let part = |name| [key_path, &[name]].concat();
        let start = self.request(&job.start, &part("start"));
        let poll = self.read_request(&job.poll, &part("poll"));
        let result = match &job.result.url {
            Some(_)
                if job.result.methods().iter().any(|(.., path)| path.is_some())
                    || request_part(&job.result).is_some() =>
            {
                let at = self.source_map.key(&part("result"));
                self.refuse(Code::E0603, "a result is at an address or behind a path", at, "leave one of them")
            }
            Some(url) => Some(JobResult::Url(url.get().clone())),
            None => self.read_request(&job.result, &part("result")).map(JobResult::Request),
        };
        for (name, state) in [("done", Some(&job.done)), ("failed", job.failed.as_ref())] {
            if state.is_some_and(|state| state.is.is_empty()) {
                let at = self.source_map.key(&[key_path, &[name, "in"]].concat());
                self.refuse::<()>(
                    Code::E0603,
                    format!("`{name}` has no values"),
                    at,
                    "wanted: the values that mean it",
                );
            }
        }
        if let Some(failed) = job.failed.as_ref().filter(|failed| failed.at.get() == job.done.at.get())
            && let Some(both) = failed.is.iter().position(|value| job.done.is.contains(value))
        {
            let at = self.source_map.value(&[key_path, &["failed", "in", &both.to_string()]].concat());
            self.refuse::<()>(
                Code::E0603,
                "this value means both `done` and `failed`",
                at,
                "take it out of one of them",
            );
        }
        Some(Job {
            start: start?,
            id: job.start.id.get().clone(),
            poll: poll?,
            every: job.poll.every.as_ref().map(|time| *time.get()),
            done: job_state(&job.done),
            failed: job.failed.as_ref().map(job_state),
            result: result?,
            format: job.result.format.map_or(ResultFormat::Json, result_format),
        })
    }

    fn columns(&mut self, raw: &raw::Endpoint, key_path: &[&str]) -> Option<Vec<Column>> {
        let key_path = [key_path, &["columns"]].concat();
        if raw.columns.is_empty() && !self.was_skipped(&key_path) {
            let at = self.source_map.key(&key_path);
            let diagnostic =
                Diagnostic::new(Code::E0602, format!("`{}` has no columns", key_path[1])).at(at, "what is read?");
            self.diagnostics.push(diagnostic.help("add `columns: { day: date, spend: money }`"));
            return None;
        }
        let mut columns = Some(Vec::new());
        for (name, ty) in &raw.columns {
            let key_path = [&key_path[..], &[name]].concat();
            let column = self.new_name(name, self.source_map.key(&key_path)).and_then(|name| {
                let column = self.piece(ty, &key_path, |text, part| fragment::column(text, &name, part))?;
                match column.from {
                    Some(ColumnFrom::File(span)) => {
                        self.refuse(Code::E0603, "a server answers with no file", span, "never used")
                    }
                    _ => Some(column),
                }
            });
            match (column, &mut columns) {
                (Some(column), Some(columns)) => columns.push(column),
                _ => columns = None,
            }
        }
        columns
    }
}
