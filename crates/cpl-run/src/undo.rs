//! Undo: what decisions changed gets the value that it had, by effects of their own.

use std::{cmp::Ordering, collections::BTreeMap, path::Path, time::Instant};

use cpl_connect::Secrets;
use cpl_effects::{FileEffects, Paid, ServerEffect, prepare};
use cpl_ledger::{Decision, DecisionState, Effect, EffectState, LedgerReader, Run, RunLock, StoredEffect, Window};
use cpl_model::workspace::Workspace;
use cpl_rules::{parsed_decimal, short, undo_of};
use cpl_syntax::Span;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Delivered, RunError,
    apply::sends_through,
    decision::{DecisionError, find, ledger_with},
    inputs::TOKENS,
    ledgers::{ledger_folder, read_ledger},
    ready::{ReadyEffects, Recorded},
    record::{DecisionRecord, Record},
};

/// What is taken back, and what is not.
pub struct Undo {
    /// Decisions of which something is taken back.
    pub decisions: Vec<UndoneDecision>,
    /// What is not.
    pub not_undone: Vec<NotUndone>,
    /// None where nothing is taken back, or nothing may leave.
    ready: Option<ReadyEffects>,
}

/// A decision that is taken back.
pub struct UndoneDecision {
    /// The decision.
    pub decision: Decision,
    /// The one that takes it back: what it changes is in `changes`.
    pub undo: Decision,
    /// What leaves.
    effects: Vec<Effect>,
    /// Its effects were recorded before, and did not all arrive.
    is_recorded: bool,
}

/// An effect that is not taken back.
pub struct NotUndone {
    /// Its decision.
    pub decision: Decision,
    /// The effect.
    pub effect: Effect,
    /// Why.
    pub why: String,
}

/// Takes back what a decision changed, or all decisions of a run (`r17`), where it still is as they left it. The effects are
/// recorded, as those of the pipeline's newest window, and ready to leave; `folder` is that of its secrets.
///
/// # Errors
/// Where there is no such decision, the pipeline runs or is paused, or the ledger can't be used.
pub fn undo(
    (workspace, folder): (&Workspace, &Path),
    wanted: &str,
    (by, why): (&str, Option<&str>),
    now: Timestamp,
    acts: bool,
) -> Result<Undo, DecisionError> {
    let at = ledger_folder(workspace);
    if !acts {
        let Some(ledger) = read_ledger(workspace)? else { return Err(unknown(wanted)) };
        let (decisions, _) = wanted_decisions(&ledger, wanted)?;
        return Ok(proposed(&ledger, decisions)?);
    }
    let mut ledger = ledger_with(wanted, workspace)?;
    let (_, run) = wanted_decisions(&ledger, wanted)?;
    let lock = RunLock::take(&at, &run.pipeline)?;
    let since = Instant::now();
    let mut transaction = ledger.begin()?;
    let (decisions, _) = wanted_decisions(&transaction, wanted)?;
    if let Some(pause) = transaction.pause(&run.pipeline)? {
        return Err(DecisionError::Paused { pipeline: run.pipeline, pause });
    }
    let mut undo = proposed(&transaction, decisions)?;
    let Some(newest) = transaction.newest_run(&run.pipeline)?.filter(|_| !undo.decisions.is_empty()) else {
        return Ok(undo);
    };
    let secrets = Secrets::of(folder, workspace);
    let network = sends_through(undo.decisions.iter().flat_map(|one| &one.effects), &secrets, workspace)?;
    let files = files(&undo, workspace, &newest.window);
    for file in &files {
        if let Some((_, window)) = transaction.newest_at(&file.place)?.filter(|(start, _)| *start > newest.window_start)
        {
            let (pipeline, path) = (run.pipeline, file.path.clone());
            return Err(DecisionError::NewerFile { pipeline, path, window });
        }
    }
    drop(prepare(files.clone())?);
    let run = Run { started_at: now.as_microsecond(), inputs: None, settings: None, checks: None, ..newest };
    let said = format!("undone by {by}{}", why.map_or_else(String::new, |why| format!(": {why}")));
    let record = undo.record(&run, &said, &transaction)?;
    // What is only sent again is no run of its own.
    let mut printed = Vec::new();
    if !record.decisions.is_empty() {
        // All of it acts: whatever is known of the window, it is news.
        printed = record.write(&mut transaction, &Window::default())?;
    }
    transaction.commit()?;
    let only = undo.decisions.iter().map(|one| one.undo.id.clone()).collect();
    let tokens = workspace.root.join(TOKENS);
    let uncertain = Vec::new();
    let recorded =
        Recorded { ledger, run, since, printed, uncertain, secrets, network, tokens, lock, only: Some(only) };
    undo.ready = Some(ReadyEffects { recorded, files });
    Ok(undo)
}

