//! Whether an answer of which one page is read says that there are more.

use std::sync::LazyLock;

use cpl_records::{Path, Probe};

use crate::{answer::Answer, error_inside::is_something};

/// Where APIs say so. What stands there is a cursor, an address, or true.
const PLACES: [&str; 25] = [
    "$.next",
    "$.next_page",
    "$.nextPage",
    "$.next_page_url",
    "$.next_page_token",
    "$.nextPageToken",
    "$.next_cursor",
    "$.nextCursor",
    "$.next_url",
    "$.has_more",
    "$.hasMore",
    "$.has_next",
    "$.additional_data.pagination.more_items_in_collection",
    "$.hasNext",
    "$.paging.next",
    "$.pagination.next",
    "$.pagination.next_page",
    "$.pagination.next_url",
    "$.links.next",
    "$._links.next",
    "$.meta.next_cursor",
    "$.meta.next_page",
    "$.meta.pagination.links.next",
    "$.response_metadata.next_cursor",
    "$['@odata.nextLink']",
];

/// Where an answer says that there is a next page: a path into it, or a header.
pub fn find(answer: &Answer) -> Option<String> {
    static PROBE: LazyLock<Probe> = LazyLock::new(|| {
        let path = |place: &&str| Path::parse(place).unwrap_or_else(|error| unreachable!("{place}: {error}"));
        Probe::of(&PLACES.iter().map(path).collect::<Vec<_>>())
    });
    if answer.link.is_some() {
        return Some("the header `Link`".to_owned());
    }
    // The reader reports what is no JSON.
    let text = std::str::from_utf8(&answer.bytes).ok()?;
    let values = PROBE.find(text).ok()?;
    let at = values.iter().position(|value| value.as_deref().is_some_and(is_something))?;
    Some(format!("`{}`", PLACES[at]))
}
