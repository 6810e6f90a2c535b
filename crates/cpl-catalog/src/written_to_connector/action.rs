//! What a rule does.

use cpl_syntax::{Code, fragment};

use super::Converter;
use crate::{
    connector::{Action, Argument, Dedupe, Extra, Read},
    method::Method,
    written,
};

impl Converter<'_> {
    pub(super) fn action(&mut self, name: &str, written: &written::Action) -> Option<Action> {
        let route = ["actions", name];
        let of = |part| ["actions", route[1], part];
        let name = self.new_name(name, self.marks.key(&route));
        let arguments = self.arguments(&written.arguments, &route);
        self.no_windows(arguments.as_deref().unwrap_or_default());
        let request = self.request(written, &route);
        if let Some(request) = request.as_ref().filter(|request| request.method == Method::Get) {
            let label = "wanted: `post`, `put`, `patch` or `delete`";
            self.refuse::<()>(Code::E0603, "what is asked by GET changes nothing", request.span, label);
        }
        self.statuses(&written.success, &of("success"));
        let dedupe = self.dedupe(written, &route);
        let read = match &written.read {
            Some(read) => self.read(read, &of("read")).map(Some),
            None => Some(None),
        };
        let unit = match &written.unit {
            Some(unit) => self.piece(unit.get(), &of("unit"), fragment::value).map(Some),
            None => Some(None),
        };
        let validate = match &written.validate {
            Some(extra) => self.validate(extra, &of("validate")).map(Some),
            None => Some(None),
        };
        Some(Action {
            name: name?,
            title: written.title.clone(),
            arguments: arguments?,
            request: request?,
            success: written.success.clone(),
            dedupe: dedupe?,
            read: read?,
            unit: unit?,
            validate: validate?,
        })
    }

    fn no_windows(&mut self, arguments: &[Argument]) {
        for argument in arguments.iter().filter(|argument| argument.ty.kind.is_none()) {
            self.refuse::<()>(Code::E0603, "an action takes no window", argument.span, "wanted: a date, or two");
        }
    }

    fn statuses(&mut self, success: &[u16], route: &[&str]) {
        for (at, status) in success.iter().enumerate().filter(|(_, status)| !(200..400).contains(*status)) {
            let at = self.marks.value(&[route, &[at.to_string().as_str()]].concat());
            let message = format!("the status {status} is no success");
            self.refuse::<()>(Code::E0603, message, at, "wanted: one of 200 to 399");
        }
        if success.is_empty() && self.marks.has(route) && !self.has_lost(route) {
            let at = self.marks.key(route);
            self.refuse::<()>(Code::E0602, "no status means it is done", at, "wanted: some, or no `success`");
        }
    }

    fn validate(&mut self, extra: &written::Validate, route: &[&str]) -> Option<Extra> {
        if extra.query.is_empty() && extra.headers.is_empty() && extra.body.is_empty() {
            let (at, label) = (self.marks.key(route), "wanted: `query`, `headers` or `body`");
            return self.refuse(Code::E0603, "`validate` adds nothing: it would act", at, label);
        }
        let body = (!extra.body.is_empty()).then(|| extra.body.clone().into_iter().collect());
        self.extra(&extra.query, &extra.headers, body.as_ref(), route)
    }

    fn dedupe(&mut self, written: &written::Action, route: &[&str]) -> Option<Dedupe> {
        let route = [route, &["dedupe"]].concat();
        match &written.dedupe {
            None | Some(written::Dedupe::Nothing(_)) => Some(Dedupe::Nothing),
            Some(written::Dedupe::Key(by)) if !super::request::is_header(&by.key) => {
                let at = self.marks.value(&[&route[..], &["key"]].concat());
                let message = format!("`{}` is no header", by.key);
                self.refuse(Code::E0603, message, at, "wanted: a name such as `Idempotency-Key`")
            }
            Some(written::Dedupe::Key(by)) => {
                let remembers = self.length(Some(&by.remembers), &[&route[..], &["for"]].concat())?;
                Some(Dedupe::Key(by.key.clone(), remembers))
            }
            Some(written::Dedupe::Lookup(by)) if !by.lookup => {
                let at = self.marks.value(&route);
                self.refuse(Code::E0603, "it is looked up, or not", at, "wanted: `{ lookup: true }`, or `none`")
            }
            Some(written::Dedupe::Lookup(_)) => {
                if written.read.is_none() && !self.has_lost(&[&route[..1], &[route[1], "read"]].concat()) {
                    let label = "wanted: `read: { get: …, value: …, as: … }` beside it";
                    return self.refuse(Code::E0603, "how is it looked up?", self.marks.key(&route), label);
                }
                Some(Dedupe::Lookup)
            }
        }
    }

    fn read(&mut self, written: &written::Read, route: &[&str]) -> Option<Read> {
        let request = self.reading(written, route);
        let stored = self.piece(&written.stored, &[route, &["as"]].concat(), fragment::kind);
        Some(Read { request: request?, value: written.value.get().clone(), stored: stored? })
    }
}
