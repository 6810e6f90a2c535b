//! A run: the plan's answers, the report of them, the record of what was decided, then the effects.

use std::{cell::RefCell, collections::BTreeMap, path::PathBuf};

use cpl_effects::{
    EffectError, FileEffects, Places, QuarantineFile, check_targets, deliveries, file_effects, prepare,
    write_quarantine,
};
use cpl_exec::{RejectedRows, expand};
use cpl_ledger::{
    EffectState, Ledger, LedgerReader, RecordedDecision, RunLock, Step, StoredEffect, Transaction, VerdictKind,
};
use cpl_model::{
    program::{Program, TableSource, TargetKind},
    report::{Expired, RunMode, RunReport, Unconfirmed},
    workspace::Workspace,
};
use cpl_plan::{
    Plan,
    backend::{Answers, Backend},
    bind::{BoundPlan, bind},
};
use cpl_rules::quarantine_file;

use crate::{Fetching, RunContext, RunError, past::LedgerPast, record::record};

/// A run whose report is there and whose decisions are recorded; its effects are ready to leave.
pub struct ReadyRun {
    /// The report of it.
    pub report: RunReport,
    files: Vec<FileEffects>,
    quarantine: Vec<QuarantineFile>,
    stem: String,
    folder: PathBuf,
    /// None where the pipeline decides nothing.
    recorded: Option<Recorded>,
}

/// A ledger, and the effects whose states are known when the run ends.
struct Recorded {
    ledger: Ledger,
    pipeline: String,
    window: String,
    started_at: i64,
    /// Those that the report shows.
    printed: Vec<i64>,
    /// Those of earlier runs that are not sent again.
    uncertain: Vec<i64>,
    _lock: RunLock,
}

impl ReadyRun {
    /// Lets the effects out.
    ///
    /// # Errors
    /// What the system refuses; the error says what was sent.
    pub fn send(self) -> Result<(), RunError> {
        write_quarantine(&self.stem, &self.folder, self.quarantine)?;
        match self.recorded {
            Some(recorded) => recorded.send(self.files),
            None => Ok(prepare(self.files)?.put()?),
        }
    }
}

impl Recorded {
    /// Writes all effects of the window to the files, and records that they are there. Nobody else of the workspace writes one
    /// of the files meanwhile.
    fn send(mut self, mut files: Vec<FileEffects>) -> Result<(), RunError> {
        let mut transaction = self.ledger.begin()?;
        let mut sent = self.printed;
        for file in &mut files {
            let effects = transaction.effects_at(&file.place, &self.window)?;
            sent.extend(effects.iter().filter(|one| one.state == EffectState::Recorded).map(|one| one.serial));
            file.lines = effects.into_iter().map(|one| one.effect.payload).collect();
        }
        // Somebody may have said so since it was decided.
        match transaction.pause(&self.pipeline)? {
            Some(_) if sent.is_empty() => return Ok(()),
            Some(pause) => {
                let why = pause.why.map_or_else(String::new, |why| format!(" ({why})"));
                return Err(RunError::Paused { text: format!("{} paused it{why}", pause.by) });
            }
            None => prepare(files)?.put()?,
        }
        let confirmed = sent.into_iter().map(|effect| (effect, EffectState::Confirmed));
        let uncertain = self.uncertain.into_iter().map(|effect| (effect, EffectState::Uncertain));
        for (effect, state) in confirmed.chain(uncertain) {
            transaction.add(&Step { effect, state, at: self.started_at }).map_err(RunError::NotConfirmed)?;
        }
        transaction.commit().map_err(RunError::NotConfirmed)
    }
}

