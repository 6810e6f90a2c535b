//! Redo: a decision that came to nothing is taken anew, in its window.

use cpl_ledger::{DecisionState, EffectState, RecordedDecision, Redo, Step};
use cpl_model::workspace::Workspace;
use jiff::Timestamp;

use crate::decision::{DecisionError, check_window, find_recorded, is_rejected, ledger_with};

/// Says of a decision, of which nothing is changed by now, that the next run of its window takes it anew.
///
/// # Errors
/// Where something was changed or may have been, its window is over, or the ledger can't be written.
pub fn redo(
    workspace: &Workspace,
    id: &str,
    (by, why): (&str, Option<&str>),
    now: Timestamp,
) -> Result<RecordedDecision, DecisionError> {
    let mut ledger = ledger_with(id, workspace)?;
    let mut transaction = ledger.begin()?;
    let (id, last) = find_recorded(&transaction, id)?;
    check_window(&last, now)?;
    let effects = transaction.states(&id)?;
    let states: Vec<EffectState> = effects.iter().map(|one| one.state).collect();
    let why_not = match last.decision.state() {
        _ if last.decision.undoes.is_some() => Some("it takes a decision back: redo that one"),
        DecisionState::Acts => why_not(&states),
        _ if is_rejected(&transaction, &last.decision)? => Some("it was rejected: `cpl approve` takes that back"),
        DecisionState::Held | DecisionState::AwaitsApproval | DecisionState::Undecided => {
            Some("it was not carried out, and each run of its window decides it anew")
        }
    };
    if let Some(why) = why_not {
        return Err(DecisionError::NotRedone { id, why });
    }
    if transaction.is_redone(&id)? {
        return Err(DecisionError::NotRedone { id, why: "the next run of its window takes it anew already" });
    }
    // What waits for a cut must not be sent beside the new one.
    for held in effects.iter().filter(|one| one.state == EffectState::Held) {
        let (effect, at) = (held.serial, now.as_microsecond());
        let why = Some("the decision is taken anew".to_owned());
        transaction.add_step(&Step { effect, state: EffectState::Superseded, at, why })?;
    }
    let (by, why) = (by.to_owned(), why.map(str::to_owned));
    transaction.add(&Redo { decision_id: id, by, why, at: now.as_microsecond() })?;
    transaction.commit()?;
    Ok(last)
}

/// Why what became of effects keeps them from being redone.
fn why_not(states: &[EffectState]) -> Option<&'static str> {
    let is_some = |wanted: &[EffectState]| states.iter().any(|state| wanted.contains(state));
    if is_some(&[EffectState::Sent, EffectState::Uncertain, EffectState::Drifted]) {
        return Some("nobody knows yet what became of it: first `cpl settle`");
    }
    if is_some(&[EffectState::Recorded]) {
        return Some("it is not sent yet: the next run sends it");
    }
    is_some(&[EffectState::Confirmed]).then_some("it was carried out: first `cpl undo`")
}
