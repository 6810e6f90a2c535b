//! A run: the plan's answers, the report of them, the record of what was decided, then the effects.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Instant,
};

use cpl_connect::{Network, Secrets};
use cpl_effects::{
    EffectError, FileEffects, Places, QuarantineFile, ServerEffect, check_targets, deliveries, file_effects, prepare,
};
use cpl_exec::RejectedRows;
use cpl_ledger::{
    EffectState, Ledger, LedgerReader, RecordedDecision, RunLock, StoredEffect, Transaction, VerdictKind, Window,
    WindowId,
};
use cpl_model::{
    program::{Program, TargetKind},
    report::{Decision, Expired, RunMode, RunReport, State, Unconfirmed},
};
use cpl_plan::{
    Plan,
    backend::{Answers, Backend},
    bind::BoundPlan,
};
use cpl_rules::{QuietRows, changes_text, quarantine_file, short};

use crate::{
    Fetching, RunContext, RunError,
    apply::PlannedRun,
    error::RequestError,
    inputs::TOKENS,
    ledgers::{existing_ledger, ledger_folder, open_ledger, read_ledger, workspace_name},
    local_files::local_files,
    network::network,
    past::{LedgerPast, PastSeen},
    payloads::Payloads,
    ready::{ReadyRun, Recorded},
    record::{Record, RecordBuilder},
    restated::restated,
    secrets::missing_of_target,
    server_effects::is_of_server,
};

/// Runs a plan up to where its effects leave.
///
/// # Errors
/// What kept the run from being finished. No effect was sent then.
pub fn run(plan: Plan, context: &RunContext<'_>) -> Result<ReadyRun, RunError> {
    let since = Instant::now();
    let folder = ledger_folder(context.workspace);
    let remembers = plan.program().remembers();
    // Nothing is asked for where it could not be sent.
    can_be_written(plan.program(), context)?;
    let secrets = Secrets::of(context.folder, context.workspace);
    let network = sends_through(plan.program(), &secrets, context)?;
    // What the pipeline did before stays as it is from here on.
    let lock = remembers.then(|| RunLock::take(&folder, &plan.program().name)).transpose()?;
    let evaluation = Evaluation::new(plan, context)?;
    let program = evaluation.plan.program();
    // Nothing is asked for where nothing could be recorded.
    let existing = if remembers { existing_ledger(context.workspace)? } else { None };
    let answers = evaluation.answers()?;
    // What can't be fetched makes no ledger.
    let mut ledger = remembers.then(|| existing.map_or_else(|| open_ledger(context.workspace), Ok)).transpose()?;
    // From here on no other pipeline decides: what this one sees of the past stays so until its own decisions are recorded.
    let mut transaction = ledger.as_mut().map(Ledger::begin).transpose()?;
    let decisions = evaluation.decide(&answers, transaction.as_deref())?;
    let Decided { report, files, payloads, uncertain, workspace, window } = decisions;
    // Nothing is recorded where it could not be written.
    drop(prepare(files.clone())?);
    let (mut printed, record) = (Vec::new(), evaluation.record(&report, &payloads, &workspace));
    if let Some(transaction) = &mut transaction {
        printed = record.write(transaction, &window)?;
    }
    transaction.map_or(Ok(()), Transaction::commit)?;
    let recorded = ledger.zip(lock).map(|(ledger, lock)| Recorded {
        ledger,
        run: record.run,
        since,
        printed,
        uncertain,
        secrets,
        network,
        tokens: context.workspace.root.join(TOKENS),
        lock,
        only: None,
    });
    let quarantine = quarantine(program, answers, context)?;
    let (stem, folder) = (context.stem.to_owned(), context.folder.to_owned());
    Ok(ReadyRun { report, files, quarantine, stem, folder, recorded })
}

/// What a run would do, and how `apply` does exactly that. It holds no means of writing.
///
/// # Errors
/// What keeps a run from being finished.
pub fn plan(plan: Plan, context: &RunContext<'_>) -> Result<(RunReport, PlannedRun), RunError> {
    let ledger = if plan.program().remembers() { read_ledger(context.workspace)? } else { None };
    // What is decided elsewhere from here on makes the plan an old one.
    let end = ledger.as_ref().map(LedgerReader::end).transpose()?;
    can_be_written(plan.program(), context)?;
    let evaluation = Evaluation::new(plan, context)?;
    let answers = evaluation.answers()?;
    let snapshot = ledger.as_ref().map(LedgerReader::snapshot).transpose()?;
    let decided = evaluation.decide(&answers, ledger.as_ref())?;
    drop(snapshot);
    let Decided { report, files, payloads, uncertain, workspace, window: _ } = decided;
    let record = evaluation.record(&report, &payloads, &workspace);
    let planned = PlannedRun::of(record, files, uncertain, end, context.file);
    Ok((RunReport { mode: RunMode::Plan, ..report }, planned))
}

/// A plan that is bound.
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
    /// What leaves.
    payloads: Payloads,
    /// Effects of earlier runs that are not confirmed, and that nothing sends again.
    uncertain: Vec<i64>,
    /// The name in which they are counted.
    workspace: String,
    /// What was known of the window before this run.
    window: Window,
}

