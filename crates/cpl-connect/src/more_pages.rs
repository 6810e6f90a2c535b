//! Whether an answer says that there are more pages than were read, by the names that APIs give to it.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    answer::Answer,
    error_inside::{is_something, text_of},
    link,
};

/// What leads to a next page, wherever it is.
const NEXT: &[&str] = &[
    "nextpage",
    "nextpageurl",
    "nextpageuri",
    "nextpagelink",
    "nextpagetoken",
    "nextpageid",
    "nextcursor",
    "nexturl",
    "nexturi",
    "nextlink",
    "nexthref",
    "nextoffset",
    "nextkey",
    "nexttoken",
    "nextmarker",
    "incompleteresults",
    "nextrecordsurl",
    "nextcontinuationtoken",
    "continuationtoken",
    "odatanextlink",
    "hasnextpage",
    "hasmorepages",
    "moreitemsincollection",
];
/// What says in a [`PLACES`] that there is more, where it is something.
const MORE: &[&str] = &[
    "next",
    "hasmore",
    "hasnext",
    "hasmoreitems",
    "hasmoreresults",
    "more",
    "moreavailable",
    "truncated",
    "istruncated",
];
/// What says there that this is the last page, where it is not `false`.
const LAST: &[&str] = &["last", "islast", "islastpage", "lastpage", "done", "complete", "iscomplete", "endofrecords"];
/// How many records there are in all.
const TOTAL: &[&str] = &[
    "total",
    "totalcount",
    "totalresults",
    "totalitems",
    "totalrecords",
    "totalsize",
    "totalrows",
    "totalhits",
    "totalelements",
    "totalentries",
    "totalnumber",
    "totalnum",
    "totalrecordcount",
    "totalresultcount",
    "numfound",
    "rowcount",
    "count",
];
/// How many pages there are in all.
const PAGES: &[&str] = &[
    "totalpages",
    "totalpage",
    "totalpagecount",
    "pagetotal",
    "pagecount",
    "pagescount",
    "numpages",
    "numberofpages",
    "maxpage",
    "pages",
    "lastpage",
];
/// Objects that tell of pages, besides the answer itself.
const PLACES: &[&str] = &[
    "meta",
    "metadata",
    "paging",
    "pagination",
    "pageinfo",
    "pager",
    "page",
    "info",
    "links",
    "cursor",
    "cursors",
    "response",
    "responsemetadata",
    "result",
    "data",
];
/// Headers that name the next page: an empty one names none.
const NEXT_HEADERS: &[&str] = &["X-Next-Page"];
/// Headers that say how many records there are in all; `Content-Range` does so behind its `/` (RFC 9110, 14.4).
const TOTAL_HEADERS: &[&str] = &["X-Total-Count", "X-Total", "X-Pagination-Total-Count", "Content-Range"];
/// As deep as it is looked for.
const DEPTH: usize = 6;

/// What was read up to an answer, which is read as well.
#[derive(Clone, Copy, Debug)]
pub struct PagesRead {
    /// Records, where that is known.
    pub records: u64,
    pub pages: u64,
}

impl PagesRead {
    /// The answer is the first page.
    pub const ONE: Self = Self { records: 0, pages: 1 };
}

