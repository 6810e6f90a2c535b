//! The program `cpl`, as a function: its arguments, its streams and the time come from outside.

#[cfg(feature = "run")]
mod against;
#[cfg(feature = "run")]
mod apply;
mod args;
#[cfg(feature = "run")]
mod backup;
mod catalogue;
mod check;
mod connectors;
#[cfg(feature = "run")]
mod decision;
mod explain;
mod files;
mod fix;
mod fmt;
mod formats;
mod graph;
#[cfg(feature = "run")]
mod infer;
#[cfg(feature = "run")]
mod ledger;
mod load;
#[cfg(feature = "run")]
mod load_plan;
#[cfg(feature = "run")]
mod log;
mod new;
#[cfg(feature = "run")]
mod one_fetch;
#[cfg(feature = "run")]
mod pause;
#[cfg(feature = "run")]
mod profile;
#[cfg(feature = "run")]
mod progress;
#[cfg(feature = "run")]
mod recording;
mod render;
#[cfg(feature = "run")]
mod report;
#[cfg(feature = "run")]
mod run;
#[cfg(feature = "run")]
mod show;
#[cfg(feature = "run")]
mod test;
mod text;
#[cfg(feature = "run")]
mod try_endpoint;
#[cfg(feature = "run")]
mod undo;
#[cfg(feature = "run")]
mod verdict;
#[cfg(feature = "run")]
mod why;
mod workspace;

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::PathBuf,
};

use clap::Parser;
use jiff::Timestamp;

use args::{Args, Command, ConnectorsArgs, ConnectorsCommand};

/// Exit code: all is well.
pub const CLEAN: u8 = 0;
/// Exit code: the pipeline or its data is wrong.
pub const WRONG: u8 = 1;
/// Exit code: the program was called wrongly.
pub const USAGE_ERROR: u8 = 2;

/// What the program has of the world around it.
pub struct Io<'a> {
    /// What is handed in.
    pub input: &'a mut dyn Read,
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where diagnostics go.
    pub err: &'a mut dyn Write,
    /// Columns of the terminal, where there is one.
    pub width: Option<usize>,
    /// Results may be coloured.
    pub colour: bool,
    /// Diagnostics may be coloured.
    pub colour_err: bool,
    /// Progress of long steps may be shown.
    pub progress: bool,
    /// The time.
    pub now: Timestamp,
    /// The folder in which relative paths begin.
    pub folder: PathBuf,
    /// About how many rows of a source are taken at once; none for what is best. Tests take few.
    pub part_rows: Option<usize>,
}

/// Runs the program and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return usage(&error, io),
    };
    if args.no_color {
        (io.colour, io.colour_err) = (false, false);
    }
    match args.command {
        #[cfg(not(feature = "run"))]
        Command::Check(args) if args.secrets => light(io),
        Command::Check(args) => check::check(&args, io),
        #[cfg(feature = "run")]
        Command::Connectors(ConnectorsArgs { command: Some(ConnectorsCommand::Try(args)), .. }) => {
            try_endpoint::try_endpoint(&args, io)
        }
        #[cfg(not(feature = "run"))]
        Command::Connectors(ConnectorsArgs { command: Some(ConnectorsCommand::Try(_)), .. }) => light(io),
        Command::Connectors(args) => connectors::connectors(&args, io),
        Command::New(args) => new::new(&args, io),
        Command::Explain(args) => explain::explain(&args, io),
        Command::Fmt(args) => fmt::fmt(&args, io),
        Command::Graph(args) => graph::graph(&args, io),
        #[cfg(feature = "run")]
        Command::Run(args) => run::run(&args, io),
        #[cfg(feature = "run")]
        Command::Apply(args) => apply::apply(&args, io),
        #[cfg(feature = "run")]
        Command::Log(args) => log::log(&args, io),
        #[cfg(feature = "run")]
        Command::Report(args) => report::report(&args, io),
        #[cfg(feature = "run")]
        Command::Approve(args) => verdict::verdict(&args, cpl_run::VerdictKind::Approved, io),
        #[cfg(feature = "run")]
        Command::Reject(args) => verdict::verdict(&args, cpl_run::VerdictKind::Rejected, io),
        #[cfg(feature = "run")]
        Command::Settle(args) => verdict::settle(&args, io),
        #[cfg(feature = "run")]
        Command::Undo(args) => undo::undo(&args, io),
        #[cfg(feature = "run")]
        Command::Redo(args) => undo::redo(&args, io),
        #[cfg(feature = "run")]
        Command::Backup(args) => backup::back_up(&args, io),
        #[cfg(feature = "run")]
        Command::Restore(args) => backup::restore(&args, io),
        #[cfg(feature = "run")]
        Command::Doctor(args) => backup::doctor(&args, io),
        #[cfg(feature = "run")]
        Command::Pause(args) => pause::pause(&args, cpl_run::PauseState::Paused, io),
        #[cfg(feature = "run")]
        Command::Resume(args) => pause::pause(&args, cpl_run::PauseState::Resumed, io),
        #[cfg(feature = "run")]
        Command::Test(args) => test::test(&args, io),
        #[cfg(feature = "run")]
        Command::Plan(args) => match &args.against {
            Some(old) => against::against(old, &args.plan, io),
            None => run::plan(&args, io),
        },
        #[cfg(feature = "run")]
        Command::Show(args) => show::show(&args, io),
        #[cfg(feature = "run")]
        Command::Why(args) => why::why(&args, io),
        #[cfg(feature = "run")]
        Command::Infer(args) => infer::infer(&args, io),
        #[cfg(feature = "run")]
        Command::Profile(args) => profile::profile(&args, io),
        #[cfg(not(feature = "run"))]
        Command::Run(_)
        | Command::Apply(_)
        | Command::Log(_)
        | Command::Report(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Settle(_)
        | Command::Undo(_)
        | Command::Redo(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Doctor(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Test(_)
        | Command::Plan(_)
        | Command::Show(_)
        | Command::Why(_)
        | Command::Infer(_)
        | Command::Profile(_) => light(io),
    }
}

fn usage(error: &clap::Error, io: &mut Io<'_>) -> u8 {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(io.err, "{text}");
        USAGE_ERROR
    } else {
        let _ = write!(io.out, "{text}");
        CLEAN
    }
}

#[cfg(not(feature = "run"))]
fn light(io: &mut Io<'_>) -> u8 {
    let _ = writeln!(
        io.err,
        "this is the light build of cpl: it checks, formats and draws pipelines.\n\
         To run them, build the whole program: cargo install --path crates/cpl-cli"
    );
    USAGE_ERROR
}
