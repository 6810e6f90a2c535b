//! Properties over every pipeline of the tree, and over what becomes of it where letters are changed.

use std::{fs, path::PathBuf};

use cpl_check::{Setup, tree_to_program};
use cpl_model::clock::AsOf;
use cpl_plan::{Purpose, program_to_plan};
use libtest_mimic::{Failed, Trial};
use proptest::{
    collection::vec,
    prelude::Strategy,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use crate::page;

/// What is put into a pipeline: words and signs that mean something somewhere.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "\"",
    "|",
    ",",
    "=",
    "==",
    "<",
    ":",
    ";",
    ".",
    "#",
    "\n",
    "\t",
    " ",
    "%",
    "$",
    "7 days",
    "10k",
    "where",
    "group by",
    "on",
    "not",
    "in (",
    "last 7 days",
    "sum(",
    "é",
    "\u{feff}",
    "\r\n",
    "-",
    "'",
    "2026-11-31",
];

/// One change: where, how much goes, and what comes.
type Change = (Index, usize, &'static str);

/// The trials.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let many = Trial::test("of very many mistakes the first are told, and that there are more", many_mistakes);
    page::pipelines().into_iter().map(mutated).chain([many]).collect()
}

fn many_mistakes() -> Result<(), Failed> {
    let told = |line: &dyn Fn(usize) -> String| {
        let text = "pipeline p { retire 2027-01-01 }\n".to_owned() + &(0..1_500).map(line).collect::<String>();
        let text = text
            + "fetch f from csv(\"f.csv\") { columns { n: count }  key n }\nalert b for each n in f { when n > 3  say \"!\" }\n";
        let (file, _) = cpl_syntax::parse(&text);
        let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
        let (program, told) = tree_to_program(&text, &file, Setup::at(as_of));
        let untold = told.iter().find(|told| told.message.contains("so much is to be said"));
        (program.is_some(), told.len(), untold.map(|told| (told.code.as_str(), told.message.clone())))
    };
    let wrong = told(&|at| format!("let a{at} = missing\n"));
    let right = told(&|at| format!("let a{at} = {at}\n"));
    let message = "so much is to be said: the first 1000 things are told".to_owned();
    if wrong != (false, 1_001, Some(("E0109", message.clone()))) || right != (true, 1_001, Some(("W0101", message))) {
        return Err(format!("{wrong:?}, {right:?}").into());
    }
    Ok(())
}

fn mutated(path: PathBuf) -> Trial {
    let name = path.strip_prefix(page::root()).unwrap_or(&path).display().to_string();
    Trial::test(format!("{name}: with letters changed"), move || {
        let text = fs::read_to_string(&path)?;
        let formatted = cpl_syntax::format(&text).ok_or("it does not parse")?;
        same_meaning(&text, &formatted)?;
        let cases = std::env::var("CPL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000_u32);
        let config = Config { cases: (cases / 10).max(8), failure_persistence: None, ..Config::default() };
        let change = (proptest::arbitrary::any::<Index>(), 0..6_usize, select(PIECES));
        // The same cases each time; `CPL_SEED` takes others.
        let seed: u64 = std::env::var("CPL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        let seed = seed.to_le_bytes().repeat(4);
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let outcome = runner.run(&vec(change, 1..4).no_shrink(), |changes| {
            holds(&changed(&text, &changes)).map_err(TestCaseError::fail)
        });
        outcome.map_err(|error| Failed::from(error.to_string()))
    })
}

/// What is formatted is the same pipeline, its comments too.
fn same_meaning(text: &str, formatted: &str) -> Result<(), Failed> {
    let words = |text: &str| {
        let (file, _) = cpl_syntax::parse(text);
        let comments: Vec<String> = file.comments.iter().map(|comment| comment.span.of(text).to_owned()).collect();
        let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
        let (program, _) = tree_to_program(text, &file, Setup::at(as_of));
        let plan = program.map(|program| cpl_plan::text(&program_to_plan(program, Purpose::Run).0));
        (comments, plan)
    };
    if words(text) == words(formatted) { Ok(()) } else { Err("formatted it is another".into()) }
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for (at, gone, instead) in changes {
        let at = at.index(letters.len() + 1);
        let end = (at + gone).min(letters.len());
        letters.splice(at..end, instead.chars());
    }
    letters.into_iter().collect()
}

/// A text is told or right, in places of its own; what parses is formatted, and formatted again it stays.
fn holds(text: &str) -> Result<(), String> {
    let (file, mut told) = cpl_syntax::parse(text);
    if !cpl_syntax::is_unreadable(&told) {
        let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
        let (program, more) = tree_to_program(text, &file, Setup::at(as_of));
        told.extend(more);
        if let Some(program) = program {
            told.extend(cpl_check::lint(&program));
            let unneeded = program_to_plan(program, Purpose::Run).1.into_iter();
            told.extend(unneeded.map(|one| cpl_check::unneeded(one.what, &one.name, one.span)));
        }
    }
    let places = told.iter().flat_map(|diagnostic| &diagnostic.labels).map(|label| label.span);
    if let Some(span) = places.into_iter().find(|span| text.get(span.range()).is_none()) {
        return Err(format!("{span:?} is no place of {text:?}"));
    }
    if let Some(formatted) = cpl_syntax::format(text)
        && cpl_syntax::format(&formatted).as_ref() != Some(&formatted)
    {
        return Err(format!("what is formatted is formatted otherwise again: {text:?}"));
    }
    Ok(())
}
