//! A pipeline, and what an editor learns of each of its names.

use cpl_syntax::Span;
use jiff::civil::date;

use cpl_model::clock::AsOf;

use crate::{Analysis, Setup, tree_to_program};

const PIPELINE: &str = r#"pipeline p { retire 2027-01-01 }
let floor = 30
fetch ads from csv("ads.csv") {
  columns { day: date, channel: text, spend: money, signups: count }
}
metric cac = sum(spend) / sum(signups)
transform channels from ads {
  group by channel { cac, signups = sum(signups) }
}
decide raise for each channel in channels {
  when cac < $47
  require signups >= floor
  then call print { channel = channel }
}
test "few" {
  given ads { | day | channel | spend | signups | }
  expect no raise
}
"#;

/// Where each name is defined, what it is, and the lines and columns of its uses.
const NAMES: &[&str] = &[
    "2:5 floor Let: 12:22",
    "3:7 ads Table: 7:25 16:9",
    "4:13 day Column: 16:17",
    "4:24 channel Column: 8:12 10:23 13:31 16:23",
    "4:39 spend Column: 6:18 16:33",
    "4:53 signups Column: 6:31 8:41 16:41",
    "6:8 cac Metric: 8:22",
    "7:11 channels Table: 10:34",
    "8:22 cac Column: 11:8",
    "8:27 signups Column: 12:11",
    "10:8 raise Rule: 17:13",
];

/// The types at places of the text.
const TYPES: &[(&str, &str, &str)] = &[
    ("sum(spend)", "sum(spend)", "money in USD"),
    ("spend) /", "spend", "money in USD"),
    ("cac < $47", "cac", "money in USD"),
    ("< $47", "cac < $47", "a condition"),
    ("floor\n  then", "floor", "a count"),
    ("sum(signups) }", "sum(signups)", "a count"),
];

fn analysis(text: &str) -> Analysis {
    let (file, diagnostics) = cpl_syntax::parse(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    tree_to_program(text, &file, Setup::at(AsOf::Date(date(2026, 11, 20)))).analysis
}

/// Line and column, from 1.
fn place(span: Span) -> String {
    let before = &PIPELINE[..span.start];
    let column = before.rfind('\n').map_or(span.start, |end| span.start - end - 1);
    format!("{}:{}", before.matches('\n').count() + 1, column + 1)
}

#[test]
fn names_are_defined_and_used() {
    let analysis = analysis(PIPELINE);
    let names: Vec<String> = analysis
        .definitions()
        .map(|definition| {
            let uses: Vec<String> = analysis.uses_of(definition).map(place).collect();
            let named = format!("{} {} {:?}:", place(definition.span), definition.name, definition.kind);
            [vec![named], uses].concat().join(" ")
        })
        .collect();
    assert_eq!(names, NAMES, "{names:#?}");
}

#[test]
fn each_use_leads_to_its_definition() {
    let analysis = analysis(PIPELINE);
    for definition in analysis.definitions() {
        assert_eq!(analysis.definitions_at(definition.span.start).first(), Some(&definition));
        for place in analysis.uses_of(definition) {
            assert!(analysis.definitions_at(place.start).contains(&definition), "{definition:?} {place:?}");
            assert_eq!(place.of(PIPELINE), definition.name);
        }
    }
}

#[test]
fn expressions_have_types() {
    let analysis = analysis(PIPELINE);
    for (at, expression, ty) in TYPES {
        let offset = PIPELINE.find(at).unwrap_or_else(|| panic!("{at}"));
        let found = analysis.type_at(offset).map(|(span, ty)| (span.of(PIPELINE), ty.to_string()));
        assert_eq!(found, Some((*expression, (*ty).to_owned())), "{at}");
    }
}

#[test]
fn a_file_with_errors_is_analysed_too() {
    let analysis = analysis(&PIPELINE.replace("signups >= floor", "signup >= floor"));
    assert!(analysis.definitions().any(|definition| definition.name == "floor"));
    let floor = analysis.definitions().find(|definition| definition.name == "floor");
    assert_eq!(floor.map(|floor| analysis.uses_of(floor).count()), Some(1));
}
