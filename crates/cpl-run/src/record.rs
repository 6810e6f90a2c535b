//! A report's decisions → rows of the ledger.

use cpl_effects::{Places, line};
use cpl_ledger::{Decision as DecisionRow, Effect, LedgerError, Run, Transaction};
use cpl_model::{
    program::{Program, Target, TargetKind},
    report::{Change, Decision, RunReport, State},
    value::Value,
};
use cpl_rules::Resource;

use crate::RunContext;

/// Records the run, its decisions that act, and their effects: the numbers of those that only the report shows.
///
/// # Errors
/// What the ledger refuses: nothing may leave then.
pub fn record(
    report: &RunReport,
    window: &str,
    (program, places, context): (&Program, &Places, &RunContext<'_>),
    transaction: &mut Transaction<'_>,
) -> Result<Vec<i64>, LedgerError> {
    let window_start = context.clock.now.timestamp().as_microsecond();
    let mut printed = Vec::new();
    let program_name = transaction.add_program(&program.text)?;
    let run = transaction.add(&Run {
        pipeline: report.pipeline.clone(),
        window: window.to_owned(),
        window_start,
        started_at: context.started_at.as_microsecond(),
        program: program_name,
    })?;
    for decision in report.decisions.iter().filter(|decision| decision.state == State::Fires) {
        let serial = transaction.add(&DecisionRow {
            run,
            id: decision.id.clone(),
            rule: decision.rule.clone(),
            key: json(&decision.key),
            reason: decision.reason.clone(),
            because: json(&decision.because),
        })?;
        for (position, change) in decision.changes.iter().enumerate() {
            let target = target(program, &change.target);
            let place = places.place(&change.target);
            let effect = transaction.add(&Effect {
                decision: serial,
                decision_id: decision.id.clone(),
                position: i64::try_from(position).unwrap_or(i64::MAX),
                window: window.to_owned(),
                window_start,
                target: change.target.clone(),
                place: place.to_owned(),
                resource: resource(decision, change, target).name_at(place),
                key: json(change.row.as_ref().unwrap_or(&decision.key)),
                name: change.column.clone(),
                before: change.from.raw(),
                after: change.to.raw(),
                payload: line(decision, position, change, report, window).text(),
            })?;
            if target.kind == TargetKind::Print {
                printed.push(effect);
            }
        }
    }
    Ok(printed)
}

fn target<'p>(program: &'p Program, name: &str) -> &'p Target {
    let found = program.targets.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| unreachable!("a target of the pipeline"))
}

/// What a change changes.
fn resource(decision: &Decision, change: &Change, target: &Target) -> Resource {
    let arguments: Vec<(String, Option<Value>)> =
        change.arguments.0.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    Resource::of(change.row.as_ref().unwrap_or(&decision.key), &arguments, target)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
