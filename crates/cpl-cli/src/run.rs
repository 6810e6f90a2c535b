//! `cpl run`.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    time::Instant,
};

use cpl_model::{
    clock::Clock,
    program::Program,
    report::{self, RunMode, RunReport},
};
use cpl_plan::Plan;
use cpl_report::{TerminalStyle, report_json, terminal};
use cpl_run::{Delivered, Fetching, PastSeen, QuietRows, ReadyRun, RunContext, RunError};
use cpl_syntax::{Code, Diagnostic, Severity};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::{
    CLEAN, Io, WRONG,
    args::{Format, PlanArgs, PlanOnlyArgs, RunArgs, WindowArgs},
    check,
    load::{Loaded, load},
    load_plan::load_plan,
    progress::Progress,
    recording::Recordings,
    render,
};

/// Runs pipelines, one after the other; the worst decides the exit code. A replay is a plan:
/// nothing is sent or recorded.
pub fn run(args: &RunArgs, io: &mut Io<'_>) -> u8 {
    if args.plan.replay.is_some() {
        return all(&args.plan, io, |file, io| plan_one(file, &args.plan, None, io));
    }
    all(&args.plan, io, |file, io| run_one(file, args, io))
}

/// Prints what runs would do.
pub fn plan(args: &PlanOnlyArgs, io: &mut Io<'_>) -> u8 {
    if args.out.is_some() && args.plan.files.len() > 1 {
        return render::usage_error("`--out` keeps the plan of one file", io);
    }
    // Nothing is read where the plan could not be kept.
    if let Some(folder) = args.out.as_ref().map(|out| folder_of(&io.folder.join(out))).filter(|there| !there.is_dir()) {
        return render::usage_error(&format!("`--out`: there is no folder {}", folder.display()), io);
    }
    all(&args.plan, io, |file, io| plan_one(file, &args.plan, args.out.as_deref(), io))
}

fn all(args: &PlanArgs, io: &mut Io<'_>, act: impl Fn(&Path, &mut Io<'_>) -> u8) -> u8 {
    if let Some(why) = Recordings::of_several(args) {
        return render::usage_error(&why, io);
    }
    let (first, since) = (io.now, Instant::now());
    let mut code = CLEAN;
    for file in &args.files {
        code = code.max(act(file, io));
        // Time goes on for those behind it.
        let elapsed = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
        io.now = first.saturating_add(elapsed).unwrap_or(first);
    }
    code
}

