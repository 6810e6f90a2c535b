//! A plan that is kept, and applied as it is: nothing is fetched or decided anew, and nothing else is done.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Instant,
};

use cpl_connect::{Network, Secrets};
use cpl_effects::{FileEffects, ServerEffect, prepare};
use cpl_ledger::{Decision, DecisionState, Effect, LedgerEnd, RunLock};
use cpl_model::{program::Program, workspace::Workspace};
use cpl_rules::sha256;
use cpl_syntax::Span;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    RunError,
    error::RequestError,
    inputs::TOKENS,
    ledgers::{ledger_folder, open_ledger, read_ledger, workspace_name},
    local_files::local_files,
    network::network,
    ready::{ReadyEffects, Recorded},
    record::Record,
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
    /// What else it was made of, by its SHA-256: the files that fetches read, and connectors by their names.
    made_of: BTreeMap<String, String>,
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
    /// It was made for a workspace of another name.
    OtherWorkspace {
        /// The name then.
        of: String,
    },
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
            Self::OtherInput(what) => write!(f, "{what} was changed since"),
            Self::OtherWorkspace { of } => write!(f, "it was made for the workspace {of}"),
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
        ledger: Option<LedgerEnd>,
        file: &Path,
    ) -> Self {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let planned = |FileEffects { path, file, place, .. }| PlannedFile { path, file, place };
        let files = files.into_iter().map(planned).collect();
        Self { version: VERSION, ledger, file, record, files, uncertain, made_of: BTreeMap::new() }
    }

    /// The plan as a document, which names its own SHA-256; `loaded` is its program, and the texts of its connectors.
    ///
    /// # Errors
    /// Where a file that it read can't be read again.
    pub fn text(&self, loaded: (&Program, &BTreeMap<String, String>)) -> io::Result<String> {
        let made_of = self.made_of_now(loaded)?;
        let plan = serde_json::json!(Self { made_of, ..self.clone() });
        let sealed = serde_json::json!({ "sha256": sha256(&plan.to_string()), "plan": plan });
        Ok(format!("{sealed:#}\n"))
    }

    /// What the plan was made of, as it is now.
    fn made_of_now(
        &self,
        (program, connectors): (&Program, &BTreeMap<String, String>),
    ) -> io::Result<BTreeMap<String, String>> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let mut made_of: BTreeMap<String, String> =
            connectors.iter().map(|(name, text)| (format!("the connector {name}"), sha256(text))).collect();
        for file in local_files(program, folder) {
            let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
            made_of.insert(format!("`{name}`"), sha256_of(&file)?);
        }
        Ok(made_of)
    }

    /// Of a document.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, StalePlan> {
        let mut sealed: serde_json::Value =
            serde_json::from_str(text).map_err(|error| StalePlan::NoPlan(error.to_string()))?;
        let value = sealed["plan"].take();
        match value["version"].as_u64().map(u32::try_from) {
            Some(Ok(VERSION)) => {}
            Some(version) => return Err(StalePlan::OtherVersion(version.unwrap_or(u32::MAX))),
            None => return Err(StalePlan::NoPlan("it names no version".to_owned())),
        }
        if sealed["sha256"].as_str() != Some(&sha256(&value.to_string())) {
            return Err(StalePlan::NoPlan("it was edited".to_owned()));
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

    /// Values of `let`s that the command line set.
    pub fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.record.run.set_values().into_iter()
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

    /// What it was made of that is not what it was.
    fn changed(&self, loaded: (&Program, &BTreeMap<String, String>)) -> Option<String> {
        let Ok(now) = self.made_of_now(loaded) else { return Some("a file that it reads".to_owned()) };
        let names = now.keys().chain(self.made_of.keys());
        let is_other = |name: &&String| now.get(*name) != self.made_of.get(*name);
        names.into_iter().find(is_other).cloned()
    }
}

/// Records what a plan would, and makes its effects ready to leave; the program and the texts of its connectors are those of
/// now.
///
/// # Errors
/// Where the pipeline, what it reads, or the ledger is not what it was when the plan was made.
pub fn apply(
    planned: PlannedRun,
    (workspace, program, connectors): (&Workspace, &Program, &BTreeMap<String, String>),
    now: Timestamp,
    acts: bool,
) -> Result<ReadyEffects, StalePlan> {
    let since = Instant::now();
    let run = &planned.record.run;
    if *planned.record.program != *program.text {
        return Err(StalePlan::OtherProgram);
    }
    if let Some(path) = planned.changed((program, connectors)) {
        return Err(StalePlan::OtherInput(path));
    }
    if !acts && run.window_end.is_some_and(|end| end <= now.as_microsecond()) {
        return Err(StalePlan::Over { window: run.window.clone() });
    }
    let secrets = Secrets::of(planned.file.parent().unwrap_or(Path::new("")), workspace);
    let network = sends_through(planned.effects(), &secrets, workspace)?;
    let at = ledger_folder(workspace);
    let lock = RunLock::take(&at, &run.pipeline)?;
    if planned.ledger.is_some() && read_ledger(workspace)?.is_none() {
        return Err(StalePlan::LedgerMoved);
    }
    let mut ledger = open_ledger(workspace)?;
    let mut transaction = ledger.begin()?;
    let end = transaction.end()?;
    if planned.ledger.as_ref().map_or(end.serial != 0, |planned| *planned != end) {
        return Err(StalePlan::LedgerMoved);
    }
    // Decisions are named by it.
    let name = workspace_name(workspace, Some(&transaction))?;
    if let Some(of) = run.workspace.clone().filter(|of| *of != name) {
        return Err(StalePlan::OtherWorkspace { of });
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
    let only = record.decisions.iter().map(|one| one.decision.id.clone()).collect();
    record.run.started_at = now.as_microsecond();
    let window = transaction.window(record.run.window_id())?;
    let printed = record.write(&mut transaction, &window)?;
    transaction.commit()?;
    let (run, uncertain, tokens) = (record.run, planned.uncertain, workspace.root.join(TOKENS));
    let recorded =
        Recorded { ledger, run, since, printed, uncertain, secrets, network, tokens, lock, only: Some(only) };
    Ok(ReadyEffects { recorded, files })
}

/// The SHA-256 of a file, which is read in blocks.
fn sha256_of(file: &Path) -> io::Result<String> {
    let (mut hash, mut block, mut file) = (Sha256::new(), vec![0; 1 << 16], fs::File::open(file)?);
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    Ok(hex::encode(hash.finalize()))
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
