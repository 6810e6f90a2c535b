//! What a pipeline did over a time, from the ledger: how much was decided, what was wrong with the data, how fast it acted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cpl_ledger::{Decision, DecisionState, Effect, EffectState, LogFilter, LoggedRun, RecordedDecision, Step};
use cpl_model::workspace::Workspace;
use serde::Serialize;

use crate::{
    RunError,
    ledgers::read_ledger,
    record::{BrokenCheck, Input},
};

/// How long one decision takes a person, where `cpl.yaml` says nothing of it.
const BY_HAND: Duration = Duration::from_mins(10);

/// What a pipeline did over a time.
#[derive(Debug, Serialize)]
pub struct History {
    /// The pipeline.
    pub pipeline: String,
    /// How many runs there were.
    pub runs: usize,
    /// Of how many windows.
    pub windows: usize,
    /// What each rule decided.
    pub rules: Vec<RuleHistory>,
    /// What was wrong with the data, by kind.
    pub data: Vec<DataErrors>,
    /// How long it took from the newest file that was read to the first effect that was carried out; none where no run
    /// tells.
    pub to_action: Option<ToAction>,
    /// What was decided.
    #[serde(skip)]
    pub taken: Vec<Taken>,
}

/// What a rule decided.
#[derive(Debug, Default, Serialize)]
pub struct RuleHistory {
    /// The rule.
    pub rule: String,
    /// Decisions that were carried out, at least in part.
    pub carried_out: usize,
    /// Of them those that were taken back.
    pub undone: usize,
    /// Decisions of which nobody knows.
    pub uncertain: usize,
    /// Decisions that were not carried out.
    pub not_carried_out: usize,
    /// Rows that were held or could not be decided.
    pub held: usize,
    /// How many seconds a person would have taken for those that were carried out.
    pub by_hand_seconds: u64,
}

/// What was wrong with the data.
#[derive(Debug, Serialize)]
pub struct DataErrors {
    /// Of what kind.
    pub kind: String,
    /// How often, over all runs: checks that did not hold, or rows that were rejected.
    pub found: u64,
    /// How many decisions were held by it.
    pub held: u64,
}

/// How long it took to act, in seconds.
#[derive(Debug, Serialize)]
pub struct ToAction {
    /// Half of the runs took less.
    pub median: i64,
    /// The slowest.
    pub longest: i64,
    /// How many runs tell.
    pub runs: usize,
}

/// A decision that was carried out, and all of its run that is needed to take it again.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The decision, and its run.
    pub recorded: RecordedDecision,
    /// The pipeline's text, as it was.
    pub program: Arc<str>,
}

/// A time, in microseconds since 1970: from the first moment to the one before the second.
pub type Period = (i64, i64);

/// What a pipeline did in the runs of a time; none where it never ran.
///
/// # Errors
/// Where the ledger can't be read.
pub fn history(workspace: &Workspace, pipeline: &str, (since, until): Period) -> Result<Option<History>, RunError> {
    let Some(ledger) = read_ledger(workspace)? else { return Ok(None) };
    let filter = LogFilter {
        pipeline: Some(pipeline.to_owned()),
        rule: None,
        value: None,
        state: None,
        since,
        until,
        limit: u32::MAX,
    };
    let runs: Vec<LoggedRun> = ledger.log_runs(&filter)?.into_iter().filter(|run| !run.is_undo).collect();
    if runs.is_empty() && !ledger.pipelines()?.iter().any(|known| known == pipeline) {
        return Ok(None);
    }
    let mut decisions = ledger.log_decisions(&filter)?;
    decisions.retain(|one| one.decision.undoes.is_none());
    let (mut rules, mut taken, mut first_effects) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let mut programs: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for recorded in decisions.into_iter().rev() {
        let effects = ledger.effects_of_decision(&recorded.decision.id)?;
        count(&recorded.decision, &effects, &mut rules);
        if is_carried_out(&effects) {
            note_first(&recorded.decision, &effects, &mut first_effects);
            let program = match programs.get(&recorded.run.program) {
                Some(program) => Arc::clone(program),
                None => Arc::from(ledger.program(&recorded.run.program)?.unwrap_or_default()),
            };
            programs.insert(recorded.run.program.clone(), Arc::clone(&program));
            taken.push(Taken { recorded, program });
        }
    }
    let by_hand = workspace.settings.by_hand.unwrap_or(BY_HAND).as_secs();
    let mut rules: Vec<RuleHistory> = rules.into_values().collect();
    for rule in &mut rules {
        rule.by_hand_seconds = by_hand.saturating_mul(rule.carried_out as u64);
    }
    let mut windows: Vec<i64> = runs.iter().map(|run| run.run.window_start).collect();
    windows.sort_unstable();
    windows.dedup();
    Ok(Some(History {
        pipeline: pipeline.to_owned(),
        runs: runs.len(),
        windows: windows.len(),
        rules,
        data: data_errors(&runs),
        to_action: to_action(&runs, &first_effects),
        taken,
    }))
}