fn plan_one(file: &Path, args: &PlanArgs, out: Option<&Path>, io: &mut Io<'_>) -> u8 {
    let (loaded, (report, planned)) = match evaluate(file, args, io, cpl_run::plan, |(report, _)| report) {
        Ok(found) => found,
        Err(code) => return code,
    };
    if print(&report, args.format, io).is_err() {
        return WRONG;
    }
    let Some(out) = out else { return CLEAN };
    let (again, plan) = match load_plan(file, &args.window_args, io) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let text = planned.text((plan.program(), &again.connector_texts()));
    match text.and_then(|text| keep(&io.folder.join(out), &text)) {
        Ok(()) => CLEAN,
        Err(error) => {
            let why = format!("the plan can't be written to `{}`: {error}", out.display());
            wrong(&[Diagnostic::new(Code::E1108, why)], &loaded, args.format, io)
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Writes a plan in one step: only whoever it belongs to reads it.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder_of(path)).map_err(|error| error.kind())?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// What a run comes to.
enum Outcome {
    /// Its effects are ready to leave.
    Ready(Box<ReadyRun>),
    /// Its window is over: nothing leaves.
    Past(Box<RunReport>),
}

impl Outcome {
    fn of(plan: Plan, context: &RunContext<'_>, acts: bool) -> Result<Self, RunError> {
        if !acts && context.clock.end.timestamp() <= context.started_at {
            let (report, _) = cpl_run::plan(plan, context)?;
            return Ok(Self::Past(Box::new(RunReport { mode: RunMode::Past, ..report })));
        }
        cpl_run::run(plan, context).map(|ready| Self::Ready(Box::new(ready)))
    }

    fn report(&mut self) -> &mut RunReport {
        match self {
            Self::Ready(ready) => &mut ready.report,
            Self::Past(report) => report,
        }
    }
}

/// Runs one pipeline: its effects leave once its report is written, so that nothing was changed where that fails.
fn run_one(file: &Path, args: &RunArgs, io: &mut Io<'_>) -> u8 {
    let act = |plan, context: &RunContext<'_>| Outcome::of(plan, context, args.act);
    let (loaded, mut outcome) = match evaluate(file, &args.plan, io, act, Outcome::report) {
        Ok(found) => found,
        Err(code) => return code,
    };
    if print(outcome.report(), args.plan.format, io).is_err() {
        return WRONG;
    }
    let Outcome::Ready(ready) = outcome else { return CLEAN };
    match ready.send() {
        Ok(delivered) => {
            if let Format::Text = args.plan.format {
                let _ = write!(io.out, "{}", sent(delivered));
            }
            CLEAN
        }
        Err(error) => {
            render::render(&error.diagnostics(), &loaded.path, &loaded.text, io);
            WRONG
        }
    }
}

/// What servers made of effects, in words.
pub fn sent(Delivered { carried_out, superseded }: Delivered) -> String {
    let effects = |count: usize| if count == 1 { "1 effect".to_owned() } else { format!("{count} effects") };
    let mut text = String::new();
    if carried_out > 0 {
        let _ = writeln!(text, "sent: {} carried out", effects(carried_out));
    }
    if superseded > 0 {
        let _ = writeln!(text, "not sent: {}, of what is no longer as the rule saw it: `cpl log`", effects(superseded));
    }
    text
}

/// Runs or plans one pipeline; where that fails, why is printed.
pub fn evaluate<T>(
    file: &Path,
    args: &PlanArgs,
    io: &mut Io<'_>,
    act: impl FnOnce(Plan, &RunContext<'_>) -> Result<T, RunError>,
    report: impl FnOnce(&mut T) -> &mut RunReport,
) -> Result<(Loaded, T), u8> {
    let started = Instant::now();
    let recordings = Recordings::of(args, io).and_then(|found| Ok((found.window(&args.window_args)?, found)));
    let (window, recordings) = recordings.map_err(|why| render::usage_error(&why, io))?;
    let (loaded, plan) = match load(file, &window, io) {
        Ok(loaded) => check::planned(loaded),
        Err(why) => return Err(render::usage_error(&why, io)),
    };
    let Some(plan) = plan else {
        return Err(wrong(&loaded.diagnostics, &loaded, args.format, io).max(loaded.code()));
    };
    let pipeline = plan.program().name.clone();
    let result = with_context(&plan.clone(), &loaded, &window, io, |context| {
        let quiet = if args.all { QuietRows::All } else { QuietRows::First };
        act(plan, &RunContext { fetching: recordings.fetching(), quiet, ..context.clone() })
    });
    let mut found = match result {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(wrong(&error.diagnostics(), &loaded, args.format, io)),
        Err(why) => return Err(render::usage_error(&why, io)),
    };
    if let Err(why) = recordings.finish(&pipeline, args, io) {
        return Err(wrong(&[Diagnostic::new(Code::E1102, why)], &loaded, args.format, io));
    }
    let report = report(&mut found);
    // Hints are for who writes a pipeline, not for who reads its report.
    let shown = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity() > Severity::Hint);
    report.diagnostics = shown.map(message).collect();
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((loaded, found))
}

/// Prints a report, to the last byte. A reader that has seen enough is no error.
fn print(report: &RunReport, format: Format, io: &mut Io<'_>) -> io::Result<()> {
    let text = match format {
        Format::Text => terminal(report, terminal_style(io)),
        Format::Json => format!("{}\n", report_json(report)),
    };
    match write!(io.out, "{text}").and_then(|()| io.out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints why there is no report: as text, or as JSON.
pub fn wrong(diagnostics: &[Diagnostic], loaded: &Loaded, format: Format, io: &mut Io<'_>) -> u8 {
    match format {
        Format::Text => render::render(diagnostics, &loaded.path, &loaded.text, io),
        Format::Json => {
            let lines = render::Lines::of(&loaded.text);
            let items = diagnostics.iter().map(|each| render::as_json(each, &loaded.path, &lines)).collect();
            let _ = writeln!(io.out, "{:#}", Value::Array(items));
        }
    }
    WRONG
}

/// Calls `act` with the surroundings of a pipeline.
pub fn with_context<T>(
    plan: &Plan,
    loaded: &Loaded,
    window_args: &WindowArgs,
    io: &Io<'_>,
    act: impl FnOnce(&RunContext<'_>) -> T,
) -> Result<T, String> {
    let clock = clock(plan.program(), window_args, io.now)?;
    Ok(in_context(loaded, clock, io, act))
}

/// Calls `act` with the surroundings of a pipeline at some time.
pub fn in_context<T>(loaded: &Loaded, clock: Clock, io: &Io<'_>, act: impl FnOnce(&RunContext<'_>) -> T) -> T {
    let file = io.folder.join(&loaded.path);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let progress = Progress::new(io.progress);
    let context = RunContext {
        file: &file,
        folder,
        stem: &file.file_stem().unwrap_or_default().to_string_lossy(),
        workspace: &loaded.workspace,
        clock,
        started_at: io.now,
        threads: std::thread::available_parallelism().map_or(1, NonZero::get),
        progress: &|what| progress.set_message(what),
        part_rows: io.part_rows,
        first_page: false,
        past: PastSeen::All,
        quiet: QuietRows::First,
        fetching: Fetching::Live,
    };
    act(&context)
}

fn message(diagnostic: &Diagnostic) -> report::Message {
    report::Message { code: diagnostic.code.as_str().to_owned(), text: diagnostic.message.clone() }
}

/// The terminal's width within what can be read, and its colour.
pub fn terminal_style(io: &Io<'_>) -> TerminalStyle {
    TerminalStyle { width: io.width.unwrap_or(80).clamp(60, 200), colour: io.colour }
}

/// The window a program is run in.
fn clock(program: &Program, window_args: &WindowArgs, now: Timestamp) -> Result<Clock, String> {
    let clock = Clock::at(program.every, &program.timezone, window_args.moment(now));
    clock.map(|clock| clock.with_weeks_from(program.week_start)).map_err(|error| format!("--as-of: {error}"))
}
