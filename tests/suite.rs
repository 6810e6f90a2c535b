//! Every case of every page is a test of its own; `UPDATE=1` rewrites the pages of those that are asked for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cpl_tests::{
    case::{self, Verdict},
    compare, connectors, mutated,
    page::{self, Page},
    proven, secrets_kept, structure,
};
use libtest_mimic::{Arguments, Failed, Trial};

/// Set where the machine has all that tests need.
const SKIP_NOTHING: &str = "CPL_SKIP_NOTHING";

fn main() -> ExitCode {
    let args = Arguments::from_args();
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        let is_asked_for = |path: &PathBuf| trials(&Page::read(path)).iter().any(|trial| !args.is_filtered_out(trial));
        page::pages().iter().filter(|path| is_asked_for(path)).for_each(|path| update(path));
        connectors::update();
    }
    let trials = all();
    let none = trials.iter().all(|trial| args.is_filtered_out(trial));
    if none && !args.list {
        // A part of a name that nothing bears would pass.
        eprintln!("no test is called so");
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&args, trials).exit_code()
}

fn all() -> Vec<Trial> {
    let mut trials: Vec<Trial> = page::pages().iter().flat_map(|path| trials(&Page::read(path))).collect();
    trials.extend(page::KINDS.iter().map(whole));
    trials.push(Trial::test("as many pipelines and connectors as there were", enough_files));
    trials.extend(["README.md", "grammar/README.md", "grammar/connectors.md"].map(reference));
    trials.push(proven::trial());
    trials.push(Trial::test("every code has a page", codes_have_pages));
    trials.extend(page::codes().into_iter().map(explained));
    trials.extend(page::pipelines().into_iter().map(broken_off));
    trials.extend(connectors::trials());
    trials.extend(mutated::trials());
    trials.extend(structure::trials());
    trials.extend(secrets_kept::trials());
    trials.extend(against_oracle());
    trials
}

/// No page, case or call was lost, and no block stands where nobody reads it.
fn whole(kind: &'static page::Kind) -> Trial {
    Trial::test(format!("{}: nothing is lost", kind.name), || right(&kind.faults()))
}

fn enough_files() -> Result<(), Failed> {
    let (pipelines, connectors) = (page::pipelines().len(), page::connectors().len());
    if pipelines < page::FEWEST_PIPELINES || connectors < page::FEWEST_CONNECTORS {
        return Err(Failed::from(format!("{pipelines} pipelines, {connectors} connectors: some were lost")));
    }
    Ok(())
}

