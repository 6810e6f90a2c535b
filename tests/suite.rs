//! Every case of every page is a test of its own; `UPDATE=1` rewrites the pages.

use std::{fs, path::PathBuf, process::ExitCode};

use cpl_model::clock::AsOf;
use cpl_tests::{
    case::{self, Verdict},
    compare, connectors, mutated,
    page::{self, Page},
    proven, structure,
};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    if std::env::var_os("UPDATE").is_some() {
        for path in page::pages() {
            update(&path);
        }
        connectors::update();
    }
    let args = Arguments::from_args();
    let mut trials: Vec<Trial> = page::pages().iter().flat_map(|path| trials(&Page::read(path))).collect();
    trials.extend(["README.md", "grammar/README.md", "grammar/connectors.md"].map(reference));
    trials.push(proven::trial());
    trials.extend(page::codes().into_iter().map(explained));
    trials.extend(page::pipelines().into_iter().map(broken_off));
    trials.extend(connectors::trials());
    trials.extend(mutated::trials());
    trials.extend(structure::trials());
    trials.extend(against_oracle());
    libtest_mimic::run(&args, trials).exit_code()
}

fn trials(page: &Page) -> Vec<Trial> {
    let name = page.path.strip_prefix(page::root()).unwrap_or(&page.path).display().to_string();
    let trial = |case: &page::Case| {
        let (page, case) = (page.clone(), case.clone());
        let ignored = !case::can_run(&case);
        if ignored {
            eprintln!("skipped for want of real data: {}", case.title);
        }
        let trial = Trial::test(format!("{name}: {}", case.title), move || match case::run(&page, &case) {
            Verdict::Right => Ok(()),
            Verdict::Wrong { difference, .. } => Err(Failed::from(difference)),
            Verdict::Skipped(what) => {
                println!("skipped for want of {what}: {}", case.title);
                Ok(())
            }
        });
        trial.with_ignored_flag(ignored)
    };
    page.cases.iter().map(trial).collect()
}

/// Generated pipelines over generated rows, by the program and by a second, slow implementation. `CPL_CASES` says how
/// many, `CPL_SEED` which is the first.
fn against_oracle() -> Vec<Trial> {
    const TRIALS: u64 = 10;
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (cases, seed) = (number("CPL_CASES", 1_000), number("CPL_SEED", 1));
    let trial = |at: u64| {
        let seeds = (seed + at..seed + cases).step_by(usize::try_from(TRIALS).unwrap_or(1));
        Trial::test(
            format!("oracle: {cases} generated pipelines from seed {seed}, {} of {TRIALS}", at + 1),
            move || {
                let folder = tempfile::tempdir()?;
                let (mut equal, mut none) = (0, 0);
                for seed in seeds {
                    match compare::run(seed, folder.path())? {
                        compare::Verdict::Equal => equal += 1,
                        compare::Verdict::NoPipeline => none += 1,
                    }
                }
                if none > equal {
                    Err(Failed::from(format!("{none} of {} are no pipelines", equal + none)))
                } else {
                    Ok(())
                }
            },
        )
    };
    (0..TRIALS.min(cases)).map(trial).collect()
}

/// Every `cpl` block of a document for users is cpl.
fn reference(name: &str) -> Trial {
    let path = page::root().join(name);
    Trial::test(format!("{name}: its blocks are cpl"), move || {
        let blocks = page::blocks(&path).into_iter().filter(|block| block.info == "cpl");
        let mut wrong = Vec::new();
        for block in blocks {
            let (_, diagnostics) = cpl_syntax::parse(&(block.lines.join("\n") + "\n"));
            wrong.extend(diagnostics.iter().map(|d| format!("block at line {}: {}", block.first_line, d.message)));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
    })
}

/// The page of a code shows a file that causes it.
fn explained(path: PathBuf) -> Trial {
    let code = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::test(format!("grammar/codes/{code}.md: is of {code}"), move || {
        let console = page::blocks(&path).into_iter().filter(|block| block.info == "console");
        let shown = console.flat_map(|block| block.lines).any(|line| line == code);
        if shown { Ok(()) } else { Err(Failed::from(format!("nothing there shows {code}"))) }
    })
}

/// A file that breaks off anywhere, or lacks a byte anywhere, is told or right, and never a panic.
fn broken_off(path: PathBuf) -> Trial {
    let name = path.strip_prefix(page::root()).unwrap_or(&path).display().to_string();
    Trial::test(format!("{name}: broken off, and with bytes gone"), move || {
        let text = fs::read_to_string(&path).map_err(|error| Failed::from(error.to_string()))?;
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let as_of = AsOf::Date(jiff::civil::date(2026, 11, 20));
        for (nth, at) in ends.enumerate() {
            let rest = text[at..].chars().skip(1).collect::<String>();
            let gone = (nth % 5 == 0).then(|| format!("{}{rest}", &text[..at]));
            for wrong in std::iter::once(text[..at].to_owned()).chain(gone) {
                let (file, told) = cpl_syntax::parse(&wrong);
                let places = told.iter().flat_map(|diagnostic| &diagnostic.labels).map(|label| label.span);
                let fixes = told.iter().flat_map(|diagnostic| &diagnostic.fixes).map(|fix| fix.span);
                if let Some(span) = places.chain(fixes).find(|span| wrong.get(span.range()).is_none()) {
                    return Err(Failed::from(format!("{span:?} is no place of the text up to {at}")));
                }
                if nth % 25 == 0
                    && let Some(formatted) = cpl_syntax::format(&wrong)
                    && cpl_syntax::format(&formatted).as_ref() != Some(&formatted)
                {
                    return Err(Failed::from(format!("what is formatted up to {at} is formatted otherwise again")));
                }
                if !cpl_syntax::is_unreadable(&told) {
                    let _ = cpl_check::tree_to_program(&wrong, &file, cpl_check::Setup::at(as_of));
                }
            }
        }
        Ok(())
    })
}

/// Writes what the commands print into the page, from its end, so that lines stay where they are.
fn update(path: &std::path::Path) {
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
