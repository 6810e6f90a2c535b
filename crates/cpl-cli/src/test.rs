//! `cpl test`.

use std::path::Path;

use cpl_check::{CheckedFile, Setup, tree_to_program};
use cpl_model::{
    clock::Clock,
    program::{Program, Test},
};
use cpl_syntax::{Code, Diagnostic, Severity, has_errors};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    CLEAN, Io, WRONG,
    args::{Results, TestArgs, WindowArgs},
    files::{FileKinds, files},
    load::{Loaded, load},
    render,
    run::in_context,
};

/// The result of a test.
struct TestResult {
    title: String,
    wrong: Vec<Diagnostic>,
}

/// A file whose tests could not run, as far as it could be parsed, and the exit code.
type LoadFailure = (Option<Box<Loaded>>, u8);

/// Runs the tests of all files; the worst decides the exit code.
pub fn test(args: &TestArgs, io: &mut Io<'_>) -> u8 {
    let files = match files(&args.paths, FileKinds::Pipelines, &io.folder) {
        Ok(files) => files,
        Err(why) => return render::usage_error(&why, io),
    };
    let (mut code, mut suites, mut broken, mut passed, mut failed) = (CLEAN, Vec::new(), Vec::new(), 0, 0);
    for file in &files {
        let (loaded, results) = match one(file, args, io) {
            Ok(found) => found,
            Err((loaded, worse)) => {
                code = code.max(worse);
                broken.extend(loaded);
                continue;
            }
        };
        passed += results.iter().filter(|test| test.wrong.is_empty()).count();
        failed += results.iter().filter(|test| !test.wrong.is_empty()).count();
        if args.format == Results::Text {
            print_results(&loaded, &results, io);
        }
        suites.push((loaded, results));
    }
    if let Some(filter) = args.filter.as_ref().filter(|_| passed + failed == 0 && code == CLEAN) {
        return render::usage_error(&format!("no test's title holds `{filter}`"), io);
    }
    match args.format {
        Results::Text if code != CLEAN && passed + failed == 0 => {}
        Results::Text => drop(writeln!(io.out, "{}", counted(passed, failed))),
        Results::Junit => drop(write!(io.out, "{}", junit(&suites, &broken))),
    }
    code.max(if failed > 0 { WRONG } else { CLEAN })
}

/// The tests of one file; where it has errors, they are drawn.
fn one(file: &Path, args: &TestArgs, io: &mut Io<'_>) -> Result<(Loaded, Vec<TestResult>), LoadFailure> {
    let window_args = WindowArgs { as_of: None, settings: Vec::new() };
    let loaded = load(file, &window_args, io).map_err(|why| (None, render::usage_error(&why, io)))?;
    if has_errors(&loaded.diagnostics) {
        render::render(&loaded.diagnostics, &loaded.path, &loaded.text, io);
        let code = loaded.code();
        return Err((Some(Box::new(loaded)), code));
    }
    let program = match on_given_rows(&loaded, &window_args, io) {
        Ok(program) => program,
        Err(wrong) => {
            render::render(&wrong, &loaded.path, &loaded.text, io);
            return Err((Some(Box::new(loaded)), WRONG));
        }
    };
    let wanted = |test: &&Test| args.filter.as_ref().is_none_or(|filter| test.title.contains(filter.as_str()));
    let results = program.tests.iter().filter(wanted).map(|test| {
        let wrong = run_test(test, &program, &loaded, io);
        TestResult { title: test.title.clone(), wrong }
    });
    let results = results.collect();
    Ok((loaded, results))
}

/// The program in which every cell of a test's rows may be empty.
fn on_given_rows(loaded: &Loaded, window_args: &WindowArgs, io: &Io<'_>) -> Result<Program, Vec<Diagnostic>> {
    let setup = Setup { catalogue: &loaded.catalogue, given: true, ..Setup::at(window_args.moment(io.now)) };
    let CheckedFile { program, diagnostics: wrong, .. } = tree_to_program(&loaded.text, &loaded.file, setup);
    program.ok_or(wrong)
}

/// Runs a test; its failures.
fn run_test(test: &Test, program: &Program, loaded: &Loaded, io: &Io<'_>) -> Vec<Diagnostic> {
    let Ok(clock) = Clock::at(program.every, &program.timezone, test.as_of) else {
        let diagnostic = Diagnostic::new(Code::E1101, "no calendar goes on behind the day on which this test plays");
        return vec![diagnostic.at(test.span, "plays then").help("take an earlier day")];
    };
    let clock = clock.with_weeks_from(program.week_start);
    match in_context(loaded, clock, io, |context| cpl_run::test(program, test, context)) {
        Err(error) => error.diagnostics(),
        Ok(failed) => {
            let diagnostic = |failed: cpl_run::Failed| {
                let diagnostic = Diagnostic::new(Code::E1201, failed.message).at(failed.span, "expected here");
                if failed.found.is_empty() { diagnostic } else { diagnostic.help(failed.found.join("\n")) }
            };
            failed.into_iter().map(diagnostic).collect()
        }
    }
}

fn print_results(loaded: &Loaded, results: &[TestResult], io: &mut Io<'_>) {
    if results.is_empty() {
        return;
    }
    let _ = writeln!(io.out, "{}", loaded.path.display());
    for test in results {
        let sign = if test.wrong.is_empty() { '✓' } else { '✗' };
        let _ = writeln!(io.out, "  {sign} {}", test.title);
        render::render(&test.wrong, &loaded.path, &loaded.text, io);
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

fn junit(suites: &[(Loaded, Vec<TestResult>)], broken: &[Box<Loaded>]) -> String {
    let mut report = Report::new("cpl");
    for (loaded, results) in suites {
        let mut suite = TestSuite::new(loaded.path.display().to_string());
        for test in results {
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
    // A file that is wrong has no tests: that is an error of its own.
    for loaded in broken {
        let wrong = loaded.diagnostics.iter().find(|diagnostic| diagnostic.severity() == Severity::Error);
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        if let Some(wrong) = wrong {
            status.set_message(wrong.message.clone()).set_type(wrong.code.as_str());
            status.set_description(described(wrong, &loaded.text));
        }
        let mut suite = TestSuite::new(loaded.path.display().to_string());
        suite.add_test_case(TestCase::new("the file is right", status));
        report.add_test_suite(suite);
    }
    report.to_string().unwrap_or_else(|error| unreachable!("written to memory: {error}"))
}

/// `line 12: the rule does not fire`, and what came in its place.
fn described(wrong: &Diagnostic, text: &str) -> String {
    let line = render::Lines::of(text).points(wrong.start()).0;
    let help = wrong.help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    format!("line {line}: {}{help}", wrong.message)
}
