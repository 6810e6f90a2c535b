//! A server that pages records in every way, and whether all of them come, once and in order.

use cpl_batch::{Field, Problem, ServerProblem, ValueFormat};
use cpl_model::{
    method::Method,
    program::{PageBy, PageParameter, Paging},
};
use cpl_records::{At, Kind, KnownRecords, Layout, ValuePlaces};
use proptest::prelude::*;
use reqwest::{
    StatusCode,
    header::{HeaderMap, LINK},
};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    pager::Pager,
    request::{Body, Request},
};

/// A way of paging, and how the server says where it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Cursor,
    CursorInBody,
    Next,
    Link,
    Number,
    Offset,
    Last,
}

/// A server of so many records, numbered from 0, in pages of so many.
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
#[derive(Clone, Debug)]
struct Server {
    way: Way,
    records: u64,
    page: u64,
    /// It says whether there is more.
    tells_more: bool,
    /// It says how many records there are.
    tells_total: bool,
    /// It knows no parameter: each page is the first one.
    ignores: bool,
    /// How the connector names the place of its records.
    records_at: &'static str,
    /// The numbers are read where the pager sees them.
    by_values: bool,
}

impl Server {
    fn paging(&self) -> Paging {
        let (at, query) = ("$.next".to_owned(), PageParameter::Query("p".to_owned()));
        let by = match self.way {
            Way::Cursor => PageBy::Cursor { at, parameter: query },
            Way::CursorInBody => {
                PageBy::Cursor { at, parameter: PageParameter::Body(vec!["v".to_owned(), "p".to_owned()]) }
            }
            Way::Next => PageBy::Next { at },
            Way::Link => PageBy::Link,
            Way::Number => PageBy::Number { parameter: query, from: 1 },
            Way::Offset => PageBy::Offset { parameter: query, limit: u32::try_from(self.page).unwrap_or(1) },
            Way::Last => PageBy::Last { at: "$.id".to_owned(), parameter: query },
        };
        let more = self.tells_more.then(|| "$.more".to_owned());
        Paging { by, more, total: self.tells_total.then(|| "$.total".to_owned()), total_may_lack: false }
    }

    fn values(&self) -> Option<ValuePlaces> {
        let columns = vec![Field::new("id", ValueFormat::Whole { negative: false }, false)];
        let kind = Kind::Document { records: None, each: None };
        ValuePlaces::of(&Layout { kind, columns, at: vec![At::Name], skip_bad: false }).filter(|_| self.by_values)
    }

    /// The number of the first record that a request asks for.
    fn start(&self, request: &Request) -> u64 {
        if self.ignores {
            return 0;
        }
        let in_body = match &request.body {
            Some(Body::Json(body)) => body["v"]["p"].as_str().map(str::to_owned),
            _ => None,
        };
        let in_query = request.url.query_pairs().find(|(name, _)| name == "p").map(|(_, value)| value.into_owned());
        let Some(asked) = in_body.or(in_query) else { return 0 };
        let asked: u64 = asked.trim_start_matches("c&=").parse().unwrap_or_else(|_| panic!("{asked}"));
        match self.way {
            Way::Number => (asked - 1) * self.page,
            Way::Last => asked + 1,
            _ => asked,
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let start = self.start(request);
        let end = (start + self.page).min(self.records).max(start);
        let records: Vec<Value> = (start..end).map(|id| json!({ "id": id })).collect();
        let is_last = end >= self.records;
        let address = format!("?p={end}");
        let next = match self.way {
            _ if is_last => Value::Null,
            Way::Cursor | Way::CursorInBody => format!("c&={end}").into(),
            Way::Next => address.clone().into(),
            _ => Value::Null,
        };
        let answer = json!({ "of": records, "next": next, "more": !is_last, "total": self.records });
        let link = (self.way == Way::Link && !is_last).then(|| format!("<{address}>; rel=\"next\""));
        let link = link.map(|link| (LINK, link.parse().unwrap_or_else(|_| panic!("{link}"))));
        let (bytes, status) = (answer.to_string().into_bytes(), StatusCode::OK);
        let headers = HeaderMap::from_iter(link);
        Answer { status, headers, bytes, url: request.url.clone(), sent: request.clone() }
    }

    /// The records of all pages, or why there is an end before.
    fn read(&self) -> Result<Vec<u64>, Problem> {
        let mut pager = Pager::new(&self.paging(), Some(self.records_at), self.values(), Some(200))
            .unwrap_or_else(|error| panic!("{error}"));
        let request = Request::new(Method::Post, "https://a.example/x?fixed=1").unwrap_or_else(|why| panic!("{why:?}"));
        let (mut next, mut foreseen, mut read) = (Some(pager.first(request)), Vec::new(), Vec::new());
        while let Some(request) = next {
            let has_fixed = request.url.query_pairs().any(|(name, _)| name == "fixed");
            assert!(has_fixed || matches!(self.way, Way::Next | Way::Link), "{}", request.url);
            let answer = self.answer(&request);
            let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
            read.extend(body["of"].as_array().into_iter().flatten().filter_map(|record| record["id"].as_u64()));
            let outcome = pager.next(&request, &answer)?;
            let json = |place| serde_json::from_slice::<Value>(&answer.bytes[place]).unwrap_or_default();
            let seen: Option<Vec<Value>> = outcome.records.map(|known| match known {
                KnownRecords::Places(places) => places.into_iter().map(|place| json(place)["id"].clone()).collect(),
                KnownRecords::Values { places, .. } => places.into_iter().map(json).collect(),
            });
            assert!(self.records_at.contains("..") || seen.is_some(), "a list at {} is seen", self.records_at);
            if let Some(seen) = seen {
                let seen: Vec<u64> = seen.iter().map(|id| id.as_u64().unwrap_or(u64::MAX)).collect();
                assert!(read.ends_with(&seen), "{seen:?}");
            }
            next = outcome.next;
            if let (Some(next), Some(first)) = (&next, foreseen.first()) {
                assert!(next.is(first), "foreseen was another one");
            }
            foreseen = next.as_ref().map(|next| pager.foreseen(next, 3)).unwrap_or_default();
        }
        Ok(read)
    }
}

fn server() -> impl Strategy<Value = Server> {
    let ways = [Way::Cursor, Way::CursorInBody, Way::Next, Way::Link, Way::Number, Way::Offset, Way::Last];
    (0..ways.len(), 0..40_u64, 1..9_u64, any::<bool>(), any::<bool>(), 0..3_usize, any::<bool>()).prop_map(
        move |(way, records, page, tells_more, tells_total, at, by_values)| {
            let way = ways[way];
            Server {
                way,
                records,
                page,
                tells_more,
                tells_total,
                ignores: false,
                records_at: ["$.of", "$.of[*]", "$..of[*]"][at],
                by_values,
            }
        },
    )
}

proptest! {
    #[test]
    fn all_records_come_once_and_in_order(server in server()) {
        prop_assert_eq!(server.read(), Ok((0..server.records).collect()));
    }

    #[test]
    fn a_server_that_ignores_the_parameter_is_noticed(server in server()) {
        let server = Server { ignores: true, ..server };
        // A page that is full may be the last one: only the next one, which is the first again, tells.
        match server.read() {
            Ok(read) => {
                prop_assert!(server.records <= server.page);
                prop_assert_eq!(read, (0..server.records).collect::<Vec<_>>());
            }
            Err(problem) => prop_assert!(matches!(problem, Problem::Server(ServerProblem::Pages(_))), "{:?}", problem),
        }
    }
}