fn codes_have_pages() -> Result<(), Failed> {
    let pages: Vec<String> = page::codes().iter().map(|path| stem(path)).collect();
    let codes = cpl_syntax::Code::ALL.iter().map(|code| code.as_str());
    let bare = codes.filter(|code| !pages.iter().any(|page| page == code));
    right(&bare.map(|code| format!("{code} has no page")).collect::<Vec<_>>())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn right(wrong: &[String]) -> Result<(), Failed> {
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
}

fn trials(page: &Page) -> Vec<Trial> {
    let name = page.path.strip_prefix(page::root()).unwrap_or(&page.path).display().to_string();
    let trial = |case: &page::Case| {
        let (page, case) = (page.clone(), case.clone());
        let missing = case::missing(&case);
        if let Some(what) = missing {
            eprintln!("skipped for want of {what}: {}", case.title);
        }
        // A machine that has everything skips nothing but what is not the project's to keep.
        let ignored = missing.is_some_and(|what| what == "real data" || std::env::var_os(SKIP_NOTHING).is_none());
        let trial = Trial::test(format!("{name}: {}", case.title), move || match case::run(&page, &case) {
            Verdict::Right => Ok(()),
            Verdict::Wrong { difference, .. } => Err(Failed::from(difference)),
            // It is ignored then: who asks for it all the same wants to know.
            Verdict::Skipped(what) => Err(Failed::from(format!("it can't be run for want of {what}"))),
        });
        trial.with_ignored_flag(ignored)
    };
    page.cases.iter().map(trial).collect()
}

/// How many trials share the generated cases. It has no factor in common with the numbers of zones and of days that
/// seeds go through: each trial meets all of them.
const TRIALS: u64 = 10;

/// Generated pipelines over generated rows, by the program and by a second, slow implementation. `CPL_CASES` says how
/// many, `CPL_SEED` which is the first.
fn against_oracle() -> Vec<Trial> {
    let (cases, seed) = (mutated::number("CPL_CASES", 1_000), mutated::number("CPL_SEED", 1));
    let trial = |at: u64| {
        let seeds = (seed + at..seed + cases).step_by(usize::try_from(TRIALS).unwrap_or(1));
        let name = format!("oracle: {cases} generated pipelines from seed {seed}, {} of {TRIALS}", at + 1);
        Trial::test(name, move || compared(seeds))
    };
    (0..TRIALS.min(cases)).map(trial).collect()
}

/// The share of the generated pipelines that may be none: one of so many. `CPL_TELL=1` tells which, and why.
const ONE_REFUSED_OF: usize = 10;

fn compared(seeds: impl Iterator<Item = u64>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut met = compare::Met::default();
    let mut refused = Vec::new();
    for seed in seeds {
        match compare::run(seed, folder.path())? {
            compare::Verdict::Equal(of) => met.add(of),
            compare::Verdict::NoPipeline(why) => refused.push(format!("seed {seed}: {why}")),
        }
    }
    let all = met.cases + refused.len();
    if refused.len() * ONE_REFUSED_OF > all {
        let first: Vec<String> = refused.iter().take(5).cloned().collect();
        return Err(Failed::from(format!("{} of {all} are no pipelines:\n{}", refused.len(), first.join("\n"))));
    }
    right(&met.missing())
}

/// Every `cpl` block of a document for users is cpl.
fn reference(name: &str) -> Trial {
    let path = page::root().join(name);
    Trial::test(format!("{name}: its blocks are cpl"), move || {
        let mut wrong = page::unknown_blocks(&path);
        let blocks: Vec<_> = page::blocks(&path).into_iter().filter(|block| block.info == "cpl").collect();
        if blocks.is_empty() {
            wrong.push("it shows no cpl".to_owned());
        }
        for block in blocks {
            let (_, diagnostics) = cpl_syntax::parse(&(block.lines.join("\n") + "\n"));
            wrong.extend(diagnostics.iter().map(|d| format!("block at line {}: {}", block.first_line, d.message)));
        }
        right(&wrong)
    })
}

/// The page of a code shows a file that causes it.
fn explained(path: PathBuf) -> Trial {
    let code = stem(&path);
    Trial::test(format!("grammar/codes/{code}.md: is of {code}"), move || {
        let console = page::blocks(&path).into_iter().filter(|block| block.info == "console");
        let shown = console.flat_map(|block| block.lines).any(|line| line == code);
        if shown { Ok(()) } else { Err(Failed::from(format!("nothing there shows {code}"))) }
    })
}

/// A file that breaks off anywhere, or lacks a letter now and then, is reported or right, in places of its own, and never a
/// panic.
fn broken_off(path: PathBuf) -> Trial {
    let name = path.strip_prefix(page::root()).unwrap_or(&path).display().to_string();
    Trial::test(format!("{name}: broken off, and with bytes gone"), move || {
        let text = fs::read_to_string(&path).map_err(|error| Failed::from(error.to_string()))?;
        let catalogue = connectors::catalogue_of(&path, &text)?;
        mutated::is_pipeline(&text, &catalogue)?;
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        for (nth, at) in ends.enumerate() {
            let rest = text[at..].chars().skip(1).collect::<String>();
            let gone = (nth % 5 == 0).then(|| format!("{}{rest}", &text[..at]));
            for wrong in std::iter::once(text[..at].to_owned()).chain(gone) {
                // What is formatted takes longer: it is looked at now and then.
                let told = if nth % 25 == 0 {
                    mutated::holds(&wrong, &catalogue).map(drop)
                } else {
                    mutated::told(&wrong, &catalogue).map(drop)
                };
                told.map_err(|why| Failed::from(format!("up to {at}: {why}")))?;
            }
        }
        Ok(())
    })
}

/// Writes what the commands print into the page, from its end, so that lines stay where they are.
fn update(path: &Path) {
    let page = Page::read(path);
    let mut lines = page.lines.clone();
    for case in page.cases.iter().rev() {
        if let Verdict::Wrong { edits, .. } = case::run(&page, case) {
            for (first, length, found) in edits.into_iter().rev() {
                lines.splice(first..first + length, found);
            }
        }
    }
    let text = lines.join("\n") + "\n";
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
