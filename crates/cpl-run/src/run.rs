//! A run: the plan's answers, the report of them, the record of what was decided, then the effects.

use std::{collections::BTreeMap, path::PathBuf};

use cpl_effects::{
    EffectError, FileEffects, PreparedFiles, QuarantineFile, check_targets, deliveries, file_effects, place_of,
    prepare, write_quarantine,
};
use cpl_exec::{RejectedRows, expand};
use cpl_ledger::{Effect, EffectState, Ledger, RunLock, Step};
use cpl_model::{
    program::{Program, TableSource, Target, TargetKind},
    report::{Expired, RunReport},
    workspace::Workspace,
};
use cpl_plan::{
    Plan,
    backend::{Answers, Backend},
    bind::{BoundPlan, bind},
};
use cpl_rules::quarantine_file;
use jiff::Timestamp;

use crate::{
    Fetching, RunContext, RunError,
    past::{LedgerPast, Places},
    record::record,
};

/// A run whose report is there and whose decisions are recorded; its effects are ready to leave.
pub struct ReadyRun {
    /// The report of it.
    pub report: RunReport,
    effects: PreparedFiles,
    quarantine: Vec<QuarantineFile>,
    stem: String,
    folder: PathBuf,
    /// None where the pipeline decides nothing.
    recorded: Option<Recorded>,
}

/// The ledger, and what is on its way.
struct Recorded {
    ledger: Ledger,
    pipeline: String,
    window: String,
    now: Timestamp,
    _lock: RunLock,
}

impl ReadyRun {
    /// Lets the effects out.
    ///
    /// # Errors
    /// What the system refuses; the error says what was sent.
    pub fn send(self) -> Result<(), RunError> {
        write_quarantine(&self.stem, &self.folder, self.quarantine)?;
        self.effects.put()?;
        self.recorded.map_or(Ok(()), Recorded::confirm)
    }
}

impl Recorded {
    /// Records that all effects of the window are where they should be.
    fn confirm(mut self) -> Result<(), RunError> {
        let mut transaction = self.ledger.begin()?;
        for effect in transaction.on_their_way(&self.pipeline, &self.window)? {
            let step = Step { effect, state: EffectState::Confirmed, at: self.now.as_microsecond() };
            transaction.add(&step)?;
        }
        Ok(transaction.commit()?)
    }
}

/// Runs a plan up to where its effects leave.
///
/// # Errors
/// What kept the run from being finished. No effect was sent then.
pub fn run(plan: Plan, context: &RunContext<'_>) -> Result<ReadyRun, RunError> {
    let run = Ready::new(plan, context)?;
    let program = run.plan.program();
    let folder = ledger_folder(context.workspace);
    let decides = !program.decisions.is_empty();
    let lock = decides.then(|| RunLock::take(&folder, &program.name)).transpose()?;
    // Nothing is asked for where nothing could be recorded.
    decides.then(|| Ledger::read(&folder)).transpose()?;
    let answers = run.answers()?;
    let mut ledger = decides.then(|| Ledger::open(&folder)).transpose()?;
    // From here on no other pipeline decides: what this one sees of the past stays so until its own decisions are recorded.
    let mut transaction = ledger.as_mut().map(Ledger::begin).transpose()?;
    let (report, effects, expired) = run.decide(&answers, transaction.as_deref())?;
    let effects = prepare(effects)?;
    if let Some(transaction) = &mut transaction {
        record(&report, &run.window, &run.places(), transaction)?;
        for effect in expired {
            let at = context.began.as_microsecond();
            transaction.add(&Step { effect, state: EffectState::Expired, at })?;
        }
    }
    transaction.map_or(Ok(()), cpl_ledger::Transaction::commit)?;
    let recorded = ledger.zip(lock).map(|(ledger, lock)| {
        let (pipeline, window, now) = (program.name.clone(), run.window.clone(), context.began);
        Recorded { ledger, pipeline, window, now, _lock: lock }
    });
    let quarantine = quarantine(program, answers, context)?;
    Ok(ReadyRun {
        report,
        effects,
        quarantine,
        stem: context.stem.to_owned(),
        folder: context.folder.to_owned(),
        recorded,
    })
}