impl<'c> Evaluation<'c> {
    fn new(plan: Plan, context: &'c RunContext<'c>) -> Result<Self, RunError> {
        // Rows that are decided by themselves are compared, also where they are quiet.
        let all = context.past == PastSeen::Nothing || context.quiet == QuietRows::All;
        let plan = if all { plan.with_quiet_rows() } else { plan };
        let plan = context.bound(plan)?;
        let window = plan.clock().name(plan.program().every);
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
        let seen = if is_replay { PastSeen::BeforeWindow } else { context.past };
        let workspace = workspace_name(context.workspace, ledger)?;
        let ledger = ledger.filter(|_| seen != PastSeen::Nothing);
        let (places, of) = (&self.places, WindowId { pipeline, name: &self.window, start: window_start });
        let current = ledger.filter(|_| seen == PastSeen::All);
        let window = current.map(|ledger| ledger.window(of)).transpose()?;
        let past = LedgerPast::new(ledger, places, of, seen, window.as_ref());
        let show_quiet = seen == PastSeen::Nothing;
        let mut report = context.report(&self.plan, answers, (&past, &workspace), show_quiet).report();
        past.end()?;
        let payloads = Payloads::of(&report, &self.plan, &self.window)?;
        self.hold_other_requests(&mut report, &payloads, current)?;
        let files = file_effects(program, &report, &self.window, context.folder, places);
        let window = window.unwrap_or_default();
        let earlier = window.effects();
        report.restated = restated(&report, &window, program);
        let before = current.map(|ledger| ledger.open_before(of)).transpose()?.unwrap_or_default();
        // Those of this window's files are written again, and those of servers are sent.
        let is_lost = |one: &&StoredEffect| match one.state {
            EffectState::Recorded => !is_sent(one) && !files.iter().any(|file| file.place == one.effect.place),
            EffectState::Sent | EffectState::Uncertain => is_sent(one),
            _ => false,
        };
        let is_left = |one: &&StoredEffect| is_sent(one) || one.state == EffectState::Recorded;
        let unconfirmed: Vec<StoredEffect> =
            before.iter().filter(is_left).chain(earlier.iter().filter(is_lost)).cloned().collect();
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for one in earlier {
            let is_unsent = one.state == EffectState::Recorded && is_sent(one);
            let (all, unsent) = counts.entry(one.effect.target.clone()).or_default();
            // What came to nothing is none.
            *all += usize::from(one.state.counts());
            *unsent += usize::from(is_unsent);
        }
        report.effects = deliveries(&report, &files, &counts, program, &self.window);
        report.unconfirmed = by_target(&unconfirmed);
        report.expired = current.map_or(Ok(Vec::new()), |ledger| expired(ledger, of))?;
        let uncertain = unconfirmed.iter().filter(|one| !is_sent(one)).map(|one| one.serial).collect();
        Ok(Decided { report, files, payloads, uncertain, workspace, window })
    }

    /// What is recorded of a report.
    fn record(&self, report: &RunReport, payloads: &Payloads, workspace: &str) -> Record {
        let (program, places, window, context) = (self.plan.program(), &self.places, &self.window, self.context);
        RecordBuilder { program, places, window, payloads, context, workspace }.record(report)
    }

    /// Holds what was approved where something else would leave by it now: an approval is of what is sent, to where.
    fn hold_other_requests(
        &self,
        report: &mut RunReport,
        payloads: &Payloads,
        ledger: Option<&LedgerReader>,
    ) -> Result<(), RunError> {
        let Some(ledger) = ledger else { return Ok(()) };
        let is_approved =
            |name: &str| self.plan.program().decisions.iter().any(|rule| rule.name == name && rule.approval.is_some());
        let firing = |decision: &&mut Decision| decision.state == State::Fires && is_approved(&decision.rule);
        for decision in report.decisions.iter_mut().filter(firing) {
            let Some(verdict) = ledger.verdict(&decision.id)? else { continue };
            let is_of_change = verdict.changes == changes_text(&decision.changes);
            // Verdicts of the version before say nothing of what is sent.
            if is_of_change && verdict.sends.is_some() && verdict.sends != payloads.name(decision, &self.places) {
                let id = short(&decision.id);
                decision.state = State::Held;
                decision.awaits_approval = true;
                let why = "approval required: it was approved for another request";
                decision.reason = Some(format!("{why}: `cpl approve {id}`"));
            }
        }
        Ok(())
    }
}

/// Whether the targets that are files can be written.
fn can_be_written(program: &Program, context: &RunContext<'_>) -> Result<(), RunError> {
    let window = context.clock.name(program.every);
    Ok(check_targets(program, &window, context.folder, &read_files(program, context))?)
}

/// The network by which effects leave, where all secrets are there that they need.
fn sends_through(program: &Program, secrets: &Secrets, context: &RunContext<'_>) -> Result<Network, RunError> {
    let via = program.decisions.iter().flat_map(|rule| &rule.actions).map(|action| action.via().target);
    let targets: BTreeSet<usize> = via.filter(|target| is_of_server(&program.targets[*target])).collect();
    let Some(first) = targets.first() else { return Ok(Network::default()) };
    let missing: Vec<RequestError> =
        targets.iter().flat_map(|target| missing_of_target(&program.targets[*target], secrets)).collect();
    if !missing.is_empty() {
        return Err(RunError::Request(missing));
    }
    let at = program.targets[*first].span;
    network(context.workspace, secrets).map_err(|cause| RunError::Request(vec![RequestError { at, cause }]))
}

/// Whether an effect is sent to a server.
pub fn is_sent(one: &StoredEffect) -> bool {
    ServerEffect::of(&one.effect.payload).is_some()
}

/// The decisions of the window before that nobody said anything of, by their rules.
fn expired(ledger: &LedgerReader, of: WindowId<'_>) -> Result<Vec<Expired>, RunError> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for RecordedDecision { run, decision } in ledger.unapproved_before(of)? {
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

/// The files that the pipeline reads, where it has file targets.
fn read_files(program: &Program, context: &RunContext<'_>) -> Vec<PathBuf> {
    if !program.targets.iter().any(|target| matches!(target.kind, TargetKind::File(_))) {
        return Vec::new();
    }
    local_files(program, context.folder)
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