/// Where an answer says that there is a next page: a path into it, with the number that is there, or a header. Numbers of records
/// and pages are compared with those that were read, and with the answer's longest list. What is on the way to the `declared`
/// path, which was looked up, says nothing.
pub fn find(answer: &Answer, read: Option<PagesRead>, declared: Option<&str>) -> Option<String> {
    if link::next(&answer.headers).is_some() {
        return Some("the header `Link`".to_owned());
    }
    let header = |name: &&'static str| Some((*name, answer.headers.get(*name)?.to_str().ok()?.trim()));
    if let Some((name, _)) = NEXT_HEADERS.iter().filter_map(header).find(|(_, value)| !value.is_empty()) {
        return Some(format!("the header `{name}`"));
    }
    // The reader reports what is no JSON.
    let text = std::str::from_utf8(&answer.bytes).ok()?;
    let mut signs = Signs::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Object { signs: &mut signs, path: "$".to_owned(), depth: 0, is_place: true }.deserialize(&mut deserializer).ok()?;
    let longest = signs.longest_list;
    // Where there is no record no number says anything.
    let read =
        read.map(|read| PagesRead { records: read.records.max(longest), ..read }).filter(|read| read.records > 0);
    let of_records = signs.totals.into_iter().filter(|(_, total)| read.is_some_and(|read| *total > read.records));
    let of_pages = signs.pages.into_iter().filter(|(_, pages)| read.is_some_and(|read| *pages > read.pages));
    let counted = of_pages.chain(of_records).map(|(path, number)| format!("`{path}` ({number})"));
    let in_headers = TOTAL_HEADERS.iter().filter_map(header).filter_map(|(name, value)| {
        let total: u64 = value.rsplit('/').next()?.parse().ok()?;
        read.is_some_and(|read| total > read.records).then(|| format!("the header `{name}` ({total})"))
    });
    let is_on_way = |path: &String| {
        let rest = declared.and_then(|declared| declared.strip_prefix(path.as_str()));
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    signs.next.retain(|path| !is_on_way(path));
    signs.next.into_iter().map(|path| format!("`{path}`")).chain(counted).chain(in_headers).next()
}

/// What an answer says of its pages.
#[derive(Default)]
struct Signs {
    /// Where there is a next page.
    next: Vec<String>,
    /// Numbers of records, and where they are.
    totals: Vec<(String, u64)>,
    /// Numbers of pages, and where they are.
    pages: Vec<(String, u64)>,
    longest_list: u64,
}

impl Signs {
    /// Notes what a member says; `is_place` where its object tells of pages.
    fn note(&mut self, path: String, name: &str, is_place: bool, value: &str) {
        let is_false = value == "false";
        let is_token =
            || value.starts_with('"') && text_of(value).is_some_and(|text| !is_number(&text) && !text.is_empty());
        let leads_on = NEXT.contains(&name) && is_something(value)
            || is_place && MORE.contains(&name) && is_something(value)
            || is_place && LAST.contains(&name) && is_false
            || is_place && name == "offset" && is_token();
        if leads_on {
            return self.next.push(path);
        }
        let number = text_of(value).and_then(|text| text.parse().ok());
        match number {
            Some(number) if is_place && TOTAL.contains(&name) => self.totals.push((path, number)),
            Some(number) if is_place && PAGES.contains(&name) => self.pages.push((path, number)),
            _ => {}
        }
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_digit())
}

/// A name without capitals and signs: `@odata.nextLink` and `next_page` are `odatanextlink` and `nextpage`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// A value that may be an object with signs of more pages.
struct Object<'s> {
    signs: &'s mut Signs,
    path: String,
    depth: usize,
    is_place: bool,
}

impl<'t> DeserializeSeed<'t> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        let is_list_of_links = self.path.ends_with("inks");
        let value = <&RawValue>::deserialize(deserializer)?.get();
        let mut inside = serde_json::Deserializer::from_str(value);
        match value.as_bytes().first() {
            Some(b'{') if self.depth < DEPTH => inside.deserialize_map(self),
            Some(b'[') if is_list_of_links => {
                let path = self.path.clone();
                if links(value).iter().any(Link::is_next) {
                    self.signs.next.push(format!("{path}[?@.rel == 'next']"));
                }
                Ok(())
            }
            Some(b'[') => inside.deserialize_seq(self),
            _ => Ok(()),
        }
        .map_err(serde::de::Error::custom)
    }
}

/// An address, and what it is to the answer that has it.
#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    rel: Option<String>,
}

impl Link {
    fn is_next(&self) -> bool {
        self.rel.as_deref() == Some("next")
    }
}

/// The links of a list; none where it holds anything else.
fn links(list: &str) -> Vec<Link> {
    serde_json::from_str(list).unwrap_or_default()
}

