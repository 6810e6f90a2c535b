//! A decision of the past: found by the beginning of its identity, told from the ledger alone.

use std::fmt;

use cpl_ledger::{
    Decision, DecisionState, Effect, EffectState, Ledger, LedgerError, LedgerReader, Pause, RecordedDecision, RunLock,
    Step, StoredEffect, Verdict, VerdictKind,
};
use cpl_model::workspace::Workspace;
use cpl_rules::short;
use cpl_syntax::nearest;
use jiff::Timestamp;

use crate::{
    RunError,
    ledgers::{ledger_folder, open_ledger, read_ledger},
    run::is_sent,
};

/// What the ledger knows of a decision.
pub struct DecisionStory {
    /// What it was in each run that recorded it, the first one first.
    pub history: Vec<RecordedDecision>,
    /// The text of the rule, as it was when it was recorded last; none where the ledger lacks it.
    pub rule: Option<String>,
    /// What persons said of it.
    pub verdicts: Vec<Verdict>,
    /// Its effects, and what became of each.
    pub effects: Vec<(Effect, Vec<Step>)>,
    /// The decision that takes it back.
    pub undo: Option<String>,
}

/// Why a decision can't be used as it was asked.
pub enum DecisionError {
    /// No decision has such an identity.
    Unknown {
        /// What was asked for.
        id: String,
        /// The nearest that there is.
        near: Option<String>,
    },
    /// Several have.
    Ambiguous {
        /// What was asked for.
        id: String,
        /// The first of them.
        found: Vec<String>,
    },
    /// It awaits no approval.
    NotWaiting {
        /// What it is.
        decision: Box<Decision>,
        /// Its effects.
        effects: Vec<StoredEffect>,
    },
    /// Nobody needs to settle it.
    Settled {
        /// What it is.
        id: String,
        /// What became of it.
        state: &'static str,
    },
    /// Its pipeline is paused.
    Paused {
        /// The pipeline.
        pipeline: String,
        /// The pause.
        pause: Pause,
    },
    /// Its file holds the effects of a newer window, which would be lost.
    NewerFile {
        /// The pipeline.
        pipeline: String,
        /// The file.
        path: String,
        /// That window.
        window: String,
    },
    /// No run has such a number.
    UnknownRun {
        /// What was asked for.
        id: String,
    },
    /// It changed nothing, or takes another one back itself.
    NotUndoable {
        /// What it is.
        decision: Box<Decision>,
    },
    /// It is not taken anew.
    NotRedone {
        /// What it is.
        id: String,
        /// Why.
        why: &'static str,
    },
    /// Its window is over, and an approval with it.
    Over {
        /// The window.
        window: String,
    },
    /// The ledger can't be used.
    Run(RunError),
}

impl<E: Into<RunError>> From<E> for DecisionError {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

impl fmt::Display for DecisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { id, near: Some(near) } => write!(f, "no decision is {id}: did you mean {}?", short(near)),
            Self::Unknown { id, near: None } => {
                write!(
                    f,
                    "no decision is {id}: `cpl log --decisions` shows their ids; what a plan shows `cpl run` records"
                )
            }
            Self::Ambiguous { id, found } => {
                let found: Vec<&str> = found.iter().map(|id| short(id)).collect();
                write!(f, "several decisions begin with {id}: {}", found.join(", "))
            }
            Self::NotWaiting { decision, effects } => {
                let id = short(&decision.id);
                match decision.state() {
                    DecisionState::Acts if effects.iter().any(is_unsent) => {
                        write!(
                            f,
                            "{id} is decided already, and not sent yet: the next run sends it, unless `cpl reject {id}` stops it"
                        )
                    }
                    DecisionState::Acts
                        if let [first, ..] = effects.as_slice()
                            && !effects.iter().any(|one| one.state.counts()) =>
                    {
                        let state = first.state.word();
                        write!(f, "{id} is {state} already: `cpl explain {id}` tells of it")
                    }
                    DecisionState::Acts => write!(f, "{id} was carried out already: `cpl explain {id}` tells of it"),
                    DecisionState::Held => {
                        write!(f, "{id} awaits no approval, it is held: {}", decision.reason.as_deref().unwrap_or(""))
                    }
                    DecisionState::Undecided => {
                        let why = decision.reason.as_deref().unwrap_or("");
                        write!(f, "{id} awaits no approval, it is undecided: {why}")
                    }
                    DecisionState::AwaitsApproval => write!(f, "{id} awaits an approval"),
                }
            }
            Self::Settled { id, state } => write!(f, "{} needs no settling: it is {state}", short(id)),
            Self::Paused { pipeline, pause } => {
                let why = pause.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
                write!(f, "{pipeline} is paused by {}{why}: nothing is sent until `cpl resume`", pause.by)
            }
            Self::NewerFile { pipeline, path, window } => write!(
                f,
                "`{path}` holds the effects of window {window} by another pipeline, which the undo would take the place of: \
                 run {pipeline} in that window, then undo"
            ),
            Self::UnknownRun { id } => write!(f, "no run is {id}: `cpl log` shows their numbers"),
            Self::NotUndoable { decision } => {
                let id = short(&decision.id);
                match &decision.undoes {
                    Some(of) => write!(f, "{id} takes {} back itself: `cpl redo {}`", short(of), short(of)),
                    None => write!(f, "{id} changed nothing (state: {})", decision.state().word()),
                }
            }
            Self::NotRedone { id, why } => write!(f, "{} is not taken anew: {why}", short(id)),
            Self::Over { window } => {
                write!(f, "its window {window} is over: the next run decides anew")
            }
            Self::Run(_) => f.write_str("the ledger can't be used"),
        }
    }
}

