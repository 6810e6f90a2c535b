//! Properties over every pipeline of the tree, and over what becomes of it where letters are changed.

use std::{cell::Cell, fs, path::PathBuf};

use cpl_catalog::Catalogue;
use cpl_check::{CheckedFile, Setup, tree_to_program};
use cpl_model::clock::AsOf;
use cpl_plan::{Purpose, program_to_plan};
use libtest_mimic::{Failed, Trial};
use proptest::{
    collection::vec,
    prelude::Strategy,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use crate::{connectors, page};

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
        let CheckedFile { program, diagnostics: told, .. } = tree_to_program(&text, &file, Setup::at(as_of));
        let untold = told.iter().find(|told| told.message.contains("too many diagnostics"));
        (program.is_some(), told.len(), untold.map(|told| (told.code.as_str(), told.message.clone())))
    };
    let wrong = told(&|at| format!("let a{at} = missing\n"));
    let right = told(&|at| format!("let a{at} = {at}\n"));
    let message = "too many diagnostics: the first 1000 are shown".to_owned();
    if wrong != (false, 1_001, Some(("E0109", message.clone()))) || right != (true, 1_001, Some(("W0101", message))) {
        return Err(format!("{wrong:?}, {right:?}").into());
    }
    Ok(())
}

/// How many of the changed texts of a pipeline must still be one: else what is said of pipelines was said of none.
const FEWEST: u32 = 1;

fn mutated(path: PathBuf) -> Trial {
    let name = path.strip_prefix(page::root()).unwrap_or(&path).display().to_string();
    Trial::test(format!("{name}: with letters changed"), move || {
        let text = fs::read_to_string(&path)?;
        let catalogue = connectors::catalogue_of(&path, &text)?;
        is_pipeline(&text, &catalogue)?;
        laid_out(&text)?;
        let cases = number("CPL_CASES", 1_000);
        let cases = u32::try_from(cases / 10).unwrap_or(u32::MAX).max(8);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let change = (proptest::arbitrary::any::<Index>(), 0..6_usize, select(PIECES));
        // The same cases each time; `CPL_SEED` takes others.
        let seed = number("CPL_SEED", 1).to_le_bytes().repeat(4);
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let pipelines = Cell::new(0);
        let outcome = runner.run(&vec(change, 1..4).no_shrink(), |changes| {
            let is_one = holds(&changed(&text, &changes), &catalogue).map_err(TestCaseError::fail)?;
            pipelines.set(pipelines.get() + u32::from(is_one));
            Ok(())
        });
        outcome.map_err(|error| Failed::from(error.to_string()))?;
        if cases >= 100 && pipelines.get() < FEWEST {
            return Err(Failed::from(format!("{} of {cases} changed texts are pipelines", pipelines.get())));
        }
        Ok(())
    })
}

/// A number that the environment gives, else another.
///
/// # Panics
/// Where it is no number, or 0: that would be no case at all.
#[must_use]
pub fn number(name: &str, or: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return or };
    text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| panic!("{name}: {text} is no number of cases"))
}

/// What is said of changed texts is said of a pipeline: unchanged it is one.
///
/// # Errors
/// Where it is none.
pub fn is_pipeline(text: &str, catalogue: &Catalogue) -> Result<(), String> {
    let plan = told(text, catalogue)?;
    plan.map(drop).ok_or_else(|| "it is no pipeline: what is said of its changes is said of nothing".to_owned())
}

/// However its lines are indented, it is formatted alike. The pipelines of the tree are formatted: held against what is
/// made of themselves they would be held against themselves.
fn laid_out(text: &str) -> Result<(), Failed> {
    let formatted = cpl_syntax::format(text).ok_or("it does not parse")?;
    let line = |line: &str| if line.trim().is_empty() { String::new() } else { format!("\t{}  ", line.trim()) };
    let loose = text.lines().map(|each| line(each) + "\n").collect::<String>();
    if loose == formatted {
        return Err("what is to be formatted is formatted already".into());
    }
    match cpl_syntax::format(&loose) {
        Some(again) if again == formatted => Ok(()),
        again => Err(format!("otherwise indented it is formatted otherwise: {again:?}").into()),
    }
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

/// The plan of a text, where it is a pipeline. What is reported of it stands in places of its own.
///
/// # Errors
/// Where something is reported of a place that is none.
pub fn told(text: &str, catalogue: &Catalogue) -> Result<Option<String>, String> {
    let (file, mut told) = cpl_syntax::parse(text);
    let mut plan = None;
    if !cpl_syntax::is_unreadable(&told) {
        let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
        let CheckedFile { program, diagnostics: more, .. } =
            tree_to_program(text, &file, Setup { catalogue, ..Setup::at(as_of) });
        told.extend(more);
        if let Some(program) = program {
            told.extend(cpl_check::lint(&program));
            let (made, unneeded) = program_to_plan(program, Purpose::Run);
            told.extend(unneeded.into_iter().map(|one| cpl_check::unneeded(one.what, &one.name, one.span)));
            plan = Some(cpl_plan::text(&made));
        }
    }
    let labels = told.iter().flat_map(|diagnostic| &diagnostic.labels).map(|label| label.span);
    let fixes = told.iter().flat_map(|diagnostic| &diagnostic.fixes).map(|fix| fix.span);
    match labels.chain(fixes).find(|span| text.get(span.range()).is_none()) {
        Some(span) => Err(format!("{span:?} is no place of {text:?}")),
        // A text that was repaired is checked too, and is no pipeline.
        None => Ok(plan.filter(|_| !cpl_syntax::has_errors(&told))),
    }
}

/// A text is reported or right, in places of its own; what parses is formatted, and formatted again it stays; a pipeline
/// means the same then. Whether it is a pipeline.
///
/// # Errors
/// Where one of that is not so.
pub fn holds(text: &str, catalogue: &Catalogue) -> Result<bool, String> {
    let plan = told(text, catalogue)?;
    let Some(formatted) = cpl_syntax::format(text) else {
        return if plan.is_none() { Ok(false) } else { Err(format!("a pipeline is not formatted: {text:?}")) };
    };
    if cpl_syntax::format(&formatted).as_ref() != Some(&formatted) {
        return Err(format!("what is formatted is formatted otherwise again: {text:?}"));
    }
    if comments(text) != comments(&formatted) {
        return Err(format!("formatted it has other comments: {text:?}"));
    }
    let Some(plan) = plan else { return Ok(false) };
    let again = told(&formatted, catalogue)?.ok_or_else(|| format!("formatted it is no pipeline: {text:?}"))?;
    // Expressions stand in a plan as they are written.
    if letters(&plan) == letters(&again) { Ok(true) } else { Err(format!("formatted it is another: {text:?}")) }
}

/// Its comments, whatever their order.
fn comments(text: &str) -> Vec<String> {
    let (file, _) = cpl_syntax::parse(text);
    let mut comments: Vec<String> = file.comments.iter().map(|one| one.span.of(text).trim().to_owned()).collect();
    comments.sort();
    comments
}

/// What is not white space, and sets nothing apart.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && *letter != ',').collect()
}