/// Runs a plan up to where its effects leave.
///
/// # Errors
/// What kept the run from being finished. No effect was sent then.
pub fn run(plan: Plan, context: &RunContext<'_>) -> Result<ReadyRun, RunError> {
    let evaluation = Evaluation::new(plan, context)?;
    let program = evaluation.plan.program();
    let folder = ledger_folder(context.workspace);
    let decides = !program.decisions.is_empty();
    let lock = decides.then(|| RunLock::take(&folder, &program.name)).transpose()?;
    // Nothing is asked for where nothing could be recorded.
    decides.then(|| LedgerReader::open(&folder)).transpose()?;
    let answers = evaluation.answers()?;
    let mut ledger = decides.then(|| Ledger::open(&folder)).transpose()?;
    // From here on no other pipeline decides: what this one sees of the past stays so until its own decisions are recorded.
    let mut transaction = ledger.as_mut().map(Ledger::begin).transpose()?;
    let Decided { report, files, uncertain } = evaluation.decide(&answers, transaction.as_deref())?;
    // Nothing is recorded where it could not be written.
    drop(prepare(files.clone())?);
    let mut printed = Vec::new();
    if let Some(transaction) = &mut transaction {
        printed = record(&report, &evaluation.window, (program, &evaluation.places, context), transaction)?;
    }
    transaction.map_or(Ok(()), Transaction::commit)?;
    let recorded = ledger.zip(lock).map(|(ledger, lock)| {
        let (window, started_at) = (evaluation.window.clone(), context.started_at.as_microsecond());
        Recorded { ledger, pipeline: program.name.clone(), window, started_at, printed, uncertain, _lock: lock }
    });
    let quarantine = quarantine(program, answers, context)?;
    let (stem, folder) = (context.stem.to_owned(), context.folder.to_owned());
    Ok(ReadyRun { report, files, quarantine, stem, folder, recorded })
}

/// What a run would do. It holds no means of writing.
///
/// # Errors
/// What keeps a run from being finished.
pub fn plan(plan: Plan, context: &RunContext<'_>) -> Result<RunReport, RunError> {
    let evaluation = Evaluation::new(plan, context)?;
    let is_deciding = !evaluation.plan.program().decisions.is_empty();
    let ledger = if is_deciding { LedgerReader::open(&ledger_folder(context.workspace))? } else { None };
    let decided = evaluation.decide(&evaluation.answers()?, ledger.as_ref())?;
    Ok(RunReport { mode: RunMode::Plan, ..decided.report })
}

/// Where the ledger of a workspace is.
pub fn ledger_folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".cpl")
}

/// A plan that is bound, and whose targets can be written.
struct Evaluation<'c> {
    plan: BoundPlan,
    window: String,
    places: Places,
    context: &'c RunContext<'c>,
}

/// What a run decides.
struct Decided {
    report: RunReport,
    /// The files that are written.
    files: Vec<FileEffects>,
    /// Effects of earlier runs that are not confirmed, and that nothing sends again.
    uncertain: Vec<i64>,
}

impl<'c> Evaluation<'c> {
    fn new(plan: Plan, context: &'c RunContext<'c>) -> Result<Self, RunError> {
        let plan = bind(plan, context.clock.clone(), false)?;
        let window = plan.clock().name(plan.program().every);
        check_targets(plan.program(), &window, context.folder, &read_files(plan.program(), context))?;
        let places = Places::of(plan.program(), context.folder, &context.workspace.root);
        Ok(Self { plan, window, places, context })
    }

    fn answers(&self) -> Result<Answers<RejectedRows>, RunError> {
        let inputs = self.context.inputs(&self.plan)?;
        Ok(self.context.engine(&inputs).run(&self.plan)?)
    }

