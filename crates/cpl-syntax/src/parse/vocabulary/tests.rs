//! The grammar's own text, held against the words and names here, and against the pages that use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use pest::{Parser, iterators::Pair};
use pest_meta::{
    ast::{Expr, RuleType},
    parser::{self, consume_rules},
};

use super::{Called, ITEMS, RESERVED, called, symbol};
use crate::{
    parse::{Grammar, Rule},
    tree::Currency,
};

/// Lists of alternatives that an analyst chooses from.
const CHOICES: &[&str] = &[
    "item",
    "pipeline_clause",
    "fetch_clause",
    "stage",
    "dashboard_clause",
    "decide_clause",
    "alert_clause",
    "test_clause",
];

/// Forms whose offered words are operators that may follow, and not the words that begin them.
const FOLLOWED: &[&str] = &["expr", "infix", "compare"];

/// Forms of a column's type.
const TYPE_FORMS: &[&str] = &["plain_type", "money_type", "date_type", "datetime_type"];

/// The rules of the grammar's text, by name: whether a rule makes a pair, and what it matches.
fn grammar() -> BTreeMap<String, (bool, Expr)> {
    let text = include_str!("../../../../../grammar/cpl.pest");
    let pairs = parser::parse(parser::Rule::grammar_rules, text).expect("pest reads the grammar");
    let rules = consume_rules(pairs).expect("the grammar is valid");
    rules.into_iter().map(|rule| (rule.name, (rule.ty != RuleType::Silent, rule.expr))).collect()
}

/// The words an expression can begin with, and whether it can be empty.
fn first_words(expr: &Expr, grammar: &BTreeMap<String, (bool, Expr)>) -> (BTreeSet<String>, bool) {
    match expr {
        Expr::Str(text) if text.starts_with(|first: char| first.is_ascii_lowercase()) => {
            (BTreeSet::from([text.clone()]), false)
        }
        Expr::Str(_) | Expr::Insens(_) | Expr::Range(..) => (BTreeSet::new(), false),
        Expr::Ident(name) if name == "SOI" => (BTreeSet::new(), true),
        Expr::Ident(name) => grammar.get(name).map_or((BTreeSet::new(), false), |(_, expr)| first_words(expr, grammar)),
        Expr::Seq(left, right) => {
            let (mut words, empty) = first_words(left, grammar);
            if !empty {
                return (words, false);
            }
            let (more, empty) = first_words(right, grammar);
            words.extend(more);
            (words, empty)
        }
        Expr::Choice(left, right) => {
            let ((mut words, left), (more, right)) = (first_words(left, grammar), first_words(right, grammar));
            words.extend(more);
            (words, left || right)
        }
        Expr::Opt(inner) | Expr::Rep(inner) => (first_words(inner, grammar).0, true),
        Expr::RepOnce(inner) => first_words(inner, grammar),
        Expr::NegPred(_) | Expr::PosPred(_) => (BTreeSet::new(), true),
        other => panic!("the grammar uses {other:?}"),
    }
}

/// Each currency of the grammar has its minor units, and each that has them can be written.
#[test]
fn the_grammar_has_all_currencies() {
    fn codes(expr: &Expr) -> BTreeSet<String> {
        match expr {
            Expr::Str(code) => BTreeSet::from([code.clone()]),
            Expr::Choice(left, right) | Expr::Seq(left, right) => &codes(left) | &codes(right),
            _ => BTreeSet::new(),
        }
    }
    let known: BTreeSet<String> = Currency::all().map(|currency| currency.code().to_owned()).collect();
    assert_eq!(codes(&grammar()["currency"].1), known);
}

/// The rules that a list of alternatives names.
fn alternatives(expr: &Expr) -> Vec<&str> {
    match expr {
        Expr::Choice(left, right) => [alternatives(left), alternatives(right)].concat(),
        Expr::Ident(name) => vec![name],
        other => panic!("an alternative is a rule: {other:?}"),
    }
}

fn begins_with_keyword(expr: &Expr) -> bool {
    match expr {
        Expr::Seq(first, _) => begins_with_keyword(first),
        Expr::Ident(name) => name.starts_with("w_"),
        _ => false,
    }
}

fn rule(name: &str) -> Option<Rule> {
    Rule::all_rules().iter().copied().find(|rule| format!("{rule:?}") == name)
}

#[test]
fn reserved_words_are_those_of_the_grammar() {
    let grammar = grammar();
    let (words, _) = first_words(&grammar["reserved"].1, &grammar);
    assert_eq!(words, RESERVED.iter().map(|word| (*word).to_owned()).collect());
}

