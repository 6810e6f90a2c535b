//! Requests: one method, a path, and what goes with it; texts have holes.

use cpl_model::method::Method;
use cpl_syntax::{Code, Diagnostic, fragment, tree::Text};
use indexmap::IndexMap;
use serde_json::Value;

use super::Converter;
use crate::{
    connector::{Json, Request, RequestParts},
    raw::RawRequest,
};

impl Converter<'_> {
    /// The one request of a part.
    pub(super) fn request(&mut self, raw: &impl RawRequest, key_path: &[&str]) -> Option<Request> {
        let requests: Vec<_> =
            raw.methods().into_iter().filter_map(|(word, method, path)| Some((word, method, path?))).collect();
        let (word, method, path) = match requests.as_slice() {
            [one] => *one,
            [] => return self.no_request(key_path),
            [(first, ..), (second, ..), ..] => {
                let (first, second) = ([key_path, &[first]].concat(), [key_path, &[second]].concat());
                self.diagnostics.push(
                    Diagnostic::new(Code::E0603, "a request has one method")
                        .at(self.source_map.key(&second), "the second one")
                        .at(self.source_map.key(&first), "the first one")
                        .help("take one of them out"),
                );
                return None;
            }
        };
        let place = [key_path, &[word]].concat();
        let span = self.source_map.value(&place);
        let path = self.path(path, &place);
        let (query, headers, body) = raw.rest();
        if method == Method::Get && body.is_some() {
            let at = self.source_map.key(&[key_path, &["body"]].concat());
            self.refuse::<()>(Code::E0603, "a GET request has no body", at, "wanted: `query`, or `post`");
        }
        let request_parts = self.request_parts(query, headers, body, key_path);
        Some(Request { method, path: path?, span, request_parts: request_parts? })
    }

    /// The one request of a part that reads, and changes nothing.
    pub(super) fn read_request(&mut self, raw: &impl RawRequest, key_path: &[&str]) -> Option<Request> {
        let request = self.request(raw, key_path)?;
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

    fn no_request<T>(&mut self, key_path: &[&str]) -> Option<T> {
        if self.has_skipped_child(key_path) {
            return None;
        }
        let name = key_path.last().copied().unwrap_or_default();
        let diagnostic = Diagnostic::new(Code::E0603, format!("which request does `{name}` send?"));
        let diagnostic = diagnostic
            .at(self.source_map.key(key_path), "names no path")
            .help("add `get: /path`, or `post`, `put`, `patch`, `delete`");
        self.diagnostics.push(diagnostic);
        None
    }

    fn path(&mut self, path: &str, key_path: &[&str]) -> Option<Text> {
        let at = self.source_map.value(key_path);
        if !path.starts_with('/') {
            let label = "wanted: one that begins with `/` and stands behind `base_url`";
            return self.refuse(Code::E0603, "that is no path", at, label);
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return self.refuse(
                Code::E0603,
                "a path leads down from `base_url`",
                at,
                "wanted: no `.` and no `..` in it",
            );
        }
        // A hole may hold anything.
        let text = self.text(path, key_path)?;
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

    /// The query, headers and body of a request.
    pub(super) fn request_parts(
        &mut self,
        query: &IndexMap<String, Value>,
        headers: &IndexMap<String, String>,
        body: Option<&Value>,
        key_path: &[&str],
    ) -> Option<RequestParts> {
        let mut request_parts = Some(RequestParts::default());
        for (name, value) in query {
            let value = self.parameter(value, &[key_path, &["query", name]].concat());
            keep(&mut request_parts, value, |request_parts, value| request_parts.query.push((name.clone(), value)));
        }
        for (name, value) in headers {
            let value = self.header(name, value, &[key_path, &["headers", name]].concat());
            keep(&mut request_parts, value, |request_parts, value| request_parts.headers.push((name.clone(), value)));
        }
        if let Some(body) = body {
            let value = self.json(body, &[key_path, &["body"]].concat());
            keep(&mut request_parts, value, |request_parts, value| request_parts.body = Some(value));
        }
        request_parts
    }

    /// A parameter of the query is one value, or a list of them, each sent by itself.
    fn parameter(&mut self, value: &Value, key_path: &[&str]) -> Option<Json> {
        let values = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        if values.iter().any(Value::is_null) {
            let at = self.source_map.value(key_path);
            return self.refuse(Code::E0603, "a parameter without a value", at, "wanted: a text or a number");
        }
        if values.iter().any(Value::is_array)
            || values.iter().any(|each| each.is_object() && !is_secret(each) && unquoted(each).is_none())
        {
            let at = self.source_map.value(key_path);
            return self.refuse(
                Code::E0603,
                "a parameter is one value",
                at,
                "wanted: a text, a number, or a list of them",
            );
        }
        self.json(value, key_path)
    }

    fn header(&mut self, name: &str, value: &str, key_path: &[&str]) -> Option<Text> {
        let at = self.source_map.key(key_path);
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
            return self.refuse(Code::E0504, "credentials belong in `auth`", at, label);
        }
        if ["host", "content-length", "transfer-encoding", "connection"].contains(&name.to_lowercase().as_str()) {
            let message = format!("`{name}` follows from the request");
            return self.refuse(Code::E0603, message, at, "wanted: nothing; it is written when the request is sent");
        }
        if value.contains(['\r', '\n']) {
            let span = self.source_map.value(key_path);
            return self.refuse(Code::E0603, "a header is one line", span, "holds a line's end");
        }
        self.text(value, key_path)
    }

    /// JSON whose texts have holes.
    fn json(&mut self, value: &Value, key_path: &[&str]) -> Option<Json> {
        if is_secret(value) {
            let at = self.source_map.value(key_path);
            return self.refuse(Code::E0504, "a secret is only used in `auth`", at, "wanted: `auth` at the top");
        }
        if let Some(hole) = unquoted(value) {
            let at = self.source_map.value(key_path);
            let diagnostic = Diagnostic::new(Code::E0603, "a hole stands in quotes").at(at, "a map, as YAML reads it");
            let diagnostic = diagnostic.help(format!("write `\"{{{hole}}}\"`")).offer(at, format!("\"{{{hole}}}\""));
            self.diagnostics.push(diagnostic);
            return None;
        }
        match value {
            Value::String(text) => self.text(text, key_path).map(Json::Text),
            Value::Array(all) => {
                let all = all.iter().enumerate().map(|(at, each)| {
                    let at = at.to_string();
                    self.json(each, &[key_path, &[at.as_str()]].concat())
                });
                all.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Json::List)
            }
            Value::Object(all) => {
                for name in all.keys().filter(|name| name.contains(['{', '}'])) {
                    let at = self.source_map.key(&[key_path, &[name.as_str()]].concat());
                    self.refuse::<()>(Code::E0603, "a name takes no holes", at, "wanted: a plain name");
                }
                let all = all
                    .iter()
                    .map(|(name, each)| Some((name.clone(), self.json(each, &[key_path, &[name.as_str()]].concat())?)));
                all.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Json::Map)
            }
            plain => Some(Json::Plain(plain.clone())),
        }
    }

    pub(super) fn text(&mut self, value: &str, key_path: &[&str]) -> Option<Text> {
        let (text, wrong) = fragment::template(value, self.text, self.source_map.value(key_path));
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

/// Whether a header is a credential.
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