impl Undo {
    /// Lets the effects out: what servers made of them.
    ///
    /// # Errors
    /// What the system refuses, and which effects servers did not carry out.
    pub fn send(self) -> Result<Delivered, RunError> {
        self.ready.map_or(Ok(Delivered::default()), ReadyEffects::send)
    }

    /// What of it is not recorded yet.
    fn record(&mut self, run: &Run, said: &str, ledger: &LedgerReader) -> Result<Record, RunError> {
        let program = ledger.program(&run.program)?.unwrap_or_default();
        let mut record =
            Record { program, run: run.clone(), metrics: Vec::new(), alerts: Vec::new(), decisions: Vec::new() };
        for one in &mut self.decisions {
            one.undo.reason = Some(said.to_owned());
            if one.is_recorded {
                continue;
            }
            // Guards count from now on, whenever the pipeline ran last.
            let at = run.window_start.max(run.started_at);
            let in_window = |effect: &Effect| Effect { window: run.window.clone(), window_start: at, ..effect.clone() };
            let effects = one.effects.iter().map(in_window).collect();
            let (decision, observations) = (one.undo.clone(), Vec::new());
            record.decisions.push(DecisionRecord { decision, effects, observations });
        }
        Ok(record)
    }
}

fn unknown(id: &str) -> DecisionError {
    DecisionError::Unknown { id: id.to_owned(), near: None }
}

/// The decisions that are wanted, and their run.
fn wanted_decisions(ledger: &LedgerReader, wanted: &str) -> Result<(Vec<Decision>, Run), DecisionError> {
    if let Some(serial) = wanted.strip_prefix(['r', 'R']).and_then(|serial| serial.parse().ok()) {
        let run = ledger.run(serial)?.ok_or_else(|| DecisionError::UnknownRun { id: wanted.to_owned() })?;
        let mut decisions = ledger.decisions_of(serial)?;
        decisions.retain(|decision| decision.undoes.is_none());
        return Ok((decisions, run));
    }
    let id = find(ledger, wanted)?;
    let acted = |one: &cpl_ledger::RecordedDecision| one.decision.state() == DecisionState::Acts;
    let history = ledger.history(&id)?;
    match history.iter().find(|one| acted(one)).or(history.last()) {
        Some(one) if acted(one) && one.decision.undoes.is_none() => Ok((vec![one.decision.clone()], one.run.clone())),
        Some(one) => Err(DecisionError::NotUndoable { decision: Box::new(one.decision.clone()) }),
        None => Err(unknown(wanted)),
    }
}

