//! A report's decisions → rows of the ledger.

use cpl_effects::line;
use cpl_ledger::{Decision as DecisionRow, Effect, LedgerError, Run, Transaction};
use cpl_model::{
    program::Program,
    report::{Change, Decision, Pairs, RunReport, State},
    value::Value,
};
use cpl_rules::Resource;

use crate::past::Places;

/// Records the run, what became of the rows that its rules looked at, and the effects of those that fire.
///
/// # Errors
/// What the ledger refuses: nothing may leave then.
pub fn record(
    report: &RunReport,
    window: &str,
    places: &Places<'_>,
    transaction: &mut Transaction<'_>,
) -> Result<(), LedgerError> {
    let (program, context) = (places.program, places.context);
    let now = context.clock.now.timestamp().as_microsecond();
    let run = transaction.add(&Run {
        pipeline: report.pipeline.clone(),
        window: window.to_owned(),
        now,
        began: context.began.as_microsecond(),
        program: program.text.to_string(),
    })?;
    for decision in &report.decisions {
        let serial = transaction.add(&DecisionRow {
            run,
            id: decision.id.clone(),
            rule: decision.rule.clone(),
            key: json(&decision.key),
            state: word(decision.state).to_owned(),
            reason: decision.reason.clone(),
            because: json(&decision.because),
        })?;
        if decision.state != State::Fires {
            continue;
        }
        for (position, change) in decision.changes.iter().enumerate() {
            let key = change.row.as_ref().unwrap_or(&decision.key);
            let place = places.of(&change.target);
            transaction.add(&Effect {
                decision: serial,
                decision_id: decision.id.clone(),
                position: i64::try_from(position).unwrap_or(i64::MAX),
                at: now,
                target: change.target.clone(),
                thing: thing(decision, change, program).name(&place),
                place,
                key: json(key),
                name: change.column.clone(),
                before: change.from.raw(),
                after: change.to.raw(),
                payload: line(decision, position, change, report, window).text(),
            })?;
        }
    }
    Ok(())
}

/// The thing that a change changes.
fn thing(decision: &Decision, change: &Change, program: &Program) -> Resource {
    let target = program.targets.iter().find(|target| target.name == change.target);
    let target = target.unwrap_or_else(|| unreachable!("a target of the pipeline"));
    let arguments: Vec<(String, Option<Value>)> =
        change.arguments.0.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    let row: &Pairs = change.row.as_ref().unwrap_or(&decision.key);
    Resource::of(row, &arguments, target)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}

fn word(state: State) -> &'static str {
    match state {
        State::Fires => "fires",
        State::Held => "held",
        State::Undecided => "undecided",
        State::Suppressed => "suppressed",
        State::Quiet => "quiet",
    }
}