fn is_carried_out(effects: &[(Effect, Vec<Step>)]) -> bool {
    let state = |steps: &[Step]| steps.last().map(|step| step.state);
    effects.iter().any(|(_, steps)| matches!(state(steps), Some(EffectState::Confirmed | EffectState::Undone)))
}

fn count(decision: &Decision, effects: &[(Effect, Vec<Step>)], rules: &mut BTreeMap<String, RuleHistory>) {
    let rule = rules.entry(decision.rule.clone()).or_default();
    rule.rule.clone_from(&decision.rule);
    let is_some = |wanted: &[EffectState]| {
        effects.iter().any(|(_, steps)| steps.last().is_some_and(|step| wanted.contains(&step.state)))
    };
    if decision.state() != DecisionState::Acts {
        rule.held += 1;
    } else if is_carried_out(effects) {
        rule.carried_out += 1;
        rule.undone += usize::from(is_some(&[EffectState::Undone]));
    } else if is_some(&[EffectState::Sent, EffectState::Uncertain, EffectState::Drifted]) {
        rule.uncertain += 1;
    } else {
        rule.not_carried_out += 1;
    }
}

/// When the first effect of each run was carried out.
fn note_first(decision: &Decision, effects: &[(Effect, Vec<Step>)], first: &mut BTreeMap<i64, i64>) {
    let steps = effects.iter().flat_map(|(_, steps)| steps);
    let Some(at) = steps.filter(|step| step.state == EffectState::Confirmed).map(|step| step.at).min() else { return };
    let known = first.entry(decision.run).or_insert(at);
    *known = at.min(*known);
}

fn data_errors(runs: &[LoggedRun]) -> Vec<DataErrors> {
    let mut kinds: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for run in runs {
        let checks: Vec<BrokenCheck> = parsed(run.run.checks.as_deref());
        for check in checks {
            let (found, held) = kinds.entry(check.kind).or_default();
            (*found, *held) = (*found + 1, *held + check.held);
        }
        let inputs: Vec<Input> = parsed(run.run.inputs.as_deref());
        let bad: u64 = inputs.iter().map(|input| input.bad_rows).sum();
        if bad > 0 {
            kinds.entry("rows that were rejected".to_owned()).or_default().0 += bad;
        }
    }
    let errors = |(kind, (found, held))| DataErrors { kind, found, held };
    kinds.into_iter().map(errors).collect()
}

fn to_action(runs: &[LoggedRun], first_effects: &BTreeMap<i64, i64>) -> Option<ToAction> {
    let seconds = |run: &LoggedRun| {
        let inputs: Vec<Input> = parsed(run.run.inputs.as_deref());
        let modified = inputs.iter().flat_map(|input| &input.files).filter_map(|file| file.modified.as_ref());
        let newest = modified.filter_map(|text| text.parse::<jiff::Timestamp>().ok()).max()?.as_microsecond();
        let acted = first_effects.get(&run.serial)?;
        Some((acted - newest) / 1_000_000).filter(|seconds| *seconds >= 0)
    };
    let mut all: Vec<i64> = runs.iter().filter_map(seconds).collect();
    all.sort_unstable();
    Some(ToAction { median: *all.get(all.len() / 2)?, longest: *all.last()?, runs: all.len() })
}

fn parsed<T: serde::de::DeserializeOwned>(json: Option<&str>) -> Vec<T> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}