#[test]
fn items_are_those_of_the_grammar() {
    let grammar = grammar();
    let (words, _) = first_words(&grammar["item"].1, &grammar);
    assert_eq!(words, ITEMS.iter().map(|word| (*word).to_owned()).collect());
}

#[test]
fn messages_name_every_item_and_clause() {
    let grammar = grammar();
    let choices = CHOICES.iter().flat_map(|choice| alternatives(&grammar[*choice].1));
    // A form that begins with a keyword is called by it.
    let unnamed =
        choices.filter(|name| rule(name).and_then(symbol).is_none() && !begins_with_keyword(&grammar[*name].1));
    let unnamed: Vec<&str> = unnamed.collect();
    assert!(unnamed.is_empty(), "messages have no name for {unnamed:?}");
}

#[test]
fn words_are_those_that_the_grammar_begins_with() {
    let grammar = grammar();
    for (name, (_, expr)) in grammar.iter().filter(|(name, _)| !FOLLOWED.contains(&name.as_str())) {
        let offered = match rule(name).and_then(called) {
            Some(Called::Named(_, offered) | Called::Inner(offered)) if !offered.is_empty() => offered.to_vec(),
            Some(Called::ByWord(word)) => vec![word],
            _ => continue,
        };
        let (words, _) = first_words(expr, &grammar);
        // Units are offered in the plural.
        let plural = if name == "unit" { "s" } else { "" };
        let words: BTreeSet<String> = words.into_iter().map(|word| word + plural).collect();
        let offered: BTreeSet<String> = offered.into_iter().map(str::to_owned).collect();
        let forgotten: Vec<&String> = words.difference(&offered).collect();
        assert!(forgotten.is_empty(), "{name} begins with {forgotten:?} too");
        // A column's type is offered as a whole, wherever one of its forms is expected.
        let gone: Vec<&String> = offered.difference(&words).collect();
        assert!(gone.is_empty() || TYPE_FORMS.contains(&name.as_str()), "{name} does not begin with {gone:?}");
    }
}

#[test]
fn keywords_are_the_last_rules_in_alphabetical_order() {
    let names: Vec<String> = Rule::all_rules().iter().map(|rule| format!("{rule:?}")).collect();
    let first = names.iter().position(|name| name.starts_with("w_")).expect("there are keywords");
    let keywords = &names[first..];
    assert!(keywords.iter().all(|name| name.starts_with("w_")), "{keywords:?}");
    assert!(keywords.is_sorted(), "{keywords:?}");
}

/// All pipelines of the tree: files, and blocks of pages.
fn pipelines() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["pipelines", "examples", "tests/suite", "grammar"] {
        files_under(&root.join(folder), &mut files);
    }
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("cpl") => texts.push(text),
            Some("md") => texts.extend(blocks(&text)),
            _ => {}
        }
    }
    texts
}

fn files_under(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_under(&path, files) } else { files.push(path) }
    }
}

/// The blocks of cpl in a page.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("\n```cpl").skip(1);
    parts.filter_map(|part| Some(part.split_once('\n')?.1.split("\n```").next()?.to_owned())).collect()
}

fn visit(pair: Pair<'_, Rule>, met: &mut BTreeSet<Rule>) {
    met.insert(pair.as_rule());
    pair.into_inner().for_each(|inner| visit(inner, met));
}

/// Forms of texts that are parsed by themselves (pieces of connector files).
const APART: &[&str] =
    &["template", "letters", "hole_only", "column_only", "argument_only", "window_type", "type_only", "value_only"];
/// Parts of forms that make no pair of their own.
const PARTS: &[&str] = &["clock_text", "date_text", "day_word", "reserved"];

#[test]
fn every_form_of_the_grammar_is_read_on_some_page() {
    let mut met = BTreeSet::new();
    for text in pipelines() {
        let Ok(pairs) = Grammar::parse(Rule::file, &text) else { continue };
        pairs.for_each(|pair| visit(pair, &mut met));
        // A form that the grammar has and the reader has not would panic here.
        let _read = crate::parse(&text);
    }
    let grammar = grammar();
    let visible = grammar.iter().filter(|(_, (visible, _))| *visible).map(|(name, _)| name.as_str());
    let unmet: Vec<&str> = visible
        .filter(|name| !APART.contains(name) && !PARTS.contains(name))
        .filter(|name| rule(name).is_some_and(|rule| !met.contains(&rule)))
        .collect();
    assert!(unmet.is_empty(), "no page has {unmet:?}");
}
