//! Properties of every text that parses, beyond the cases of the suite.

use super::format;

fn files() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut folders =
        vec![root.join("pipelines"), root.join("examples"), root.join("tests/suite"), root.join("tests/real")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
            let path = entry.path();
            let name = path.display().to_string();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("cpl") => found.push((name, std::fs::read_to_string(&path).expect("it is text"))),
                Some("md") => {
                    let page = std::fs::read_to_string(&path).expect("it is text");
                    let blocks =
                        page.split("```cpl").skip(1).filter_map(|block| block.split_once('\n')?.1.split_once("```"));
                    found.extend(blocks.map(|(block, _)| (name.clone(), block.to_owned())));
                }
                _ => {}
            }
        }
    }
    found
}

/// A tree without the places of its parts.
fn tree(text: &str) -> String {
    let (file, _) = crate::parse(text);
    let written = format!("{:?}", crate::tree::File { comments: Vec::new(), ..file });
    let mut parts = written.split("Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn the_tree_and_the_comments_stay_and_twice_is_once() {
    let mut formatted = 0;
    for (name, text) in files() {
        let Some(once) = format(&text) else { continue };
        assert!(tree(&text) == tree(&once), "{name}:\n{text}\n→\n{once}");
        let comments = |text: &str| {
            crate::comments(text).iter().map(|c| c.span.of(text).trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(comments(&text), comments(&once), "{name}:\n{text}\n→\n{once}");
        assert_eq!(format(&once).as_deref(), Some(once.as_str()), "{name}:\n{text}");
        formatted += 1;
    }
    assert!(formatted > 100, "only {formatted} files");
}

#[test]
fn what_is_shipped_is_in_the_one_style() {
    for (name, text) in files().into_iter().filter(|(name, _)| !name.contains("tests/suite") && name.contains(".cpl")) {
        assert_eq!(format(&text).as_deref(), Some(text.as_str()), "{name}");
    }
}

#[test]
fn line_ends_stay_what_they_are() {
    assert_eq!(format("let a=1\r\nlet bb=2\r\n").as_deref(), Some("let a  = 1\r\nlet bb = 2\r\n"));
    assert_eq!(format("\u{FEFF}let a=1").as_deref(), Some("\u{FEFF}let a = 1\n"));
    assert_eq!(format("let a=1\nlet c=2\r\n").as_deref(), Some("let a = 1\nlet c = 2\n"));
    assert_eq!(format("let a = \"{\nb}\"\n"), None);
    assert_eq!(format("metric a = sum\u{FEFF}(b)").as_deref(), Some("metric a = sum(b)\n"));
    assert_eq!(format("let a = "), None);
}