/// The one decision whose identity begins so.
pub fn find(ledger: &LedgerReader, id: &str) -> Result<String, DecisionError> {
    let id = id.to_lowercase();
    let is_id = id.len() >= 4 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut found = if is_id { ledger.decisions_like(&id)? } else { Vec::new() };
    match found.len() {
        0 => {
            let newest = ledger.newest_decisions(1_000)?;
            let length = id.len().clamp(1, 64);
            let beginnings: Vec<&str> = newest.iter().map(|one| one.get(..length).unwrap_or(one)).collect();
            let near = nearest(&id, beginnings.iter().copied());
            let near = near.and_then(|near| newest.iter().find(|one| one.starts_with(near)).cloned());
            Err(DecisionError::Unknown { id, near })
        }
        1 => Ok(found.remove(0)),
        _ => Err(DecisionError::Ambiguous { id, found }),
    }
}

/// The same, and what it was when it was recorded last.
pub fn find_recorded(ledger: &LedgerReader, id: &str) -> Result<(String, RecordedDecision), DecisionError> {
    let id = find(ledger, id)?;
    match ledger.history(&id)?.pop() {
        Some(last) => Ok((id, last)),
        None => Err(DecisionError::Unknown { id, near: None }),
    }
}

/// A person says something of a decision as long as its window goes on.
pub fn check_window(last: &RecordedDecision, now: Timestamp) -> Result<(), DecisionError> {
    if last.run.window_end.is_some_and(|end| end <= now.as_microsecond()) {
        return Err(DecisionError::Over { window: last.run.window.clone() });
    }
    Ok(())
}

/// The ledger that may know a decision. Where nothing ran none is made.
pub fn ledger_with(id: &str, workspace: &Workspace) -> Result<Ledger, DecisionError> {
    match read_ledger(workspace)? {
        Some(_) => Ok(open_ledger(workspace)?),
        None => Err(DecisionError::Unknown { id: id.to_owned(), near: None }),
    }
}

/// What the ledger of a workspace knows of a decision, by the beginning of its identity.
///
/// # Errors
/// Where there is none, or the ledger can't be read.
pub fn decision_story(workspace: &Workspace, id: &str) -> Result<DecisionStory, DecisionError> {
    let Some(ledger) = read_ledger(workspace)? else {
        return Err(DecisionError::Unknown { id: id.to_owned(), near: None });
    };
    let id = find(&ledger, id)?;
    let history = ledger.history(&id)?;
    let rule = match history.last() {
        Some(last) => ledger.program(&last.run.program)?.and_then(|text| rule_text(&text, &last.decision.rule)),
        None => None,
    };
    let (verdicts, effects) = (ledger.verdicts(&id)?, ledger.effects_of_decision(&id)?);
    let undo = ledger.undoing(&id)?.map(|undo| undo.id);
    Ok(DecisionStory { history, rule, verdicts, effects, undo })
}

/// A rule as a pipeline's text writes it.
fn rule_text(text: &str, rule: &str) -> Option<String> {
    let (file, _) = cpl_syntax::parse(text);
    let found = file.decides.iter().find(|decide| decide.name.value == rule)?;
    Some(found.span.of(text).to_owned())
}