impl<'t> Visitor<'t> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { signs, path, depth, is_place } = self;
        while let Some(name) = object.next_key::<String>()? {
            let value = object.next_value::<&'t RawValue>()?;
            let (path, name) = (format!("{path}{}", cpl_records::step(&name)), plain(&name));
            signs.note(path.clone(), &name, is_place, value.get());
            let is_place = PLACES.contains(&name.as_str());
            let inside = Object { signs: &mut *signs, path, depth: depth + 1, is_place };
            let mut deserializer = serde_json::Deserializer::from_str(value.get());
            inside.deserialize(&mut deserializer).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        let mut length = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        self.signs.longest_list = self.signs.longest_list.max(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Url, header::HeaderMap};

    use super::*;
    use crate::request::Request;

    fn found(json: &str, read: Option<PagesRead>) -> Option<String> {
        found_by(&HeaderMap::new(), json, read)
    }

    fn found_by(headers: &HeaderMap, json: &str, read: Option<PagesRead>) -> Option<String> {
        let url: Url = "https://a.example/x".parse().unwrap_or_else(|error| panic!("{error}"));
        let sent = Request::new(cpl_model::method::Method::Get, url.as_str()).unwrap_or_else(|why| panic!("{why:?}"));
        find(
            &Answer {
                status: reqwest::StatusCode::OK,
                headers: headers.clone(),
                bytes: json.as_bytes().to_vec(),
                url,
                sent,
            },
            read,
            None,
        )
    }

    #[test]
    fn one_page_of_several_is_seen() {
        for (json, place) in [
            (r#"{"r": [1], "next": "https://a.example/x?p=2"}"#, "`$.next`"),
            (r#"{"r": [1], "paging": {"next": {"after": "7"}}}"#, "`$.paging.next`"),
            (r#"{"r": [1], "@odata.nextLink": "https://a.example"}"#, "`$['@odata.nextLink']`"),
            (
                r#"{"data": {"orders": {"nodes": [1], "pageInfo": {"hasNextPage": true, "endCursor": "x"}}}}"#,
                "`$.data.orders.pageInfo.hasNextPage`",
            ),
            (r#"{"r": [1], "metadata": {"nextPageToken": "x"}}"#, "`$.metadata.nextPageToken`"),
            (r#"{"r": [1], "total": 100}"#, "`$.total` (100)"),
            (r#"{"r": [1, 2, 3], "count": 100}"#, "`$.count` (100)"),
            (r#"{"r": [1], "rowCount": 5000}"#, "`$.rowCount` (5000)"),
            (r#"{"r": [1], "meta": {"total": "12"}}"#, "`$.meta.total` (12)"),
            (r#"{"content": [1], "totalPages": 5, "last": false}"#, "`$.last`"),
            (r#"{"values": [1], "isLast": false}"#, "`$.isLast`"),
            (r#"{"records": [1], "done": false, "nextRecordsUrl": "/q/1"}"#, "`$.done`"),
            (r#"{"r": [1], "meta": {"pagination": {"page": 1, "pages": 9}}}"#, "`$.meta.pagination.pages` (9)"),
            (r#"{"r": [1], "total_pages": 3}"#, "`$.total_pages` (3)"),
            (
                r#"{"data": {"list": [1], "page_info": {"page": 1, "total_page": 3, "total_number": 2660}}}"#,
                "`$.data.page_info.total_page` (3)",
            ),
            (
                r#"{"data": {"list": [1], "page_info": {"total_number": 2660}}}"#,
                "`$.data.page_info.total_number` (2660)",
            ),
            (r#"{"records": [1], "offset": "itrA/rec7"}"#, "`$.offset`"),
            (r#"{"r": [1], "more": true}"#, "`$.more`"),
            (r#"{"r": [1], "truncated": true}"#, "`$.truncated`"),
            (
                r#"{"elements": [1], "paging": {"start": 0, "links": [{"rel": "self"}, {"rel": "next", "href": "/x"}]}}"#,
                "`$.paging.links[?@.rel == 'next']`",
            ),
        ] {
            assert_eq!(found(json, Some(PagesRead::ONE)).as_deref(), Some(place), "{json}");
        }
    }

    #[test]
    fn headers_say_so_too() {
        for (name, value, json, place) in [
            ("x-next-page", "2", "[1]", Some("the header `X-Next-Page`")),
            ("x-next-page", "", "[1]", None),
            ("x-total-count", "500", "[1]", Some("the header `X-Total-Count` (500)")),
            ("x-total-count", "1", "[1]", None),
            ("content-range", "items 0-0/500", "[1]", Some("the header `Content-Range` (500)")),
            ("content-range", "items 0-0/*", "[1]", None),
            ("x-total-count", "500", "[]", None),
        ] {
            let headers = HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static(name),
                reqwest::header::HeaderValue::from_static(value),
            )]);
            assert_eq!(found_by(&headers, json, Some(PagesRead::ONE)).as_deref(), place, "{name}: {value}");
        }
    }

    #[test]
    fn what_was_read_is_less_than_there_is() {
        let read = |records, pages| Some(PagesRead { records, pages });
        for (json, read, is_more) in [
            (r#"{"r": [], "total": 40}"#, read(20, 3), true),
            (r#"{"r": [], "total": 40}"#, read(40, 5), false),
            (r#"{"r": [], "total_pages": 9}"#, read(20, 3), true),
            (r#"{"r": [], "total_pages": 2}"#, read(20, 3), false),
            (r#"{"r": [], "total": 40, "total_pages": 9}"#, None, false),
        ] {
            assert_eq!(found(json, read).is_some(), is_more, "{json}");
        }
    }

    #[test]
    fn all_of_them_are_not_taken_for_one() {
        for (json, is_first) in [
            (r"[1, 2]", true),
            (r#"{"r": [1], "next": null, "has_more": false, "total": 1, "pages": 1, "last": true}"#, true),
            (r#"{"r": [], "total": 9, "total_pages": 2}"#, true),
            (r#"{"r": [1], "meta": {"pagination": {"links": {}}}}"#, true),
            (r#"{"r": [1], "offset": 20, "limit": 20}"#, true),
            (r#"{"r": [1], "offset": "20"}"#, true),
            (r#"{"r": [{"next": "x", "total": 9, "has_more": true}]}"#, true),
            (r#"{"google": {"total": 9, "done": false, "next": "x"}, "r": [1]}"#, true),
            (r#"{"r": [1], "total": 101, "pages": 2}"#, false),
            (r#"{"r": [1], "summary": {"total": 900}}"#, true),
        ] {
            assert_eq!(found(json, is_first.then_some(PagesRead::ONE)), None, "{json}");
        }
    }
}
