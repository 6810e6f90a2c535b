//! Raw file → connector: texts are parsed as cpl, and errors are reported at their places.

mod action;
mod endpoint;
mod pages;
pub mod request;

use std::{collections::HashSet, sync::Arc};

use cpl_model::{
    program::{ConnectorLimits, ErrorInside},
    types::MinorDigits,
};

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned, fragment, is_name,
    tree::{Currency, Expr, Text},
};
use indexmap::IndexMap;

use crate::{
    connector::{Argument, Connector},
    raw::{self, RawConnector},
    read::Parsed,
    scalars::{AccountAddress, Length},
    source_map::{KeyPath, SourceMap},
};

/// The connector of a file called `stem`, as far as it could be made, and all that is wrong with the file.
pub fn connector(text: &str, parsed: Parsed<RawConnector>, stem: Option<&str>) -> (Option<Connector>, Vec<Diagnostic>) {
    let Parsed { raw, source_map, skipped, diagnostics } = parsed;
    let mut converter = Converter { text, source_map, skipped, diagnostics };
    let connector = raw.map(|raw| converter.connector(&raw, stem));
    (connector, converter.diagnostics)
}

struct Converter<'t> {
    text: &'t str,
    source_map: SourceMap,
    skipped: HashSet<KeyPath>,
    diagnostics: Vec<Diagnostic>,
}

