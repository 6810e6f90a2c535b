//! `cpl test`.

use std::path::Path;

use cpl_plan::{
    clock::Clock,
    program::{Program, Test},
    tree_to_program,
};
use cpl_syntax::{Code, Diagnostic, has_errors, parse};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    CLEAN, Io, WRONG,
    args::{Results, TestArgs, When},
    draw,
    files::files,
    load::{Loaded, load},
    run::in_world,
};

/// What became of a test.
struct Tried {
    title: String,
    wrong: Vec<Diagnostic>,
}

/// Runs the tests of all files; the worst decides the exit code.
pub fn test(args: &TestArgs, io: &mut Io<'_>) -> u8 {
    let files = match files(&args.paths, &io.folder) {
        Ok(files) => files,
        Err(why) => return draw::misused(&why, io),
    };
    let (mut code, mut suites, mut passed, mut failed) = (CLEAN, Vec::new(), 0, 0);
    for file in &files {
        let (loaded, tried) = match one(file, args, io) {
            Ok(found) => found,
            Err(worse) => {
                code = code.max(worse);
                continue;
            }
        };
        passed += tried.iter().filter(|test| test.wrong.is_empty()).count();
        failed += tried.iter().filter(|test| !test.wrong.is_empty()).count();
        if args.format == Results::Text {
            told(&loaded, &tried, io);
        }
        suites.push((loaded, tried));
    }
    match args.format {
        Results::Text if code != CLEAN && passed + failed == 0 => {}
        Results::Text => drop(writeln!(io.out, "{}", counted(passed, failed))),
        Results::Junit => drop(write!(io.out, "{}", junit(&suites))),
    }
    code.max(if failed > 0 { WRONG } else { CLEAN })
}

/// The tests of one file; where it has errors, they are drawn.
fn one(file: &Path, args: &TestArgs, io: &mut Io<'_>) -> Result<(Loaded, Vec<Tried>), u8> {
    let when = When { as_of: None, settings: Vec::new() };
    let loaded = load(file, &when, io).map_err(|why| draw::misused(&why, io))?;
    if has_errors(&loaded.diagnostics) {
        draw::draw(&loaded.diagnostics, &loaded.path, &loaded.text, io);
        return Err(loaded.code());
    }
    let Some(program) = on_given_rows(&loaded, &when, io) else { return Ok((loaded, Vec::new())) };
    let wanted = |test: &&Test| args.filter.as_ref().is_none_or(|filter| test.title.contains(filter.as_str()));
    let tried = program.tests.iter().filter(wanted).map(|test| {
        let wrong = tried(test, &program, &loaded, io);
        Tried { title: test.title.clone(), wrong }
    });
    let tried = tried.collect();
    Ok((loaded, tried))
}

/// The program of which any given cell may be empty.
fn on_given_rows(loaded: &Loaded, when: &When, io: &Io<'_>) -> Option<Program> {
    let (mut file, _) = parse(&loaded.text);
    file.fetches.iter_mut().flat_map(|fetch| &mut fetch.columns).for_each(|column| column.optional = true);
    tree_to_program(&loaded.text, &file, when.moment(io.now), &[]).0
}

/// What of a test failed.
fn tried(test: &Test, program: &Program, loaded: &Loaded, io: &Io<'_>) -> Vec<Diagnostic> {
    let clock = match Clock::at(program.every, &program.timezone, test.as_of) {
        Ok(clock) => clock,
        Err(error) => return vec![Diagnostic::new(Code::E1101, error.to_string()).at(test.span, "plays then")],
    };
    match in_world(loaded, clock, io, |world| cpl_exec::test(program, test, world)) {
        Err(trouble) => trouble,
        Ok(failed) => {
            let diagnostic = |failed: cpl_exec::Failed| {
                let told = Diagnostic::new(Code::E1201, failed.message).at(failed.span, "expected here");
                if failed.found.is_empty() { told } else { told.help(failed.found.join("\n")) }
            };
            failed.into_iter().map(diagnostic).collect()
        }
    }
}

fn told(loaded: &Loaded, tried: &[Tried], io: &mut Io<'_>) {
    if tried.is_empty() {
        return;
    }
    let _ = writeln!(io.out, "{}", loaded.path.display());
    for test in tried {
        let sign = if test.wrong.is_empty() { '✓' } else { '✗' };
        let _ = writeln!(io.out, "  {sign} {}", test.title);
        draw::draw(&test.wrong, &loaded.path, &loaded.text, io);
    }
}

fn counted(passed: usize, failed: usize) -> String {
    let all = passed + failed;
    let tests = if all == 1 { "1 test".to_owned() } else { format!("{all} tests") };
    match (all, failed) {
        (0, _) => "no tests".to_owned(),
        (_, 0) => format!("{tests}: all passed"),
        _ => format!("{tests}: {passed} passed, {failed} failed"),
    }
}

fn junit(suites: &[(Loaded, Vec<Tried>)]) -> String {
    let mut report = Report::new("cpl");
    for (loaded, tried) in suites {
        let mut suite = TestSuite::new(loaded.path.display().to_string());
        for test in tried {
            let mut status = TestCaseStatus::success();
            if let Some(first) = test.wrong.first() {
                let all: Vec<String> = test.wrong.iter().map(|wrong| described(wrong, &loaded.text)).collect();
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(first.message.clone()).set_type(first.code.as_str()).set_description(all.join("\n"));
            }
            suite.add_test_case(TestCase::new(test.title.clone(), status));
        }
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_else(|error| unreachable!("written to memory: {error}"))
}

/// `line 12: the rule does not fire`, and what came in its place.
fn described(wrong: &Diagnostic, text: &str) -> String {
    let line = draw::place(text, wrong.start()).0;
    let help = wrong.help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    format!("line {line}: {}{help}", wrong.message)
}