/// What of decisions is taken back.
fn proposed(ledger: &LedgerReader, decisions: Vec<Decision>) -> Result<Undo, RunError> {
    let mut undo = Undo { decisions: Vec::new(), not_undone: Vec::new(), ready: None };
    for decision in decisions {
        let (id, recorded) = attempt(ledger, &decision.id)?;
        let (mut effects, mut kept) = (Vec::new(), Vec::new());
        for stored in ledger.states(&decision.id)? {
            let is_in_it = recorded.iter().any(|one| one.effect.position == stored.effect.position);
            if !recorded.is_empty() && !is_in_it {
                let why = format!("its undo {} is under way, and comes first", short(&id));
                kept.push((stored.effect, why));
                continue;
            }
            match reverse(ledger, &stored, &decision.id, &id)? {
                Ok(effect) => effects.push(effect),
                Err(why) => kept.push((stored.effect, why)),
            }
        }
        // A half of what was moved would leave a total other than it was.
        if recorded.is_empty()
            && !kept.is_empty()
            && is_move(effects.iter().cloned().map(forward).chain(kept.iter().map(|(effect, _)| effect.clone())))
        {
            let whole = "the other half of the move can't be taken back".to_owned();
            kept.extend(effects.drain(..).map(|effect| (forward(effect), whole.clone())));
        }
        let not_undone = |(effect, why)| NotUndone { decision: decision.clone(), effect, why };
        undo.not_undone.extend(kept.into_iter().map(not_undone));
        if !effects.is_empty() {
            let undone = undoing(&decision, id, &effects);
            undo.decisions.push(UndoneDecision { decision, undo: undone, effects, is_recorded: !recorded.is_empty() });
        }
    }
    keep_totals(ledger, &mut undo)?;
    Ok(undo)
}

/// A rise that others of its rule pay for is only taken back with all of them.
fn keep_totals(ledger: &LedgerReader, undo: &mut Undo) -> Result<(), RunError> {
    let paid = |effect: &Effect| ServerEffect::of(&effect.payload).is_some_and(|sent| sent.paid == Paid::ByRule);
    let mut kept = Vec::new();
    for one in &undo.decisions {
        if one.is_recorded || !one.effects.iter().any(paid) {
            continue;
        }
        let whole = ledger.decisions_of(one.decision.run)?;
        let mut others = whole.iter().filter(|other| other.rule == one.decision.rule);
        let is_undone = |other: &Decision| {
            let is_kept = undo.not_undone.iter().any(|kept| kept.decision.id == other.id);
            !is_kept && undo.decisions.iter().any(|one| one.decision.id == other.id)
        };
        if !others.all(is_undone) {
            kept.push(one.decision.id.clone());
        }
    }
    let (kept, taken): (Vec<_>, Vec<_>) =
        std::mem::take(&mut undo.decisions).into_iter().partition(|one| kept.contains(&one.decision.id));
    undo.decisions = taken;
    for UndoneDecision { decision, effects, .. } in kept {
        let why = format!(
            "it keeps a total with others of its rule: `cpl undo r{}` takes all of them back, or none",
            decision.run
        );
        let not_undone = |effect| NotUndone { decision: decision.clone(), effect: forward(effect), why: why.clone() };
        undo.not_undone.extend(effects.into_iter().map(not_undone));
    }
    Ok(())
}

/// Whether effects of a decision go both ways.
fn is_move(effects: impl Iterator<Item = Effect>) -> bool {
    let direction = |effect: Effect| Some(parsed_decimal(&effect.after)?.cmp(&parsed_decimal(&effect.before)?));
    let mut directions: Vec<Ordering> = effects.filter_map(direction).collect();
    directions.sort_unstable();
    directions.dedup();
    directions.len() > 1
}

/// An effect as it was before it was turned round, as far as people are shown it.
fn forward(effect: Effect) -> Effect {
    Effect { before: effect.after, after: effect.before, ..effect }
}

/// The identity of the decision that takes one back, and its effects where they are recorded: one that came to nothing is
/// followed by another.
fn attempt(ledger: &LedgerReader, decision: &str) -> Result<(String, Vec<StoredEffect>), RunError> {
    let mut id = undo_of(decision);
    loop {
        let recorded = ledger.states(&id)?;
        // One that is held is sent once its cut is confirmed.
        let is_open = recorded
            .iter()
            .any(|one| one.state.is_open() || one.state.needs_person() || one.state == EffectState::Held);
        if recorded.is_empty() || is_open {
            return Ok((id, recorded));
        }
        id = undo_of(&id);
    }
}

