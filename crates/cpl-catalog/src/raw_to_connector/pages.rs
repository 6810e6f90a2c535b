//! How an answer goes on: exactly one way, with what it needs and nothing that it doesn't.

use cpl_model::program::{PageBy, PageParameter, Paging};
use cpl_syntax::Code;

use super::Converter;
use crate::{
    raw::{self, Pages, RawRequest, SentIn},
    scalars::JsonPath,
};

impl Converter<'_> {
    /// The pages of an endpoint, where it has any; none where they are wrong.
    pub(super) fn pages_of(&mut self, raw: &raw::Endpoint, key_path: &[&str]) -> Option<Option<Paging>> {
        let Some(pages) = &raw.pages else { return Some(None) };
        let place = [key_path, &["pages"]].concat();
        let way = self.way(pages, &place)?;
        let parts = self.parts(way, pages, &place);
        let result = [key_path, &["job", "result"]].concat();
        let request_path = if raw.job.is_some() { &result } else { key_path };
        let sent = self.sent(way, pages, &place, request_path);
        parts.and(sent)?;
        let body = raw.job.as_ref().map_or(raw.body.as_ref(), |job| job.result.rest().2);
        if let (Some(SentIn::Body), Some(body)) = (pages.sent_in, body)
            && !body.is_object()
        {
            let at = self.source_map.key(&[request_path, &["body"]].concat());
            let label = "wanted: an object, or no `in` of the `pages`";
            return self.refuse(Code::E0603, "what is sent takes no parameter", at, label);
        }
        paging(pages).map(Some)
    }

    /// Whether the body that is written out has a member of those names.
    fn has_member(&self, request_path: &[&str], names: &[String]) -> bool {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.source_map.has(&[request_path, &["body"], names.as_slice()].concat())
    }

    /// The one way.
    fn way(&mut self, pages: &Pages, key_path: &[&str]) -> Option<&'static str> {
        let ways = [
            ("cursor", pages.cursor.is_some()),
            ("next", pages.next.is_some()),
            ("number", pages.number.is_some()),
            ("offset", pages.offset.is_some()),
            ("link", pages.link.is_some()),
            ("last", pages.last.is_some()),
            ("only", pages.only.is_some()),
        ];
        let there: Vec<&str> = ways.iter().filter(|(_, there)| *there).map(|(word, _)| *word).collect();
        if let &[way] = there.as_slice() {
            return Some(way);
        }
        if ways.iter().any(|(word, _)| self.was_skipped(&[key_path, &[word]].concat())) {
            return None;
        }
        let at = there
            .get(1)
            .map_or(self.source_map.key(key_path), |word| self.source_map.key(&[key_path, &[word]].concat()));
        let message = if there.is_empty() { "how do the pages go on?" } else { "pages go on in one way" };
        let label = "wanted: one of `cursor`, `next`, `number`, `offset`, `link`, `last`, or `only: first`";
        self.refuse(Code::E0603, message, at, label)
    }

    /// Checks the parts that the way of paging needs or excludes.
    fn parts(&mut self, way: &str, pages: &Pages, key_path: &[&str]) -> Option<()> {
        let by_value = matches!(way, "cursor" | "last");
        let parts = [
            ("as", pages.sent_as.is_some(), by_value, by_value),
            ("in", pages.sent_in.is_some(), !matches!(way, "next" | "link" | "only"), false),
            ("from", pages.from.is_some(), way == "number", false),
            ("limit", pages.limit.is_some(), way == "offset", way == "offset"),
            ("while", pages.more.is_some(), way != "only", false),
            ("total", pages.total.is_some(), way != "only", false),
        ];
        let mut right = Some(());
        for (part, there, fits, needed) in parts {
            let key_path = [key_path, &[part]].concat();
            if there && !fits {
                let message = match way {
                    "only" => format!("`only: first` takes no `{part}`"),
                    _ => format!("pages that go on by `{way}` take no `{part}`"),
                };
                right = self.refuse(Code::E0603, message, self.source_map.key(&key_path), "never used");
            } else if needed && !there && !self.was_skipped(&key_path) {
                let message = format!("pages that go on by `{way}` need `{part}`");
                let label =
                    if part == "as" { "by which parameter is it sent?" } else { "how many records has a page?" };
                right = self.refuse(Code::E0603, message, self.source_map.key(&key_path), label);
            }
        }
        right
    }

    /// Checks that the request at `request_path` can take the paging parameter, and does not set it itself.
    fn sent(&mut self, way: &str, pages: &Pages, key_path: &[&str], request_path: &[&str]) -> Option<()> {
        let body = pages.sent_in == Some(SentIn::Body);
        if body && self.source_map.has(&[request_path, &["get"]].concat()) {
            let at = self.source_map.key(&[key_path, &["in"]].concat());
            return self.refuse(Code::E0603, "a GET request has no body", at, "wanted: `post`, or no `in`");
        }
        let named = [("as", &pages.sent_as), ("number", &pages.number), ("offset", &pages.offset)];
        let (part, name) = named.into_iter().find_map(|(part, name)| Some((part, name.as_ref()?))).unzip();
        let (Some(part), Some(name)) = (part, name) else { return Some(()) };
        let label = match parameter(name, body) {
            Some(PageParameter::Query(name)) if self.source_map.has(&[request_path, &["query", &name]].concat()) => {
                "stands in `query` too"
            }
            Some(PageParameter::Body(within)) if self.has_member(request_path, &within) => "stands in `body` too",
            Some(_) => return Some(()),
            None if body => "wanted: a name, or a path of names such as `$.variables.after`",
            None => "wanted: a name; a path of names goes with `in: body`",
        };
        // Of a way that takes no such part, that was reported.
        if part == "as" && !matches!(way, "cursor" | "last") {
            return None;
        }
        let at = self.source_map.value(&[key_path, &[part]].concat());
        self.refuse(Code::E0603, format!("`{name}` can't be the parameter that goes on"), at, label)
    }
}

