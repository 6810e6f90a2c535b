//! What a rule does.

use std::num::NonZeroU32;

use cpl_model::method::Method;
use cpl_syntax::{Code, fragment};

use super::Converter;
use crate::{
    connector::{Action, Argument, Dedupe, Learning, Read, RequestParts},
    raw,
};

impl Converter<'_> {
    pub(super) fn action(&mut self, name: &str, raw: &raw::Action) -> Option<Action> {
        let key_path = ["actions", name];
        let of = |part| ["actions", key_path[1], part];
        let name = self.new_name(name, self.source_map.key(&key_path));
        let arguments = self.arguments(&raw.arguments, &key_path);
        self.no_windows(arguments.as_deref().unwrap_or_default());
        let request = self.request(raw, &key_path);
        if let Some(request) = request.as_ref().filter(|request| request.method == Method::Get) {
            let label = "wanted: `post`, `put`, `patch` or `delete`";
            self.refuse::<()>(Code::E0603, "a GET request changes nothing", request.span, label);
        }
        self.statuses(&raw.success, &of("success"));
        let dedupe = self.dedupe(raw, &key_path);
        let read = match &raw.read {
            Some(read) => self.read(read, &of("read")).map(Some),
            None => Some(None),
        };
        let unit = match &raw.unit {
            Some(unit) => self.piece(unit.get(), &of("unit"), fragment::value).map(Some),
            None => Some(None),
        };
        let validate = match &raw.validate {
            Some(request_parts) => self.validate(request_parts, &of("validate")).map(Some),
            None => Some(None),
        };
        let learning = match &raw.learning {
            Some(learning) => self.learning(learning, &of("learning")).map(Some),
            None => Some(None),
        };
        Some(Action {
            name: name?,
            title: raw.title.clone(),
            arguments: arguments?,
            request: request?,
            success: raw.success.clone(),
            dedupe: dedupe?,
            read: read?,
            confirms: self.confirms(raw, &of("confirm")),
            unit: unit?,
            validate: validate?,
            learning: learning?,
        })
    }

    fn learning(&mut self, raw: &raw::Learning, key_path: &[&str]) -> Option<Learning> {
        let of = |part| [key_path, &[part]].concat();
        let within = self.length(Some(&raw.within), &of("within"));
        let restarts_above = match &raw.restarts_above {
            Some(share) => self.piece(share.get(), &of("restarts_above"), fragment::value).map(Some),
            None => Some(None),
        };
        if raw.source.trim().is_empty() {
            let at = self.source_map.value(&of("source"));
            return self.refuse(Code::E0603, "whose figures are these?", at, "wanted: the page that has them");
        }
        let (events, source) = (raw.events.map(NonZeroU32::get), raw.source.clone());
        Some(Learning { events, within: within?, restarts_above: restarts_above?, source })
    }

    /// Whether a success is confirmed by reading the value back: how is it read?
    fn confirms(&mut self, raw: &raw::Action, key_path: &[&str]) -> bool {
        if raw.confirm.is_some() && raw.read.is_none() && !self.was_skipped(&[key_path[0], key_path[1], "read"]) {
            let label = "wanted: `read: { get: …, value: …, as: … }` as well";
            self.refuse::<()>(Code::E0603, "how is it read back?", self.source_map.key(key_path), label);
        }
        raw.confirm.is_some()
    }

    fn no_windows(&mut self, arguments: &[Argument]) {
        for argument in arguments.iter().filter(|argument| argument.ty.kind.is_none()) {
            self.refuse::<()>(Code::E0603, "an action takes no window", argument.span, "wanted: a date, or two");
        }
    }

    fn statuses(&mut self, success: &[u16], key_path: &[&str]) {
        for (at, status) in success.iter().enumerate().filter(|(_, status)| !(200..400).contains(*status)) {
            let at = self.source_map.value(&[key_path, &[at.to_string().as_str()]].concat());
            let message = format!("the status {status} is no success");
            self.refuse::<()>(Code::E0603, message, at, "wanted: one of 200 to 399");
        }
        if success.is_empty() && self.source_map.has(key_path) && !self.was_skipped(key_path) {
            let at = self.source_map.key(key_path);
            self.refuse::<()>(Code::E0602, "no status means it is done", at, "wanted: some, or no `success`");
        }
    }

    fn validate(&mut self, request_parts: &raw::Validate, key_path: &[&str]) -> Option<RequestParts> {
        if request_parts.query.is_empty() && request_parts.headers.is_empty() && request_parts.body.is_empty() {
            let (at, label) = (self.source_map.key(key_path), "wanted: `query`, `headers` or `body`");
            return self.refuse(Code::E0603, "`validate` adds nothing: it would act", at, label);
        }
        let body = (!request_parts.body.is_empty()).then(|| request_parts.body.clone().into_iter().collect());
        self.request_parts(&request_parts.query, &request_parts.headers, body.as_ref(), key_path)
    }

    fn dedupe(&mut self, raw: &raw::Action, key_path: &[&str]) -> Option<Dedupe> {
        let key_path = [key_path, &["dedupe"]].concat();
        match &raw.dedupe {
            None | Some(raw::Dedupe::Nothing(_)) => Some(Dedupe::Nothing),
            Some(raw::Dedupe::Key(by)) if !super::request::is_header(&by.key) => {
                let at = self.source_map.value(&[&key_path[..], &["key"]].concat());
                let message = format!("`{}` is no header", by.key);
                self.refuse(Code::E0603, message, at, "wanted: a name such as `Idempotency-Key`")
            }
            Some(raw::Dedupe::Key(by)) => {
                let remembers = self.length(Some(&by.remembers), &[&key_path[..], &["for"]].concat())?;
                Some(Dedupe::Key(by.key.clone(), remembers))
            }
            Some(raw::Dedupe::Lookup(by)) if !by.lookup => {
                let at = self.source_map.value(&key_path);
                self.refuse(Code::E0603, "it is looked up, or not", at, "wanted: `{ lookup: true }`, or `none`")
            }
            Some(raw::Dedupe::Lookup(_)) => {
                if raw.read.is_none() && !self.was_skipped(&[&key_path[..1], &[key_path[1], "read"]].concat()) {
                    let label = "wanted: `read: { get: …, value: …, as: … }` as well";
                    return self.refuse(Code::E0603, "how is it looked up?", self.source_map.key(&key_path), label);
                }
                Some(Dedupe::Lookup)
            }
        }
    }

    fn read(&mut self, raw: &raw::Read, key_path: &[&str]) -> Option<Read> {
        let request = self.read_request(raw, key_path);
        let stored = self.piece(&raw.stored, &[key_path, &["as"]].concat(), fragment::kind);
        Some(Read { request: request?, value: raw.value.get().clone(), stored: stored? })
    }
}
