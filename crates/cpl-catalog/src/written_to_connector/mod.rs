//! What is written → the connector: texts become cpl, and what can't be is told where it stands.

mod action;
mod endpoint;
mod pages;
pub mod request;

use std::collections::HashSet;

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned, fragment, is_name,
    tree::{Currency, Expr},
};
use indexmap::IndexMap;

use crate::{
    connector::{Argument, Connector, Limits},
    marks::{Marks, Route},
    read::Reading,
    words::Length,
    written::{self, Written},
};

/// The connector of a file called `stem`, as far as it could be made, and all that is wrong with the file.
pub fn connector(text: &str, reading: Reading, stem: Option<&str>) -> (Option<Connector>, Vec<Diagnostic>) {
    let Reading { written, marks, lost, diagnostics } = reading;
    let mut converter = Converter { text, marks, lost, diagnostics };
    let connector = written.map(|written| converter.connector(&written, stem));
    (connector, converter.diagnostics)
}

struct Converter<'t> {
    text: &'t str,
    marks: Marks,
    lost: HashSet<Route>,
    diagnostics: Vec<Diagnostic>,
}

impl Converter<'_> {
    /// What is told as missing is empty here: nobody uses a connector of which an error was told.
    fn connector(&mut self, written: &Written, stem: Option<&str>) -> Connector {
        let name =
            self.required(written.connector.as_ref(), "connector", stem.filter(|stem| is_name(stem)).unwrap_or("NAME"));
        let name = name.and_then(|name| self.connector_name(&name, stem));
        let base_url = self.required(written.base_url.as_ref(), "base_url", "https://…");
        self.auth(&written.auth);
        self.errors(&written.errors);
        let currency = self.currency(&written.account);
        let limits = self.limits(&written.limits);
        let endpoints = written.endpoints.iter().map(|(name, each)| self.endpoint(name, each)).collect::<Vec<_>>();
        let actions = written.actions.iter().map(|(name, each)| self.action(name, each)).collect::<Vec<_>>();
        if endpoints.is_empty() && actions.is_empty() && !self.has_lost(&["endpoints"]) && !self.has_lost(&["actions"])
        {
            let message = "the connector has no endpoint and no action";
            let told = Diagnostic::new(Code::E0602, message).at(self.marks.first(), "can do nothing");
            self.diagnostics.push(told.help("add `endpoints:` for what it reads, `actions:` for what it does"));
        }
        Connector {
            name: name.unwrap_or(Spanned::new(String::new(), Span::default())),
            title: written.title.clone(),
            docs: written.docs.clone(),
            base_url: base_url.map_or(String::new(), |url| url.get().clone()),
            auth: written.auth.clone(),
            timezone: written.account.timezone.clone().map(|zone| self.spanned(zone, &["account", "timezone"])),
            currency,
            limits,
            errors: written.errors.clone(),
            endpoints: endpoints.into_iter().flatten().collect(),
            actions: actions.into_iter().flatten().collect(),
        }
    }

    /// Something without which there is no connector.
    fn required<T: Clone>(&mut self, value: Option<&T>, name: &str, such: &str) -> Option<T> {
        if value.is_none() && !self.has_lost(&[name]) {
            let told = Diagnostic::new(Code::E0602, format!("`{name}` is missing"));
            let told = told.at(self.marks.first(), format!("has no `{name}`"));
            self.diagnostics.push(told.help(format!("add `{name}: {such}`")));
        }
        value.cloned()
    }

    fn connector_name(&mut self, name: &str, stem: Option<&str>) -> Option<Name> {
        let at = self.marks.value(&["connector"]);
        let name = self.new_name(name, at)?;
        match stem.filter(|stem| *stem != name.as_str()) {
            Some(stem) => {
                let message = format!("the connector `{}` stands in a file named `{stem}`", name.as_str());
                let told = Diagnostic::new(Code::E0602, message).at(at, "pipelines would not find it");
                self.diagnostics.push(told.help(format!("name the file `{}.yaml`, or write `{stem}`", name.as_str())));
                None
            }
            None => Some(name),
        }
    }

    /// Headers are such, and something is said where something stands.
    fn auth(&mut self, ways: &[written::Auth]) {
        for (at, way) in ways.iter().enumerate() {
            let at = at.to_string();
            let (word, names) = match way {
                written::Auth::Header(names) => ("header", names),
                written::Auth::Query(names) => ("query", names),
                _ => continue,
            };
            // One way alone stands in no list.
            let several = self.marks.has(&["auth", &at]);
            let route = if several { vec!["auth", &at, word] } else { vec!["auth", word] };
            if names.is_empty() {
                let span = self.marks.key(&route);
                self.refuse::<()>(
                    Code::E0602,
                    format!("`{word}` names none"),
                    span,
                    "wanted: `{ NAME: { secret: NAME } }`",
                );
            }
            for name in names.keys().filter(|name| word == "header" && !request::is_header(name)) {
                let span = self.marks.key(&[&route[..], &[name]].concat());
                self.refuse::<()>(
                    Code::E0603,
                    format!("`{name}` is no header"),
                    span,
                    "wanted: a name such as `X-Api-Key`",
                );
            }
        }
        if ways.is_empty() && self.marks.has(&["auth"]) && !self.has_lost(&["auth"]) {
            let span = self.marks.key(&["auth"]);
            self.refuse::<()>(Code::E0602, "`auth` says nothing", span, "wanted: one way, or none of it");
        }
    }

    /// Codes after which the same may be asked again stand somewhere.
    fn errors(&mut self, errors: &[written::ErrorInside]) {
        for (at, error) in errors.iter().enumerate() {
            let at = at.to_string();
            if !error.retry.is_empty() && error.code.is_none() && !self.has_lost(&["errors"]) {
                let span = self.marks.key(&["errors", &at, "retry"]);
                self.refuse::<()>(Code::E0603, "codes, and of what?", span, "wanted: `code: PATH` beside it");
            }
        }
    }

    fn currency(&mut self, account: &written::Account) -> Option<Name> {
        let currency = self.spanned(account.currency.clone()?, &["account", "currency"]);
        if Currency::of_code(currency.as_str()).is_none() {
            let message = format!("`{}` is no currency that cpl knows", currency.as_str());
            self.refuse::<()>(Code::E0103, message, currency.span, "wanted: a code of ISO 4217 such as `USD`");
        }
        Some(currency)
    }

    fn limits(&mut self, written: &written::Limits) -> Limits {
        Limits {
            rate: written.rate.as_ref().map(|rate| *rate.get()),
            concurrent: written.concurrent.map(Into::into),
            timeout: self.length(written.timeout.as_ref(), &["limits", "timeout"]),
            body: written.body.clone(),
            pages: written.pages.map(Into::into),
        }
    }

    fn length(&mut self, written: Option<&Length>, route: &[&str]) -> Option<Expr> {
        let value = written?.get();
        self.piece(value, route, fragment::value)
    }

    /// A text that is a piece of cpl as a whole; it stands on one line, without escapes.
    fn piece<T>(&mut self, value: &str, route: &[&str], read: impl Fn(&str, Span) -> fragment::Read<T>) -> Option<T> {
        let part = self.within(value, route)?;
        let (piece, wrong) = read(self.text, part);
        self.diagnostics.extend(wrong);
        piece
    }

    /// Where a text stands, its quotes left out.
    fn within(&mut self, value: &str, route: &[&str]) -> Option<Span> {
        let whole = self.marks.value(route);
        match whole.of(self.text).find(value) {
            Some(start) => Some(Span::new(whole.start + start, whole.start + start + value.len())),
            None => self.refuse(
                Code::E0602,
                "this text must stand as it is",
                whole,
                "wanted: on one line, without escapes or references",
            ),
        }
    }

    /// Arguments of an endpoint or an action.
    fn arguments(&mut self, written: &IndexMap<String, String>, route: &[&str]) -> Option<Vec<Argument>> {
        // What was left out would be missed by the holes.
        if self.has_lost(&[route, &["arguments"]].concat()) {
            return None;
        }
        let mut arguments = Some(Vec::new());
        for (name, ty) in written {
            let route = [route, &["arguments", name]].concat();
            let key = self.marks.key(&route);
            let argument = self.new_name(name, key).and_then(|name| {
                if ["job", "idempotency_key"].contains(&name.as_str()) {
                    let label = "stands for something else in holes";
                    return self.refuse(Code::E0104, format!("`{}` can't be an argument", name.as_str()), key, label);
                }
                let ty = self.piece(ty, &route, fragment::argument)?;
                if ty.key && ty.optional {
                    let at = self.marks.value(&route);
                    let label = "wanted: no `?`";
                    return self.refuse(Code::E0603, "what names the thing that is changed is there", at, label);
                }
                Some(Argument { name, ty, span: self.marks.value(&route) })
            });
            match (argument, &mut arguments) {
                (Some(argument), Some(arguments)) => arguments.push(argument),
                _ => arguments = None,
            }
        }
        arguments
    }

    /// A name that pipelines call something by.
    fn new_name(&mut self, name: &str, at: Span) -> Option<Name> {
        if is_name(name) {
            return Some(Spanned::new(name.to_owned(), at));
        }
        let label = "wanted: letters (a to z), digits and `_`, no digit first, and no word of the language";
        self.refuse(Code::E0104, format!("`{name}` can't be a name"), at, label)
    }

    fn spanned(&self, value: String, route: &[&str]) -> Name {
        Spanned::new(value, self.marks.value(route))
    }

    fn refuse<T>(&mut self, code: Code, message: impl Into<String>, at: Span, label: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::new(code, message).at(at, label));
        None
    }

    /// Whether something at the end of a route, or within, was left out and told.
    fn has_lost(&self, route: &[&str]) -> bool {
        let within = |lost: &Route| lost.len() >= route.len() && lost.iter().zip(route).all(|(a, b)| a == b);
        self.lost.iter().any(within)
    }

    /// Whether a name that is none there was left out at the end of a route: it may be what is missed.
    fn has_lost_beside(&self, route: &[&str]) -> bool {
        self.lost.iter().any(|lost| lost.len() == route.len() + 1 && lost.iter().zip(route).all(|(a, b)| a == b))
    }
}
