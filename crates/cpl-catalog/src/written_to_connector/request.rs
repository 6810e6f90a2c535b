//! Requests: one method, a path, and what goes with it; texts have holes.

use cpl_syntax::{Code, Diagnostic, fragment, tree::Text};
use indexmap::IndexMap;
use serde_json::Value;

use super::Converter;
use crate::{
    connector::{Extra, Json, Request},
    method::Method,
    written::Asking,
};

impl Converter<'_> {
    /// The one request of a part.
    pub(super) fn request(&mut self, written: &impl Asking, route: &[&str]) -> Option<Request> {
        let asked: Vec<_> =
            written.methods().into_iter().filter_map(|(word, method, path)| Some((word, method, path?))).collect();
        let (word, method, path) = match asked.as_slice() {
            [one] => *one,
            [] => return self.not_asked(route),
            [(first, ..), (second, ..), ..] => {
                let (first, second) = ([route, &[first]].concat(), [route, &[second]].concat());
                self.diagnostics.push(
                    Diagnostic::new(Code::E0603, "a request is asked in one way")
                        .at(self.marks.key(&second), "the second one")
                        .at(self.marks.key(&first), "the first one")
                        .help("take one of them out"),
                );
                return None;
            }
        };
        let place = [route, &[word]].concat();
        let span = self.marks.value(&place);
        let path = self.path(path, &place);
        let (query, headers, body) = written.rest();
        if method == Method::Get && body.is_some() {
            let at = self.marks.key(&[route, &["body"]].concat());
            self.refuse::<()>(Code::E0603, "what is asked by GET has no body", at, "wanted: `query`, or `post`");
        }
        let extra = self.extra(query, headers, body, route);
        Some(Request { method, path: path?, span, extra: extra? })
    }

    /// The one request of a part that reads, and changes nothing.
    pub(super) fn reading(&mut self, written: &impl Asking, route: &[&str]) -> Option<Request> {
        let request = self.request(written, route)?;
        if !matches!(request.method, Method::Get | Method::Post) {
            return self.refuse(
                Code::E0603,
                "this would change what it reads",
                request.span,
                "wanted: `get`, or `post`",
            );
        }
        Some(request)
    }

    fn not_asked<T>(&mut self, route: &[&str]) -> Option<T> {
        if self.has_lost_beside(route) {
            return None;
        }
        let name = route.last().copied().unwrap_or_default();
        let told = Diagnostic::new(Code::E0603, format!("how is `{name}` asked?"));
        let told = told
            .at(self.marks.key(route), "names no path")
            .help("add `get: /path`, or `post`, `put`, `patch`, `delete`");
        self.diagnostics.push(told);
        None
    }

    fn path(&mut self, path: &str, route: &[&str]) -> Option<Text> {
        let at = self.marks.value(route);
        if !path.starts_with('/') {
            let label = "wanted: one that begins with `/` and stands behind `base_url`";
            return self.refuse(Code::E0603, "that is no path", at, label);
        }
        // A hole may hold anything.
        let text = self.text(path, route)?;
        let letters = text.pieces.iter().filter_map(|piece| match piece {
            cpl_syntax::tree::Piece::Letters(letters) => Some(letters.as_str()),
            cpl_syntax::tree::Piece::Hole(_) => None,
        });
        if letters.flat_map(str::chars).any(|letter| letter.is_whitespace() || "?#".contains(letter)) {
            let label = "wanted: what stands behind `?` as `query`";
            return self.refuse(Code::E0603, "a path has no `?`, no `#` and no blank", at, label);
        }
        Some(text)
    }

    /// What goes with a request.
    pub(super) fn extra(
        &mut self,
        query: &IndexMap<String, Value>,
        headers: &IndexMap<String, String>,
        body: Option<&Value>,
        route: &[&str],
    ) -> Option<Extra> {
        let mut extra = Some(Extra::default());
        for (name, value) in query {
            let value = self.parameter(value, &[route, &["query", name]].concat());
            keep(&mut extra, value, |extra, value| extra.query.push((name.clone(), value)));
        }
        for (name, value) in headers {
            let value = self.header(name, value, &[route, &["headers", name]].concat());
            keep(&mut extra, value, |extra, value| extra.headers.push((name.clone(), value)));
        }
        if let Some(body) = body {
            let value = self.json(body, &[route, &["body"]].concat());
            keep(&mut extra, value, |extra, value| extra.body = Some(value));
        }
        extra
    }

    /// A parameter of the query is one value, or a list of them, each sent by itself.
    fn parameter(&mut self, value: &Value, route: &[&str]) -> Option<Json> {
        let values = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        if values.iter().any(Value::is_null) {
            let at = self.marks.value(route);
            return self.refuse(Code::E0603, "a parameter without a value", at, "wanted: a text or a number");
        }
        if values.iter().any(Value::is_array)
            || values.iter().any(|each| each.is_object() && !is_secret(each) && unquoted(each).is_none())
        {
            let at = self.marks.value(route);
            return self.refuse(
                Code::E0603,
                "a parameter is one value",
                at,
                "wanted: a text, a number, or a list of them",
            );
        }
        self.json(value, route)
    }

    fn header(&mut self, name: &str, value: &str, route: &[&str]) -> Option<Text> {
        let at = self.marks.key(route);
        if !is_header(name) {
            return self.refuse(
                Code::E0603,
                format!("`{name}` is no header"),
                at,
                "wanted: a name such as `X-Api-Version`",
            );
        }
        if is_credential(name) {
            let label = "wanted: `auth: { bearer: { secret: NAME } }` at the top";
            return self.refuse(Code::E0504, "who asks is said by `auth`", at, label);
        }
        if value.contains(['\r', '\n']) {
            let span = self.marks.value(route);
            return self.refuse(Code::E0603, "a header is one line", span, "holds a line's end");
        }
        self.text(value, route)
    }

    /// JSON whose texts have holes.
    fn json(&mut self, value: &Value, route: &[&str]) -> Option<Json> {
        if is_secret(value) {
            let at = self.marks.value(route);
            return self.refuse(Code::E0504, "a secret stands in `auth` alone", at, "wanted: `auth` at the top");
        }
        if let Some(hole) = unquoted(value) {
            let at = self.marks.value(route);
            let told = Diagnostic::new(Code::E0603, "a hole stands in quotes").at(at, "a map, as YAML reads it");
            let told = told.help(format!("write `\"{{{hole}}}\"`")).offer(at, format!("\"{{{hole}}}\""));
            self.diagnostics.push(told);
            return None;
        }
        match value {
            Value::String(text) => self.text(text, route).map(Json::Text),
            Value::Array(all) => {
                let all = all.iter().enumerate().map(|(at, each)| {
                    let at = at.to_string();
                    self.json(each, &[route, &[at.as_str()]].concat())
                });
                all.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Json::List)
            }
            Value::Object(all) => {
                for name in all.keys().filter(|name| name.contains(['{', '}'])) {
                    let at = self.marks.key(&[route, &[name.as_str()]].concat());
                    self.refuse::<()>(Code::E0603, "a name takes no holes", at, "wanted: a plain name");
                }
                let all = all
                    .iter()
                    .map(|(name, each)| Some((name.clone(), self.json(each, &[route, &[name.as_str()]].concat())?)));
                all.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Json::Map)
            }
            plain => Some(Json::Plain(plain.clone())),
        }
    }

    fn text(&mut self, value: &str, route: &[&str]) -> Option<Text> {
        let (text, wrong) = fragment::template(value, self.text, self.marks.value(route));
        self.diagnostics.extend(wrong);
        text
    }
}

/// Puts a value where it goes; what is not there makes the whole not there.
fn keep<T, V>(whole: &mut Option<T>, value: Option<V>, put: impl FnOnce(&mut T, V)) {
    match (value, whole.as_mut()) {
        (Some(value), Some(whole)) => put(whole, value),
        _ => *whole = None,
    }
}

/// Whether a header says who asks.
#[must_use]
pub fn is_credential(name: &str) -> bool {
    ["authorization", "proxy-authorization", "cookie"].contains(&name.to_lowercase().as_str())
}

/// Whether something can be a header's name (RFC 9110).
#[must_use]
pub fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// `{micros(budget)}` without quotes, which YAML reads as a map of one name without a value.
fn unquoted(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str())
}

/// `{ secret: NAME }`
fn is_secret(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.len() == 1 && map.get("secret").is_some_and(Value::is_string))
}