    /// What is decided, given the past in a ledger.
    fn decide(&self, answers: &Answers<RejectedRows>, ledger: Option<&LedgerReader>) -> Result<Decided, RunError> {
        let (program, context) = (self.plan.program(), self.context);
        let (pipeline, window_start) = (program.name.as_str(), context.clock.now.timestamp().as_microsecond());
        let is_replay = matches!(context.fetching, Fetching::Replayed(_));
        let (places, failed) = (&self.places, RefCell::new(None));
        let past = LedgerPast { ledger, places, pipeline, window_start, is_replay, failed };
        let mut report = context.report(&self.plan, answers, &past, false).report();
        past.end()?;
        let files = file_effects(program, &report, &self.window, context.folder, places);
        // A replay reports a first run of its window.
        let ledger = ledger.filter(|_| !is_replay);
        let earlier = ledger.map(|ledger| ledger.effects_of(pipeline, window_start)).transpose()?.unwrap_or_default();
        let unconfirmed = ledger.map(|ledger| ledger.unconfirmed_before(pipeline, window_start)).transpose()?;
        let mut unconfirmed = unconfirmed.unwrap_or_default();
        // Those of this window's files are written again.
        let is_lost = |one: &&StoredEffect| {
            one.state == EffectState::Recorded && !files.iter().any(|file| file.place == one.effect.place)
        };
        unconfirmed.extend(earlier.iter().filter(is_lost).cloned());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in earlier {
            *counts.entry(one.effect.target).or_default() += 1;
        }
        report.effects = deliveries(&report, &files, &counts, program, &self.window);
        report.unconfirmed = by_target(&unconfirmed);
        report.expired = ledger.map_or(Ok(Vec::new()), |ledger| expired(ledger, pipeline, window_start))?;
        Ok(Decided { report, files, uncertain: unconfirmed.iter().map(|one| one.serial).collect() })
    }
}

/// The decisions of the window before that nobody said anything of, by their rules.
fn expired(ledger: &LedgerReader, pipeline: &str, window_start: i64) -> Result<Vec<Expired>, RunError> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for RecordedDecision { run, decision } in ledger.unapproved_before(pipeline, window_start)? {
        if ledger.verdict(&decision.id)?.is_none_or(|verdict| verdict.verdict == VerdictKind::Approved) {
            *counts.entry((run.window, decision.rule)).or_default() += 1;
        }
    }
    Ok(counts.into_iter().map(|((window, rule), decisions)| Expired { window, rule, decisions }).collect())
}

/// How many effects there are of each window for each target.
fn by_target(effects: &[StoredEffect]) -> Vec<Unconfirmed> {
    let mut counts: BTreeMap<(&String, &String), usize> = BTreeMap::new();
    for StoredEffect { effect, .. } in effects {
        *counts.entry((&effect.window, &effect.target)).or_default() += 1;
    }
    let unconfirmed = |((window, target), effects): ((&String, &String), usize)| Unconfirmed {
        window: window.clone(),
        target: target.clone(),
        effects,
    };
    counts.into_iter().map(unconfirmed).collect()
}

/// The files that the pipeline reads, where it has file targets. A file that is not there is reported by its fetch.
fn read_files(program: &Program, context: &RunContext<'_>) -> Vec<PathBuf> {
    if !program.targets.iter().any(|target| matches!(target.kind, TargetKind::File(_))) {
        return Vec::new();
    }
    let fetches = program.tables.iter().filter_map(|table| match &table.source {
        // What a server answers is no path, whatever stands in the query.
        TableSource::Fetch(fetch) => Some(fetch).filter(|fetch| fetch.is_local()),
        TableSource::Transform { .. } => None,
    });
    fetches.flat_map(|fetch| expand(fetch, context.folder).unwrap_or_default()).collect()
}

/// The rejected rows of all fetches that have some.
fn quarantine(
    program: &Program,
    answers: Answers<RejectedRows>,
    context: &RunContext<'_>,
) -> Result<Vec<QuarantineFile>, EffectError> {
    let mut files = Vec::new();
    for (id, mut read) in answers.read {
        let table = program.table(id);
        let text = read.rejected.text();
        let text = text.map_err(|error| EffectError::NotReadBack { table: table.name.clone(), kind: error.kind() })?;
        if let Some(text) = text {
            let path = quarantine_file(context.stem, &table.name);
            files.push(QuarantineFile { path, fetch: table.span, text: Box::new(text) });
        }
    }
    Ok(files)
}