/// The effect that takes one back, else why none does.
fn reverse(
    ledger: &LedgerReader,
    stored: &StoredEffect,
    decision: &str,
    undo: &str,
) -> Result<Result<Effect, String>, RunError> {
    let StoredEffect { effect, state, .. } = stored;
    match state {
        EffectState::Confirmed => {}
        EffectState::Recorded => return Ok(Err("it is not sent yet".to_owned())),
        EffectState::Sent | EffectState::Uncertain | EffectState::Drifted => {
            let id = short(decision);
            return Ok(Err(format!("it is {}: first `cpl settle {id} confirmed|refused`", state.word())));
        }
        EffectState::Undone => return Ok(Err("it is undone already".to_owned())),
        EffectState::Refused | EffectState::Superseded | EffectState::Expired | EffectState::Held => {
            return Ok(Err(format!("it was {}: it changed nothing", state.word())));
        }
    }
    let (Some(setting), Some(reverse)) = (effect.setting.as_deref().or(effect.name.as_deref()), &effect.reverse) else {
        let why = match effect.name {
            None => "nothing takes a call back",
            Some(_) => "an older version of cpl recorded it, and not what would take it back",
        };
        return Ok(Err(why.to_owned()));
    };
    if let Some(last) = ledger.last_change(&effect.resource, Some(setting), i64::MAX)?
        && last.effect.decision_id != effect.decision_id
        && last.effect.decision_id != undo
        && parsed_decimal(&last.effect.after) != parsed_decimal(&effect.after)
    {
        return Ok(Err(format!("{} changed it since, in window {}", last.decision.rule, last.run.window)));
    }
    // Where the value is read before it is changed, that says more than what a run saw in its data.
    let is_read = ServerEffect::of(&effect.payload).is_some_and(|sent| sent.read.is_some());
    let by_others = ledger.observed_after(&effect.resource, setting, stored.serial)?.filter(|_| !is_read);
    if let Some(seen) = by_others.filter(|seen| parsed_decimal(&seen.value) != parsed_decimal(&effect.after)) {
        return Ok(Err(format!("somebody else made it {} since", seen.value)));
    }
    Ok(Ok(Effect {
        decision_id: undo.to_owned(),
        before: effect.after.clone(),
        after: effect.before.clone(),
        // Recorded for the first decision that would take it back.
        payload: reverse.replace(&undo_of(decision), undo),
        reverse: None,
        ..effect.clone()
    }))
}

/// The decision that takes one back, by its effects.
fn undoing(decision: &Decision, id: String, effects: &[Effect]) -> Decision {
    let changes: Vec<Value> =
        decision.changes.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let is_undone = |position: usize| effects.iter().any(|effect| usize::try_from(effect.position) == Ok(position));
    let undone = changes.into_iter().enumerate().filter(|(position, _)| is_undone(*position)).map(|(_, mut change)| {
        let (from, to) = (change["from"].take(), change["to"].take());
        (change["from"], change["to"]) = (to, from);
        // What is passed on is in what leaves.
        change["arguments"] = Value::Object(serde_json::Map::new());
        change
    });
    Decision {
        id,
        undoes: Some(decision.id.clone()),
        state: Some(DecisionState::Acts),
        changes: Some(Value::Array(undone.collect()).to_string()),
        because: "[]".to_owned(),
        conditions: None,
        sends: None,
        ..decision.clone()
    }
}

/// The files that are written, as they are in that window.
fn files(undo: &Undo, workspace: &Workspace, window: &str) -> Vec<FileEffects> {
    let mut files = BTreeMap::new();
    for effect in undo.decisions.iter().flat_map(|one| &one.effects) {
        if let Some(path) = effect.place.strip_prefix("file:") {
            let path = path.replace("{window}", window);
            let file = workspace.root.join(&path);
            let effects =
                FileEffects { path, target: Span::default(), file, place: effect.place.clone(), lines: Vec::new() };
            files.insert(effect.place.clone(), effects);
        }
    }
    files.into_values().collect()
}