/// What a person says of a decision.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// Whether it may be carried out.
    pub verdict: VerdictKind,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub why: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

impl Said<'_> {
    /// What the step of an effect tells of it.
    fn reason(&self) -> String {
        let why = self.why.map_or_else(String::new, |why| format!(": {why}"));
        format!("{} by {}{why}", self.verdict.word(), self.by)
    }
}

/// Says of a decision that awaits an approval that it may be carried out, or that it may not; of one that is recorded and not
/// sent yet that it may not: what is left of it is refused.
///
/// # Errors
/// Where it is neither, or its window is over, or a run of its pipeline is under way, or the ledger can't be written.
pub fn give_verdict(workspace: &Workspace, id: &str, said: Said<'_>) -> Result<RecordedDecision, DecisionError> {
    let mut ledger = ledger_with(id, workspace)?;
    let mut transaction = ledger.begin()?;
    let (id, last) = find_recorded(&transaction, id)?;
    if last.decision.state() == DecisionState::AwaitsApproval || is_rejected(&transaction, &last.decision)? {
        check_window(&last, said.now)?;
        transaction.add(&Verdict {
            decision_id: id,
            changes: last.decision.changes.clone().unwrap_or_default(),
            verdict: said.verdict,
            by: said.by.to_owned(),
            why: said.why.map(str::to_owned),
            at: said.now.as_microsecond(),
            sends: last.decision.sends.clone(),
        })?;
    } else {
        let effects = transaction.states(&id)?;
        if said.verdict == VerdictKind::Approved || !effects.iter().any(is_unsent) {
            return Err(DecisionError::NotWaiting { decision: Box::new(last.decision), effects });
        }
        // A run under way would send what is refused here; none begins to send while the transaction lasts.
        let _lock = RunLock::take(&ledger_folder(workspace), &last.run.pipeline)?;
        for effect in effects.iter().filter(|one| is_unsent(one)) {
            let (effect, at) = (effect.serial, said.now.as_microsecond());
            transaction.add_step(&Step { effect, state: EffectState::Refused, at, why: Some(said.reason()) })?;
        }
    }
    transaction.commit()?;
    Ok(last)
}

/// Whether an effect waits to be sent to its server. One of a file may have been handed over.
fn is_unsent(one: &StoredEffect) -> bool {
    one.state == EffectState::Recorded && is_sent(one)
}

/// Whether a decision is held because somebody rejected it: who did may think better of it.
pub fn is_rejected(ledger: &LedgerReader, decision: &Decision) -> Result<bool, LedgerError> {
    let rejects = |said: Verdict| said.verdict == VerdictKind::Rejected && Some(said.changes) == decision.changes;
    Ok(decision.state() == DecisionState::Held && ledger.verdict(&decision.id)?.is_some_and(rejects))
}

/// Says what became of the effects of a decision of which nobody knows: how many of them there were.
///
/// # Errors
/// Where there is none, or the ledger can't be written.
pub fn settle(
    workspace: &Workspace,
    id: &str,
    was_carried_out: bool,
    (by, why): (&str, Option<&str>),
    now: Timestamp,
) -> Result<(String, usize), DecisionError> {
    let folder = ledger_folder(workspace);
    let mut ledger = ledger_with(id, workspace)?;
    let id = find(&ledger, id)?;
    // A run that looks it up just now would go on with what it knew.
    let pipeline = ledger.history(&id)?.pop().map(|last| last.run.pipeline);
    let _lock = pipeline.map(|pipeline| RunLock::take(&folder, &pipeline)).transpose()?;
    let mut transaction = ledger.begin()?;
    let all = transaction.states(&id)?;
    let is_open = |one: &&StoredEffect| one.state.needs_person();
    let open: Vec<i64> = all.iter().filter(is_open).map(|one| one.serial).collect();
    if open.is_empty() {
        let state = all.first().map_or("held", |one| one.state.word());
        return Err(DecisionError::Settled { id, state });
    }
    let state = if was_carried_out { EffectState::Confirmed } else { EffectState::Refused };
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    for effect in &open {
        let step =
            Step { effect: *effect, state, at: now.as_microsecond(), why: Some(format!("settled by {by}{why}")) };
        transaction.add_step(&step)?;
    }
    transaction.commit()?;
    Ok((id, open.len()))
}
