//! What is done with a program: run, plan, show, test, profile. Each binds a plan to a window, runs it on the engine,
//! and makes a report of the answers; only `run` lets effects leave.

mod again;
mod applied;
mod apply;
mod backup;
mod databases;
mod decision;
mod declared_text;
mod error;
mod expect;
mod fetches;
mod given;
mod given_past;
mod history;
mod inputs;
mod ledgers;
mod local_files;
mod log;
mod network;
mod past;
mod pause;
mod payloads;
mod profile;
mod ready;
mod record;
mod recordings;
mod redo;
mod request_builder;
mod restated;
mod run;
mod salt;
mod secrets;
mod sending;
mod server_effects;
mod show;
mod stores;
mod test;
mod undo;
mod wire;

use std::path::Path;

use cpl_exec::{Files, PART_ROWS, Polars};
use cpl_model::{clock::Clock, workspace::Workspace};
use cpl_plan::{backend::Answers, bind::BoundPlan};
pub use cpl_rules::QuietRows;
pub use cpl_rules::short;
use cpl_rules::{Past, ReportBuilder};
use jiff::Timestamp;

pub use again::{Again, HoldsUp, taken_again};
pub use apply::{PlannedRun, StalePlan, apply};
pub use backup::{back_up, restore, verify};
pub use cpl_batch::{Problem, StoredKind};
pub use cpl_exec::{ExecError, TableRows, file_problem, parquet_sample, write_parquet};
pub use cpl_ledger::{
    BackupError, Decision as LedgerDecision, DecisionState, Effect as LedgerEffect, EffectState, LogFilter,
    LoggedAlert, LoggedEffect, LoggedMetric, LoggedRun, PauseState, RecordedDecision, Restored, Step as LedgerStep,
    VerdictKind,
};
pub use cpl_source::other_kind;
pub use decision::{DecisionError, DecisionStory, Said, decision_story, give_verdict, settle};
pub use error::RunError;
pub use expect::Failed;
pub use history::{DataErrors, History, RuleHistory, Taken, ToAction, history};
use inputs::RunInputs;
pub use ledgers::as_recorded;
pub use log::{Log, LogOf, log, rules};
pub use past::PastSeen;
pub use pause::{pause_of, pipelines, set_pause};
pub use profile::{Cost, profile};

pub use cpl_recording::{Head, NoRecording, NotRecorded, Recorder, Recording};
pub use ready::{Delivered, ReadyEffects, ReadyRun};
pub use recordings::Fetching;
pub use redo::redo;
pub use run::{plan, run};
pub use secrets::missing_secrets;
pub use show::{Shown, first_answer, first_page, show};
pub use test::test;
pub use undo::{NotUndone, Undo, UndoneDecision, undo};

/// What a run needs to know of its surroundings.
#[derive(Clone)]
pub struct RunContext<'a> {
    /// The pipeline's file.
    pub file: &'a Path,
    /// The folder of the pipeline's file: paths in it are relative to it.
    pub folder: &'a Path,
    /// The name of the pipeline's file, without its ending.
    pub stem: &'a str,
    /// The workspace of the pipeline.
    pub workspace: &'a Workspace,
    /// The window the run belongs to.
    pub clock: Clock,
    /// When the run began, by the clock on the wall: nothing is decided by it.
    pub started_at: Timestamp,
    /// How many threads read files.
    pub threads: usize,
    /// Hears what is under way.
    pub progress: &'a (dyn Fn(&str) + Sync),
    /// About how many rows the engine takes at once; none for what is best. Tests take few.
    pub part_rows: Option<usize>,
    /// Of servers only the first page is read.
    pub first_page: bool,
    /// How much of what was decided before is seen.
    pub past: PastSeen,
    /// How many quiet rows are explained.
    pub quiet: QuietRows,
    /// Whether servers and databases are read, and what they answer is recorded.
    pub fetching: Fetching<'a>,
}

impl RunContext<'_> {
    fn inputs(&self, plan: &BoundPlan) -> Result<RunInputs<'_>, RunError> {
        let files = Files { folder: self.folder, threads: self.threads, progress: self.progress };
        RunInputs::of(plan, files, self.workspace, (self.first_page, self.fetching))
    }

    fn engine<'e>(&'e self, inputs: &'e dyn cpl_exec::Inputs) -> Polars<'e> {
        Polars { inputs, progress: self.progress, part_rows: self.part_rows.unwrap_or(PART_ROWS) }
    }

    /// The report of answers; quiet rows are shown where a test looks at them.
    fn report<'r, R>(
        &'r self,
        plan: &'r BoundPlan,
        answers: &'r Answers<R>,
        (past, workspace): (&'r dyn Past, &'r str),
        show_quiet: bool,
    ) -> ReportBuilder<'r, R> {
        let stem = self.stem;
        ReportBuilder { plan, answers, workspace, stem, past, show_quiet, quiet: self.quiet }
    }
}
