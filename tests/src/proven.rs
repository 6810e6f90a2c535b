//! The page that names, for each sentence of the specification, the case that proves it.

use std::{fs, path::Path};

use libtest_mimic::{Failed, Trial};

use crate::page::{Page, root};

/// Fewer sentences than this would be no specification.
const FEWEST: usize = 303;

/// What stands over each part of the table.
const HEAD: &str = "| what is specified | its page |";

/// Every case that the table names is there.
#[must_use]
pub fn trial() -> Trial {
    Trial::test("tests/SPECIFICATION.md: each sentence names a case that is there", || {
        let text = fs::read_to_string(root().join("tests/SPECIFICATION.md"))?;
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        let rows: Vec<&str> = rows.into_iter().filter(|row| *row != HEAD).collect();
        let bare = rows.iter().filter(|row| !row.contains(" | ")).map(|row| format!("`{row}` has one column"));
        let named = rows.iter().filter_map(|row| row.rsplit_once(" | ")).flat_map(|(_, cases)| cases.split(" · "));
        let missing: Vec<String> = bare.chain(named.filter_map(missing)).collect();
        if rows.len() < FEWEST {
            return Err(Failed::from(format!("the table has {} rows", rows.len())));
        }
        if missing.is_empty() { Ok(()) } else { Err(Failed::from(missing.join("\n"))) }
    })
}

/// What is wrong with `[page](path): heading`.
fn missing(case: &str) -> Option<String> {
    let case = case.trim_end_matches([' ', '|']).trim_end_matches(" (checked; not run yet)");
    let Some((path, heading)) = case.split_once("](").and_then(|(_, link)| link.split_once(')')) else {
        return Some(format!("`{case}` names no page"));
    };
    let file = root().join("tests").join(Path::new(path));
    if !file.is_file() {
        return Some(format!("{path} is not there"));
    }
    // What calls nothing proves nothing.
    let cases = Page::read(&file).cases;
    // A code's page, or a page that is all about it.
    if heading.is_empty() {
        return cases.is_empty().then(|| format!("{path} calls nothing"));
    }
    let Some(heading) = heading.strip_prefix(": ") else { return Some(format!("`{case}` names no case")) };
    let there = cases.iter().any(|case| case.title == heading);
    (!there).then(|| format!("{path} has no `{heading}` that calls anything"))
}