/// The parameter of that name; in the body it may be a path of names. None where it is neither.
fn parameter(name: &str, in_body: bool) -> Option<PageParameter> {
    if !in_body {
        return (!name.is_empty() && !name.starts_with("$.")).then(|| PageParameter::Query(name.to_owned()));
    }
    let names: Vec<String> = match name.strip_prefix("$.") {
        Some(path) => path.split('.').map(str::to_owned).collect(),
        None => vec![name.to_owned()],
    };
    let is_name = |name: &String| !name.is_empty() && !name.contains(['$', '[', ']', '*', '\'', '"']);
    names.iter().all(is_name).then_some(PageParameter::Body(names))
}

/// The paging of parts that fit together.
fn paging(pages: &Pages) -> Option<Paging> {
    let path = |path: &JsonPath| path.get().clone();
    let parameter = |name: &String| parameter(name, pages.sent_in == Some(SentIn::Body));
    let by = if let Some(at) = &pages.cursor {
        PageBy::Cursor { at: path(at), parameter: parameter(pages.sent_as.as_ref()?)? }
    } else if let Some(at) = &pages.last {
        PageBy::Last { at: path(at), parameter: parameter(pages.sent_as.as_ref()?)? }
    } else if let Some(at) = &pages.next {
        PageBy::Next { at: path(at) }
    } else if let Some(name) = &pages.number {
        PageBy::Number { parameter: parameter(name)?, from: pages.from.unwrap_or(1) }
    } else if let Some(name) = &pages.offset {
        PageBy::Offset { parameter: parameter(name)?, limit: pages.limit?.get() }
    } else if pages.link.is_some() {
        PageBy::Link
    } else {
        PageBy::First
    };
    let total = pages.total.as_ref().map(|total| total.get().path.clone());
    let total_may_lack = pages.total.as_ref().is_some_and(|total| total.get().optional);
    Some(Paging { by, more: pages.more.as_ref().map(path), total, total_may_lack })
}