impl Converter<'_> {
    /// Missing required parts are left empty: a connector with errors is not used.
    fn connector(&mut self, raw: &RawConnector, stem: Option<&str>) -> Connector {
        let name =
            self.required(raw.connector.as_ref(), "connector", stem.filter(|stem| is_name(stem)).unwrap_or("NAME"));
        let name = name.and_then(|name| self.connector_name(&name, stem));
        let base_url = self.required(raw.base_url.as_ref(), "base_url", "https://…");
        self.auth(&raw.auth);
        let errors = self.errors(&raw.errors);
        if raw.errors.is_empty() && !self.was_skipped(&["errors"]) {
            self.no_optional_records(&raw.endpoints);
        }
        let currency = self.currency(&raw.account);
        let endpoints = raw.endpoints.iter().map(|(name, each)| self.endpoint(name, each)).collect::<Vec<_>>();
        let actions = raw.actions.iter().map(|(name, each)| self.action(name, each)).collect::<Vec<_>>();
        if endpoints.is_empty()
            && actions.is_empty()
            && !self.was_skipped(&["endpoints"])
            && !self.was_skipped(&["actions"])
        {
            let message = "the connector has no endpoint and no action";
            let diagnostic = Diagnostic::new(Code::E0602, message).at(self.source_map.first(), "can do nothing");
            self.diagnostics.push(diagnostic.help("add `endpoints:` for what it reads, `actions:` for what it does"));
        }
        Connector {
            name: name.unwrap_or(Spanned::new(String::new(), Span::default())),
            title: raw.title.clone(),
            docs: raw.docs.clone(),
            base_url: base_url.and_then(|url| self.address(&url, &["base_url"])).unwrap_or(Text { pieces: Vec::new() }),
            auth: raw.auth.clone(),
            token_url: self.token_url(&raw.auth),
            timezone: raw.account.timezone.clone().map(|zone| self.spanned(zone, &["account", "timezone"])),
            currency,
            minor_digits: self.minor_digits(&raw.account),
            limits: limits(&raw.limits),
            errors,
            endpoints: endpoints.into_iter().flatten().collect(),
            actions: actions.into_iter().flatten().collect(),
        }
    }

    /// Digits that an API's minor units have, of currencies that there are.
    fn minor_digits(&mut self, account: &raw::Account) -> MinorDigits {
        const MOST_DIGITS: u32 = 4;
        for (code, digits) in &account.minor_units {
            let place = ["account", "minor_units", code];
            if Currency::of_code(code).is_none() {
                let span = self.source_map.key(&place);
                self.refuse::<()>(
                    Code::E0302,
                    format!("`{code}` is no currency"),
                    span,
                    "wanted: a code such as `ISK`",
                );
            } else if *digits > MOST_DIGITS {
                let span = self.source_map.value(&place);
                let label = format!("wanted: 0 to {MOST_DIGITS}");
                self.refuse::<()>(Code::E0602, "no currency has as many digits", span, label);
            }
        }
        Arc::new(account.minor_units.iter().map(|(code, digits)| (code.clone(), *digits)).collect())
    }

    /// An address that ends without `/`.
    fn address(&mut self, url: &AccountAddress, key_path: &[&str]) -> Option<Text> {
        self.text(url.get().trim_end_matches('/'), key_path)
    }

    /// Where tokens are requested.
    fn token_url(&mut self, ways: &[raw::Auth]) -> Option<Text> {
        ways.iter().enumerate().find_map(|(at, way)| match way {
            raw::Auth::Oauth2 { token_url, .. } => {
                // A single way needs no list.
                let listed = ["auth", &at.to_string(), "oauth2", "token_url"];
                let single = ["auth", "oauth2", "token_url"];
                let key_path: &[&str] = if self.source_map.has(&listed) { &listed } else { &single };
                self.text(token_url.get(), key_path)
            }
            _ => None,
        })
    }

    /// Something without which there is no connector.
    fn required<T: Clone>(&mut self, value: Option<&T>, name: &str, example: &str) -> Option<T> {
        if value.is_none() && !self.was_skipped(&[name]) {
            let diagnostic = Diagnostic::new(Code::E0602, format!("`{name}` is missing"));
            let diagnostic = diagnostic.at(self.source_map.first(), format!("has no `{name}`"));
            self.diagnostics.push(diagnostic.help(format!("add `{name}: {example}`")));
        }
        value.cloned()
    }

    fn connector_name(&mut self, name: &str, stem: Option<&str>) -> Option<Name> {
        let at = self.source_map.value(&["connector"]);
        let name = self.new_name(name, at)?;
        match stem.filter(|stem| *stem != name.as_str()) {
            Some(stem) => {
                let message = format!("the connector `{}` stands in a file named `{stem}`", name.as_str());
                let diagnostic = Diagnostic::new(Code::E0602, message).at(at, "pipelines would not find it");
                self.diagnostics
                    .push(diagnostic.help(format!("name the file `{}.yaml`, or write `{stem}`", name.as_str())));
                None
            }
            None => Some(name),
        }
    }

    /// Checks that headers have valid names, that no part is empty, and that only one way writes `Authorization`.
    fn auth(&mut self, ways: &[raw::Auth]) {
        let mut writers =
            ways.iter().enumerate().filter(|(_, way)| !matches!(way, raw::Auth::Header(_) | raw::Auth::Query(_)));
        if let (Some(_), Some((second, _))) = (writers.next(), writers.next()) {
            let span = self.source_map.value(&["auth", &second.to_string()]);
            let label = "wanted: one of `bearer`, `basic`, `oauth2`, `google_service_account`";
            self.refuse::<()>(Code::E0603, "the header `Authorization` is written once", span, label);
        }
        for (at, way) in ways.iter().enumerate() {
            let at = at.to_string();
            let (word, names) = match way {
                raw::Auth::Header(names) => ("header", names),
                raw::Auth::Query(names) => ("query", names),
                raw::Auth::Oauth2 { client_secret: None, refresh_token: None, .. } => {
                    let span = self.source_map.value(&["auth"]);
                    let label = "wanted: `client_secret: { secret: NAME }`, or a `refresh_token`";
                    self.refuse::<()>(Code::E0603, "a client without a secret has a refresh token", span, label);
                    continue;
                }
                raw::Auth::Oauth2 { header: Some(name), .. } if !request::is_header(name) => {
                    let span = self.source_map.value(&["auth"]);
                    let label = "wanted: a name such as `X-Access-Token`";
                    self.refuse::<()>(Code::E0603, format!("`{name}` is no header"), span, label);
                    continue;
                }
                _ => continue,
            };
            // A single way needs no list.
            let several = self.source_map.has(&["auth", &at]);
            let key_path = if several { vec!["auth", &at, word] } else { vec!["auth", word] };
            if names.is_empty() {
                let span = self.source_map.key(&key_path);
                self.refuse::<()>(
                    Code::E0602,
                    format!("`{word}` names none"),
                    span,
                    "wanted: `{ NAME: { secret: NAME } }`",
                );
            }
            for name in names.keys().filter(|name| word == "header" && !request::is_header(name)) {
                let span = self.source_map.key(&[&key_path[..], &[name]].concat());
                self.refuse::<()>(
                    Code::E0603,
                    format!("`{name}` is no header"),
                    span,
                    "wanted: a name such as `X-Api-Key`",
                );
            }
        }
        if ways.is_empty() && self.source_map.has(&["auth"]) && !self.was_skipped(&["auth"]) {
            let span = self.source_map.key(&["auth"]);
            self.refuse::<()>(Code::E0602, "`auth` says nothing", span, "wanted: one way, or none of it");
        }
    }

    /// An answer that lacks its records may be an error, which only the connector can tell from one without any.
    fn no_optional_records(&mut self, endpoints: &IndexMap<String, raw::Endpoint>) {
        for (name, _) in endpoints.iter().filter(|(_, each)| each.records.as_ref().is_some_and(|of| of.get().optional))
        {
            let span = self.source_map.value(&["endpoints", name, "records"]);
            let label = "wanted: `errors` at the top, which say where an error stands";
            self.refuse::<()>(Code::E0603, "an answer without its records may be an error", span, label);
        }
    }

    /// Codes need the path of the code, and a wait needs codes.
    fn errors(&mut self, errors: &[raw::ErrorInside]) -> Vec<ErrorInside> {
        for (at, error) in errors.iter().enumerate() {
            let at = at.to_string();
            if error.values.as_ref().is_some_and(Vec::is_empty) && !self.was_skipped(&["errors"]) {
                let span = self.source_map.key(&["errors", &at, "in"]);
                let label = "wanted: the values that make an answer an error, such as `[false]`";
                self.refuse::<()>(Code::E0603, "`in` names no value", span, label);
            }
            // Of several values the first would be looked at.
            let is_several = ["*", "..", "?", ":", ","].iter().any(|sign| error.at.get().contains(sign));
            if error.values.is_some() && is_several && !self.was_skipped(&["errors"]) {
                let span = self.source_map.value(&["errors", &at, "at"]);
                self.refuse::<()>(Code::E0603, "`in` is of one value", span, "wanted: a path to one value, `$.status`");
            }
            if !error.retry.is_empty() && error.code.is_none() && !self.was_skipped(&["errors"]) {
                let span = self.source_map.key(&["errors", &at, "retry"]);
                self.refuse::<()>(Code::E0603, "codes, and of what?", span, "wanted: `code: PATH` as well");
            }
            if error.wait.is_some() && error.retry.is_empty() && !self.was_skipped(&["errors"]) {
                let span = self.source_map.key(&["errors", &at, "wait"]);
                let label = "wanted: `retry: [CODES]`, after which the request is sent again";
                self.refuse::<()>(Code::E0603, "a wait, and for what?", span, label);
            }
        }
        errors.iter().map(error_inside).collect()
    }

    fn currency(&mut self, account: &raw::Account) -> Option<Name> {
        let currency = self.spanned(account.currency.clone()?, &["account", "currency"]);
        if Currency::of_code(currency.as_str()).is_none() {
            let message = format!("`{}` is no currency that cpl knows", currency.as_str());
            self.refuse::<()>(Code::E0103, message, currency.span, "wanted: a code of ISO 4217 such as `USD`");
        }
        Some(currency)
    }

    fn length(&mut self, raw: Option<&Length>, key_path: &[&str]) -> Option<Expr> {
        let value = raw?.get();
        self.piece(value, key_path, fragment::value)
    }

    /// A text that is a cpl fragment; it must be on one line, without escapes.
    fn piece<T>(
        &mut self,
        value: &str,
        key_path: &[&str],
        read: impl Fn(&str, Span) -> fragment::Read<T>,
    ) -> Option<T> {
        let part = self.within(value, key_path)?;
        let (piece, wrong) = read(self.text, part);
        self.diagnostics.extend(wrong);
        piece
    }

    /// The span of a text, without its quotes.
    fn within(&mut self, value: &str, key_path: &[&str]) -> Option<Span> {
        let whole = self.source_map.value(key_path);
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
    fn arguments(&mut self, raw: &IndexMap<String, String>, key_path: &[&str]) -> Option<Vec<Argument>> {
        // What was left out would be missed by the holes.
        if self.was_skipped(&[key_path, &["arguments"]].concat()) {
            return None;
        }
        let mut arguments = Some(Vec::new());
        for (name, ty) in raw {
            let key_path = [key_path, &["arguments", name]].concat();
            let key = self.source_map.key(&key_path);
            let argument = self.new_name(name, key).and_then(|name| {
                if ["job", "idempotency_key"].contains(&name.as_str()) {
                    let label = "stands for something else in holes";
                    return self.refuse(Code::E0104, format!("`{}` can't be an argument", name.as_str()), key, label);
                }
                let ty = self.piece(ty, &key_path, fragment::argument)?;
                if ty.key && ty.optional {
                    let at = self.source_map.value(&key_path);
                    let label = "wanted: no `?`";
                    return self.refuse(Code::E0603, "what names the thing that is changed is there", at, label);
                }
                Some(Argument { name, ty, span: self.source_map.value(&key_path) })
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

    fn spanned(&self, value: String, key_path: &[&str]) -> Name {
        Spanned::new(value, self.source_map.value(key_path))
    }

    fn refuse<T>(&mut self, code: Code, message: impl Into<String>, at: Span, label: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::new(code, message).at(at, label));
        None
    }

    /// Whether a part at a path, or inside it, was skipped. That is reported already.
    fn was_skipped(&self, key_path: &[&str]) -> bool {
        let within =
            |skipped: &KeyPath| skipped.len() >= key_path.len() && skipped.iter().zip(key_path).all(|(a, b)| a == b);
        self.skipped.iter().any(within)
    }

    /// Whether an unknown key at a path was skipped: it may be the missing one, misspelt.
    fn has_skipped_child(&self, key_path: &[&str]) -> bool {
        self.skipped
            .iter()
            .any(|skipped| skipped.len() == key_path.len() + 1 && skipped.iter().zip(key_path).all(|(a, b)| a == b))
    }
}

fn limits(raw: &raw::Limits) -> ConnectorLimits {
    ConnectorLimits {
        rate: raw.rate.as_ref().map(|rate| (rate.get().0, rate.get().1)),
        concurrent: raw.concurrent.map(Into::into),
        timeout: raw.timeout.as_ref().map(|time| *time.get()),
        body: raw.body.as_ref().map(|size| *size.get()),
        pages: raw.pages.map(Into::into),
    }
}

fn error_inside(raw: &raw::ErrorInside) -> ErrorInside {
    ErrorInside {
        at: raw.at.get().clone(),
        values: raw.values.as_ref().map(|values| values.iter().map(ToString::to_string).collect()),
        message: raw.message.as_ref().map(|path| path.get().clone()),
        code: raw.code.as_ref().map(|path| path.get().clone()),
        retry: raw.retry.iter().map(ToString::to_string).collect(),
        wait: raw.wait.as_ref().map(|time| *time.get()),
    }
}
