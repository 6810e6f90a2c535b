//! A report's decisions → rows of the ledger.

use cpl_effects::{Places, resource_name};
use cpl_ledger::{Decision as DecisionRow, DecisionState, Effect, LedgerError, Observation, Run, Transaction};
use cpl_model::{
    program::{Program, TargetKind},
    report::{Change, Decision, RunReport, State},
};
use cpl_rules::{changes_text, unit};

use crate::{RunContext, payloads::Payloads};

/// What is recorded of a run beside its report.
pub struct RunRecord<'a> {
    pub program: &'a Program,
    pub places: &'a Places,
    pub window: &'a str,
    /// What leaves.
    pub payloads: &'a Payloads,
    pub context: &'a RunContext<'a>,
}

impl RunRecord<'_> {
    /// Records the run, its decisions, and the effects of those that act: the numbers of those that only the report shows.
    ///
    /// # Errors
    /// What the ledger refuses: nothing may leave then.
    pub fn record(&self, report: &RunReport, transaction: &mut Transaction<'_>) -> Result<Vec<i64>, LedgerError> {
        let Self { program, places, window, payloads, context } = *self;
        let window_start = context.clock.now.timestamp().as_microsecond();
        let mut printed = Vec::new();
        let program_name = transaction.add_program(&program.text)?;
        let run = transaction.add(&Run {
            pipeline: report.pipeline.clone(),
            window: window.to_owned(),
            window_start,
            started_at: context.started_at.as_microsecond(),
            program: program_name,
            window_end: Some(context.clock.end.timestamp().as_microsecond()),
        })?;
        for decision in &report.decisions {
            let sends = payloads.name(decision, places);
            let Some(serial) = record_decision(run, decision, sends, transaction)? else { continue };
            for observation in decision.changes.iter().filter_map(|change| observation(change, places, window_start)) {
                transaction.add(&observation)?;
            }
            if decision.state != State::Fires {
                continue;
            }
            for (position, change) in decision.changes.iter().enumerate() {
                let place = places.place(&change.target);
                let payload = payloads.effect(&decision.id, position);
                let effect = transaction.add(&Effect {
                    decision: serial,
                    decision_id: decision.id.clone(),
                    position: i64::try_from(position).unwrap_or(i64::MAX),
                    window: window.to_owned(),
                    window_start,
                    target: change.target.clone(),
                    place: place.to_owned(),
                    resource: change.resource.as_ref().map_or_else(String::new, |of| resource_name(of, place)),
                    key: json(change.row.as_ref().unwrap_or(&decision.key)),
                    name: change.column.clone(),
                    before: change.from.raw(),
                    after: change.to.raw(),
                    payload: payload.text.clone(),
                    setting: change.setting.clone(),
                    unit: unit(&change.to),
                    reverse: payload.reverse.clone(),
                })?;
                if program.target(&change.target).kind == TargetKind::Print {
                    printed.push(effect);
                }
            }
        }
        Ok(printed)
    }
}

/// Records a decision, unless it was recorded as it is: its number.
fn record_decision(
    run: i64,
    decision: &Decision,
    sends: Option<String>,
    transaction: &mut Transaction<'_>,
) -> Result<Option<i64>, LedgerError> {
    let state = match decision.state {
        State::Fires => DecisionState::Acts,
        State::Held if decision.awaits_approval => DecisionState::AwaitsApproval,
        State::Held => DecisionState::Held,
        State::Undecided => DecisionState::Undecided,
        State::Suppressed | State::Quiet => return Ok(None),
    };
    let row = DecisionRow {
        run,
        id: decision.id.clone(),
        rule: decision.rule.clone(),
        key: json(&decision.key),
        reason: decision.reason.clone(),
        because: json(&decision.because),
        state: Some(state),
        changes: Some(changes_text(&decision.changes)),
        conditions: Some(json(&decision.conditions)),
        undoes: None,
        sends,
    };
    if state != DecisionState::Acts {
        // What acted in this window is no news, and neither is what is held as before.
        let last = transaction.decision(&decision.id)?;
        let is_known = last.is_some_and(|last| {
            let acted = last.state.is_none_or(|state| state == DecisionState::Acts);
            acted || last == DecisionRow { run: last.run, ..row.clone() }
        });
        if is_known {
            return Ok(None);
        }
    }
    transaction.add(&row).map(Some)
}

/// A value that somebody else left, where this run is the first to see it.
fn observation(change: &Change, places: &Places, window_start: i64) -> Option<Observation> {
    let (resource, setting) = (change.resource.as_ref()?, change.setting.clone()?);
    change.is_first_seen.then(|| Observation {
        resource: resource_name(resource, places.place(&change.target)),
        setting,
        value: change.from.raw(),
        window_start,
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