/// What a run would do. It holds no means of writing.
///
/// # Errors
/// What keeps a run from being finished.
pub fn plan(plan: Plan, context: &RunContext<'_>) -> Result<RunReport, RunError> {
    let run = Ready::new(plan, context)?;
    let decides = !run.plan.program().decisions.is_empty();
    let ledger = if decides { Ledger::read(&ledger_folder(context.workspace))? } else { None };
    let (report, ..) = run.decide(&run.answers()?, ledger.as_ref())?;
    Ok(RunReport { planned: true, ..report })
}

/// Where the ledger of a workspace is.
pub fn ledger_folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".cpl")
}

/// A plan that is bound, and whose targets can be written.
struct Ready<'c> {
    plan: BoundPlan,
    window: String,
    context: &'c RunContext<'c>,
}

/// The report, the effects of it, and those of other windows that never left.
type Decided = (RunReport, Vec<FileEffects>, Vec<i64>);

impl<'c> Ready<'c> {
    fn new(plan: Plan, context: &'c RunContext<'c>) -> Result<Self, RunError> {
        let plan = bind(plan, context.clock.clone(), false)?;
        let window = plan.clock().name(plan.program().every);
        check_targets(plan.program(), &window, context.folder, &read_files(plan.program(), context))?;
        Ok(Self { plan, window, context })
    }

    fn answers(&self) -> Result<Answers<RejectedRows>, RunError> {
        let inputs = self.context.inputs(&self.plan)?;
        Ok(self.context.engine(&inputs).run(&self.plan)?)
    }

    fn places(&self) -> Places<'_> {
        Places { program: self.plan.program(), context: self.context }
    }

    /// What is decided, given the past that a ledger tells.
    fn decide(&self, answers: &Answers<RejectedRows>, ledger: Option<&Ledger>) -> Result<Decided, RunError> {
        let (program, context) = (self.plan.program(), self.context);
        let past = LedgerPast::new(ledger, &self.window, self.places());
        let mut report = context.report(&self.plan, answers, &past, false).report();
        past.end()?;
        // A replay tells what that run did.
        let ledger = ledger.filter(|_| !matches!(context.fetching, Fetching::Replayed(_)));
        let earlier = ledger.map(|ledger| ledger.effects_of(&program.name, &self.window)).transpose()?;
        let earlier: Vec<Effect> = earlier.unwrap_or_default().into_iter().map(|(_, effect)| effect).collect();
        let mut effects = file_effects(program, &report, &self.window, context.folder);
        for file in &mut effects {
            let of_target = |target: &&Target| target.span == file.target;
            let place = program
                .targets
                .iter()
                .find(of_target)
                .map(|target| place_of(target, &program.name, context.folder, &context.workspace.root));
            let there = earlier.iter().filter(|effect| Some(&effect.place) == place.as_ref());
            file.earlier = there.map(|effect| effect.payload.clone()).collect();
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for effect in earlier {
            *counts.entry(effect.target).or_default() += 1;
        }
        report.effects = deliveries(&report, &effects, &counts, program, &self.window);
        let left_behind = ledger.map(|ledger| ledger.left_behind(&program.name, &self.window)).transpose()?;
        let left_behind = left_behind.unwrap_or_default();
        report.expired = expired(left_behind.iter().map(|(_, window, effect)| (window, effect)));
        Ok((report, effects, left_behind.into_iter().map(|(serial, ..)| serial).collect()))
    }
}

/// How many effects of each window never left for each target.
fn expired<'e>(effects: impl Iterator<Item = (&'e String, &'e Effect)>) -> Vec<Expired> {
    let mut counts: BTreeMap<(&String, &String), usize> = BTreeMap::new();
    for (window, effect) in effects {
        *counts.entry((window, &effect.target)).or_default() += 1;
    }
    let expired = |((window, target), effects): ((&String, &String), usize)| Expired {
        window: window.clone(),
        target: target.clone(),
        effects,
    };
    counts.into_iter().map(expired).collect()
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
