//! The header `Link` (RFC 8288): the address of the next page.

use reqwest::header::{HeaderMap, LINK};

/// The target of the link whose relation is `next`, as it is written.
pub fn next(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.into_iter().find_map(|value| {
        links(&value).into_iter().find(|(_, parameters)| is_next(parameters)).map(|(target, _)| target.to_owned())
    })
}

/// The links of a header: each has its target in `<` and `>`, and its parameters up to the next one.
fn links(header: &str) -> Vec<(&str, Vec<&str>)> {
    let mut links = Vec::new();
    let mut rest = header;
    while let Some((target, behind)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        let (parameters, next) = parameters(behind);
        links.push((target, parameters));
        rest = next;
    }
    links
}

/// The parameters behind a target, and what stands behind them. Signs in quotes are a part of a value.
fn parameters(text: &str) -> (Vec<&str>, &str) {
    let (mut parameters, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' | ',' if !is_quoted => {
                parameters.push(&text[start..at]);
                start = at + 1;
            }
            '<' if !is_quoted => {
                return (parameters, &text[at..]);
            }
            _ => {}
        }
    }
    parameters.push(&text[start..]);
    (parameters, "")
}

/// Whether parameters name the relation `next`, by itself or among others.
fn is_next(parameters: &[&str]) -> bool {
    let mut each = parameters.iter().filter_map(|parameter| parameter.trim().split_once('='));
    let relation = each.find(|(name, _)| name.trim().eq_ignore_ascii_case("rel")).map(|(_, value)| value);
    let mut names = relation.into_iter().flat_map(|value| value.trim().trim_matches('"').split_ascii_whitespace());
    names.any(|name| name.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_stands_in_a_header() {
        for (headers, wanted) in [
            (vec!["<https://a.example/x?page=2>; rel=\"next\""], Some("https://a.example/x?page=2")),
            (vec!["<https://a.example/1>; rel=\"prev\", </x?a=1,2;b>; rel=next"], Some("/x?a=1,2;b")),
            (vec!["</1>; rel=prev", "</3>; title=\"x\"; rel=\"last next\""], Some("/3")),
            (vec!["</1>; REL=Next"], Some("/1")),
            (vec![r#"</1>; title="a; rel=next, <b>"; rel=prev"#], None),
            (vec![r#"</1>; title="\"; rel=next"; rel=prev, </2>; title="<,;"; rel=next"#], Some("/2")),
            (vec!["</1>; rel=\"nextish\""], None),
            (vec!["</1>; rel=prev"], None),
            (vec!["https://a.example/x; rel=next"], None),
            (vec!["<"], None),
            (vec![], None),
        ] {
            let mut map = HeaderMap::new();
            for header in &headers {
                map.append(LINK, header.parse().unwrap_or_else(|_| panic!("{header}")));
            }
            assert_eq!(next(&map).as_deref(), wanted, "{headers:?}");
        }
    }
}
