//! What a fetch reads.

use cpl_syntax::{
    Code, Diagnostic, Name, fragment,
    tree::{Column, ColumnFrom},
};

use super::Converter;
use crate::{
    connector::{Argument, Asked, Endpoint, Job, JobResult},
    written::{self, Asking, ResultFormat},
};

/// What of a request stands beside a method.
fn beside(written: &impl Asking) -> Option<&'static str> {
    let (query, headers, body) = written.rest();
    let parts = [("query", !query.is_empty()), ("headers", !headers.is_empty()), ("body", body.is_some())];
    parts.into_iter().find(|(_, there)| *there).map(|(part, _)| part)
}

impl Converter<'_> {
    pub(super) fn endpoint(&mut self, name: &str, written: &written::Endpoint) -> Option<Endpoint> {
        let route = ["endpoints", name];
        let name = self.new_name(name, self.marks.key(&route));
        let arguments = self.arguments(&written.arguments, &route);
        if let Some(arguments) = &arguments {
            self.endpoint_arguments(arguments);
        }
        let source = self.asked(written, &route);
        let columns = self.columns(written, &route);
        let key = written.key.iter().enumerate().map(|(at, column)| {
            let at = at.to_string();
            self.spanned(column.clone(), &["endpoints", route[1], "key", at.as_str()])
        });
        let key: Vec<Name> = key.collect();
        let of = |part| ["endpoints", route[1], part];
        if key.is_empty() && self.marks.has(&of("key")) && !self.has_lost(&of("key")) {
            self.refuse::<()>(
                Code::E0602,
                "`key` names no columns",
                self.marks.key(&of("key")),
                "wanted: some, or no `key`",
            );
        }
        Some(Endpoint {
            name: name?,
            title: written.title.clone(),
            arguments: arguments?,
            source: source?,
            records: written.records.as_ref().map(|path| path.get().clone()),
            columns: columns?,
            key,
            time: written.time.clone().map(|column| self.spanned(column, &of("time"))),
            late: self.length(written.late.as_ref(), &of("late")),
            restated: self.length(written.restated.as_ref(), &of("restated")),
        })
    }

    fn endpoint_arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments.iter().filter(|argument| argument.ty.key) {
            let label = "wanted: `key` at an action's argument, or the clause `key` beside `columns`";
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

    fn asked(&mut self, written: &written::Endpoint, route: &[&str]) -> Option<Asked> {
        if self.has_lost(&[route, &["job"]].concat()) {
            return None;
        }
        let Some(job) = &written.job else {
            let request = self.request(written, route);
            let pages = self.pages_of(written, route);
            return Some(Asked::Pages(Box::new(request?), pages?));
        };
        let other = written.methods().into_iter().find(|(.., path)| path.is_some()).map(|(word, ..)| word);
        let other = other.or_else(|| beside(written));
        if let Some(other) = other {
            let at = self.marks.key(&[route, &[other]].concat());
            let label = "a long report asks by its `start`, `poll` and `result`";
            return self.refuse(Code::E0603, format!("a long report has no `{other}` beside it"), at, label);
        }
        let pages = self.pages_of(written, route);
        let job = self.job(job, &[route, &["job"]].concat())?;
        if let (ResultFormat::Csv, Some(_)) = (job.format, &written.records) {
            let at = self.marks.key(&[route, &["records"]].concat());
            return self.refuse(Code::E0603, "a result of CSV has no records", at, "its rows are them");
        }
        Some(Asked::Job(Box::new(job), pages?))
    }

    fn job(&mut self, job: &written::Job, route: &[&str]) -> Option<Job> {
        let part = |name| [route, &[name]].concat();
        let start = self.request(&job.start, &part("start"));
        let poll = self.reading(&job.poll, &part("poll"));
        let every = self.length(job.poll.every.as_ref(), &[route, &["poll", "every"]].concat());
        let result = match &job.result.url {
            Some(_)
                if job.result.methods().iter().any(|(.., path)| path.is_some()) || beside(&job.result).is_some() =>
            {
                let at = self.marks.key(&part("result"));
                self.refuse(Code::E0603, "a result is at an address or behind a path", at, "leave one of them")
            }
            Some(url) => Some(JobResult::Url(url.get().clone())),
            None => self.reading(&job.result, &part("result")).map(JobResult::Request),
        };
        for (name, state) in [("done", Some(&job.done)), ("failed", job.failed.as_ref())] {
            if state.is_some_and(|state| state.is.is_empty()) {
                let at = self.marks.key(&[route, &[name, "in"]].concat());
                self.refuse::<()>(Code::E0603, format!("`{name}` is never so"), at, "wanted: the values that mean it");
            }
        }
        Some(Job {
            start: start?,
            id: job.start.id.get().clone(),
            poll: poll?,
            every,
            done: job.done.clone(),
            failed: job.failed.clone(),
            result: result?,
            format: job.result.format.unwrap_or(ResultFormat::Json),
        })
    }

    fn columns(&mut self, written: &written::Endpoint, route: &[&str]) -> Option<Vec<Column>> {
        let route = [route, &["columns"]].concat();
        if written.columns.is_empty() && !self.has_lost(&route) {
            let at = self.marks.key(&route);
            let told = Diagnostic::new(Code::E0602, format!("`{}` has no columns", route[1])).at(at, "what is read?");
            self.diagnostics.push(told.help("add `columns: { day: date, spend: money }`"));
            return None;
        }
        let mut columns = Some(Vec::new());
        for (name, ty) in &written.columns {
            let route = [&route[..], &[name]].concat();
            let column = self.new_name(name, self.marks.key(&route)).and_then(|name| {
                let column = self.piece(ty, &route, |text, part| fragment::column(text, &name, part))?;
                match column.from {
                    Some(ColumnFrom::File(span)) => {
                        self.refuse(Code::E0603, "a server answers with no file", span, "nobody reads this")
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
