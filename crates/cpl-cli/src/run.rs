//! `cpl run`.

use std::{num::NonZero, path::Path, time::Instant};

use cpl_model::{
    clock::Clock,
    program::Program,
    report::{self, RunReport},
};
use cpl_plan::Plan;
use cpl_report::{Look, report_json, terminal};
use cpl_run::{RunContext, RunError};
use cpl_syntax::Diagnostic;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    CLEAN, Io, WRONG,
    args::{Format, RunArgs, When},
    check, draw,
    load::{Loaded, load},
    progress::Progress,
};

/// Runs pipelines, one after the other; the worst decides the exit code.
pub fn run(args: &RunArgs, io: &mut Io<'_>) -> u8 {
    args.files.iter().map(|file| one(file, args, io, cpl_run::run)).max().unwrap_or(CLEAN)
}

/// Tells what runs would do.
pub fn plan(args: &RunArgs, io: &mut Io<'_>) -> u8 {
    args.files.iter().map(|file| one(file, args, io, cpl_run::plan)).max().unwrap_or(CLEAN)
}

/// What becomes of one pipeline, by a run or what stands for one.
fn one(
    file: &Path,
    args: &RunArgs,
    io: &mut Io<'_>,
    act: impl FnOnce(Plan, &RunContext<'_>) -> Result<RunReport, RunError>,
) -> u8 {
    let started = Instant::now();
    let (loaded, plan) = match load(file, &args.when, io) {
        Ok(loaded) => check::planned(loaded),
        Err(why) => return draw::misused(&why, io),
    };
    let Some(plan) = plan else {
        return wrong(&loaded.diagnostics, &loaded, args.format, io).max(loaded.code());
    };
    let result = with_context(&plan.clone(), &loaded, &args.when, io, |context| act(plan, context));
    let mut report = match result {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => return wrong(&error.diagnostics(), &loaded, args.format, io),
        Err(why) => return draw::misused(&why, io),
    };
    report.diagnostics = loaded.diagnostics.iter().map(message).collect();
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let text = match args.format {
        Format::Text => terminal(&report, look(io)),
        Format::Json => format!("{}\n", report_json(&report)),
    };
    let _ = write!(io.out, "{text}");
    CLEAN
}

/// Tells why there is no report: drawn, or for machines in its place.
fn wrong(diagnostics: &[Diagnostic], loaded: &Loaded, format: Format, io: &mut Io<'_>) -> u8 {
    match format {
        Format::Text => draw::draw(diagnostics, &loaded.path, &loaded.text, io),
        Format::Json => {
            let lines = draw::Lines::of(&loaded.text);
            let told = diagnostics.iter().map(|each| draw::as_json(each, &loaded.path, &lines)).collect();
            let _ = writeln!(io.out, "{:#}", Value::Array(told));
        }
    }
    WRONG
}

/// Calls `act` with the surroundings of a pipeline.
pub fn with_context<T>(
    plan: &Plan,
    loaded: &Loaded,
    when: &When,
    io: &Io<'_>,
    act: impl FnOnce(&RunContext<'_>) -> T,
) -> Result<T, String> {
    let clock = clock(plan.program(), when, io.now)?;
    Ok(in_context(loaded, clock, io, act))
}

/// Calls `act` with the surroundings of a pipeline at some time.
pub fn in_context<T>(loaded: &Loaded, clock: Clock, io: &Io<'_>, act: impl FnOnce(&RunContext<'_>) -> T) -> T {
    let file = io.folder.join(&loaded.path);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let progress = Progress::new(io.progress);
    let context = RunContext {
        folder,
        stem: &file.file_stem().unwrap_or_default().to_string_lossy(),
        workspace: &workspace(folder),
        clock,
        threads: std::thread::available_parallelism().map_or(1, NonZero::get),
        progress: &|what| progress.tell(what),
    };
    act(&context)
}

/// Without a workspace file the workspace is the pipeline's folder: its name, wherever it stands.
fn workspace(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn message(diagnostic: &Diagnostic) -> report::Message {
    report::Message { code: diagnostic.code.as_str().to_owned(), text: diagnostic.message.clone() }
}

/// The terminal's width within what can be read, and its colour.
fn look(io: &Io<'_>) -> Look {
    Look { width: io.width.unwrap_or(80).clamp(60, 100), colour: io.colour }
}

/// The window a program is run in.
fn clock(program: &Program, when: &When, now: Timestamp) -> Result<Clock, String> {
    Clock::at(program.every, &program.timezone, when.moment(now)).map_err(|error| format!("--as-of: {error}"))
}
