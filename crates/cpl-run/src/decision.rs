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
        /// It is recorded, and not sent yet.
        is_unsent: bool,
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
            Self::NotWaiting { decision, is_unsent } => {
                let id = short(&decision.id);
                match decision.state() {
                    DecisionState::Acts if *is_unsent => {
                        write!(
                            f,
                            "{id} is decided already, and not sent yet: the next run sends it, unless `cpl pause` keeps it"
                        )
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

/// Says of a decision that awaits an approval that it may be carried out, or that it may not.
///
/// # Errors
/// Where it awaits none, or its window is over, or the ledger can't be written.
pub fn give_verdict(
    workspace: &Workspace,
    id: &str,
    verdict: VerdictKind,
    (by, why): (&str, Option<&str>),
    now: Timestamp,
) -> Result<RecordedDecision, DecisionError> {
    let mut ledger = ledger_with(id, workspace)?;
    let mut transaction = ledger.begin()?;
    let (id, last) = find_recorded(&transaction, id)?;
    if last.decision.state() != DecisionState::AwaitsApproval && !is_rejected(&transaction, &last.decision)? {
        let is_unsent = transaction.states(&id)?.iter().any(|one| one.state == EffectState::Recorded);
        return Err(DecisionError::NotWaiting { decision: Box::new(last.decision), is_unsent });
    }
    check_window(&last, now)?;
    transaction.add(&Verdict {
        decision_id: id,
        changes: last.decision.changes.clone().unwrap_or_default(),
        verdict,
        by: by.to_owned(),
        why: why.map(str::to_owned),
        at: now.as_microsecond(),
        sends: last.decision.sends.clone(),
    })?;
    transaction.commit()?;
    Ok(last)
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
