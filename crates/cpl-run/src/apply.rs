//! A plan that is kept, and applied as it is: nothing is fetched or decided anew, and nothing else is done.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Instant,
};

use cpl_connect::{Network, Secrets};
use cpl_effects::{FileEffects, ServerEffect, prepare};
use cpl_ledger::{Decision, DecisionState, Effect, Ledger, LedgerEnd, LedgerReader, RunLock};
use cpl_model::workspace::Workspace;
use cpl_syntax::Span;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    RunError,
    error::RequestError,
    folder::ledger_folder,
    inputs::TOKENS,
    network::network,
    ready::{ReadyEffects, Recorded},
    record::{Input, InputFile, Record},
    wire,
};

/// The version of the document.
const VERSION: u32 = 1;

/// What a run would do, whole: what it would record, and what would leave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The version of this document.
    version: u32,
    /// Where the ledger ended; none where there was none.
    ledger: Option<LedgerEnd>,
    /// The pipeline's file.
    file: PathBuf,
    record: Record,
    files: Vec<PlannedFile>,
    /// Effects of earlier runs that are not confirmed, and that nothing sends again.
    uncertain: Vec<i64>,
}

/// A file that is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PlannedFile {
    path: String,
    file: PathBuf,
    place: String,
}

/// Why a plan is not applied.
#[derive(Debug)]
pub enum StalePlan {
    /// It is none.
    NoPlan(String),
    /// Another version of the program made it.
    OtherVersion(u32),
    /// The pipeline is not what it was.
    OtherProgram,
    /// A file that it reads is not what it was.
    OtherInput(String),
    /// Its window is over.
    Over {
        /// The window.
        window: String,
    },
    /// Something was decided, sent or said since.
    LedgerMoved,
    /// The run can't be finished.
    Run(RunError),
}

impl<E: Into<RunError>> From<E> for StalePlan {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

impl fmt::Display for StalePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan(why) => write!(f, "it is no plan: {why}"),
            Self::OtherVersion(version) => write!(f, "another version of cpl made it (plans of version {version})"),
            Self::OtherProgram => f.write_str("the pipeline was changed since"),
            Self::OtherInput(path) => write!(f, "`{path}` was changed since"),
            Self::Over { window } => write!(f, "its window {window} is over"),
            Self::LedgerMoved => f.write_str("something was decided, sent, approved or paused since"),
            Self::Run(_) => f.write_str("it can't be applied"),
        }
    }
}

impl PlannedRun {
    /// What a run would do; paths are those of this machine.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub(crate) fn of(
        record: Record,
        files: Vec<FileEffects>,
        uncertain: Vec<i64>,
        ledger: Option<&LedgerReader>,
        file: &Path,
    ) -> Result<Self, RunError> {
        let ledger = ledger.map(LedgerReader::end).transpose()?;
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let planned = |FileEffects { path, file, place, .. }| PlannedFile { path, file, place };
        let files = files.into_iter().map(planned).collect();
        Ok(Self { version: VERSION, ledger, file, record, files, uncertain })
    }

    /// The plan as a document.
    #[must_use]
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_else(|error| unreachable!("plain values: {error}"));
        text + "\n"
    }

    /// Of a document.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, StalePlan> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| StalePlan::NoPlan(error.to_string()))?;
        match value["version"].as_u64().map(u32::try_from) {
            Some(Ok(VERSION)) => {}
            Some(version) => return Err(StalePlan::OtherVersion(version.unwrap_or(u32::MAX))),
            None => return Err(StalePlan::NoPlan("it names no version".to_owned())),
        }
        serde_json::from_value(value).map_err(|error| StalePlan::NoPlan(error.to_string()))
    }

    /// The name of its pipeline.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.record.run.pipeline
    }

    /// The name of its window.
    #[must_use]
    pub fn window(&self) -> &str {
        &self.record.run.window
    }

    /// The pipeline's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What it carries out.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        let decisions = self.record.decisions.iter().map(|one| &one.decision);
        decisions.filter(|decision| decision.state() == DecisionState::Acts)
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.record.decisions.iter().flat_map(|one| &one.effects)
    }

    /// A file that was read, and is not what it was.
    fn changed_input(&self) -> Option<String> {
        let inputs: Vec<Input> = serde_json::from_str(self.record.run.inputs.as_deref()?).ok()?;
        let mut files = inputs.into_iter().flat_map(|input| input.files);
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let is_other = |file: &InputFile| InputFile::of(&folder.join(&file.path), folder) != *file;
        files.find(is_other).map(|file| file.path)
    }
}

/// Records what a plan would, and makes its effects ready to leave; `text` is the pipeline's now.
///
/// # Errors
/// Where the pipeline, what it reads, or the ledger is not what it was when the plan was made.
pub fn apply(
    planned: PlannedRun,
    (workspace, text): (&Workspace, &str),
    now: Timestamp,
    acts: bool,
) -> Result<ReadyEffects, StalePlan> {
    let since = Instant::now();
    let run = &planned.record.run;
    if planned.record.program != text {
        return Err(StalePlan::OtherProgram);
    }
    if let Some(path) = planned.changed_input() {
        return Err(StalePlan::OtherInput(path));
    }
    if !acts && run.window_end.is_some_and(|end| end <= now.as_microsecond()) {
        return Err(StalePlan::Over { window: run.window.clone() });
    }
    let secrets = Secrets::of(planned.file.parent().unwrap_or(Path::new("")), workspace);
    let network = sends_through(planned.effects(), &secrets, workspace)?;
    let at = ledger_folder(workspace);
    let lock = RunLock::take(&at, &run.pipeline)?;
    if LedgerReader::open(&at)?.is_some() != planned.ledger.is_some() {
        return Err(StalePlan::LedgerMoved);
    }
    let mut ledger = Ledger::open(&at)?;
    let mut transaction = ledger.begin()?;
    if planned.ledger.as_ref().is_some_and(|end| transaction.end().as_ref() != Ok(end)) {
        return Err(StalePlan::LedgerMoved);
    }
    let file = |PlannedFile { path, file, place }| FileEffects {
        path,
        target: Span::default(),
        file,
        place,
        lines: Vec::new(),
    };
    let files: Vec<FileEffects> = planned.files.into_iter().map(file).collect();
    drop(prepare(files.clone())?);
    let mut record = planned.record;
    record.run.started_at = now.as_microsecond();
    let printed = record.write(&mut transaction)?;
    transaction.commit()?;
    let (run, uncertain, tokens) = (record.run, planned.uncertain, workspace.root.join(TOKENS));
    let recorded = Recorded { ledger, run, since, printed, uncertain, secrets, network, tokens, lock, only: None };
    Ok(ReadyEffects { recorded, files })
}

/// The network by which effects leave, where all requests of them can be made.
///
/// # Errors
/// What they lack.
pub fn sends_through<'e>(
    effects: impl Iterator<Item = &'e Effect>,
    secrets: &Secrets,
    workspace: &Workspace,
) -> Result<Network, RunError> {
    let requests: Vec<_> = effects.filter_map(|effect| ServerEffect::of(&effect.payload)).collect();
    if requests.is_empty() {
        return Ok(Network::default());
    }
    let missing = |effect: ServerEffect| wire::request(&effect.request, secrets).err();
    let causes: Vec<_> = requests.into_iter().filter_map(missing).flatten().collect();
    let error = |cause| RequestError { at: Span::default(), cause };
    if !causes.is_empty() {
        return Err(RunError::Request(causes.into_iter().map(error).collect()));
    }
    network(workspace, secrets).map_err(|cause| RunError::Request(vec![error(cause)]))
}
