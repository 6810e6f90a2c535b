//! Platforms that learn anew after a change.

use cpl_model::{
    program::{Action, Decision, Learning, Program, Step, TargetKind, Via},
    value::Value,
};
use cpl_syntax::{Code, Diagnostic};
use rust_decimal::Decimal;

/// Changes that begin the learning anew, and rules that change a thing again while the platform still learns.
pub fn learns_anew(program: &Program, rule: &Decision) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in &rule.actions {
        let (step, via) = match action {
            Action::Change { step, via, .. }
            | Action::Move { amount: step, via, .. }
            | Action::MoveRows { amount: step, via, .. } => (step, via),
            Action::Call { .. } => continue,
        };
        let Some(learning) = learning(program, via) else { continue };
        let share = match step {
            Step::Share(share) => share.amount().map(|share| share.abs()),
            Step::Amount(_) | Step::To(_) => None,
        };
        // A guard may allow less than the rule asks for.
        let kept = rule.keep_change.as_ref().and_then(|keep| keep.within.amount());
        let share = share.map(|share| kept.map_or(share, |kept| share.min(kept))).or(kept);
        let is_above = share.zip(learning.restarts_above).map(|(share, most)| share > most);
        if is_above == Some(true) {
            found.push(too_large(rule, step, learning));
        }
        // What is small enough begins nothing anew.
        if is_above != Some(false) {
            found.extend(too_soon(rule, via, learning));
        }
    }
    found
}

fn learning<'p>(program: &'p Program, via: &Via) -> Option<&'p Learning> {
    match &program.targets.get(via.target)?.kind {
        TargetKind::Action(call) => call.action.learning.as_ref(),
        _ => None,
    }
}

fn too_large(rule: &Decision, step: &Step, learning: &Learning) -> Diagnostic {
    let most = learning.restarts_above.unwrap_or_default() * Decimal::ONE_HUNDRED;
    let most = most.normalize();
    Diagnostic::new(Code::W0217, format!("`{}` makes the platform learn anew with each change", rule.name))
        .at(step.expr().span, format!("more than {most}%"))
        .help(format!("change by at most {most}% at once ({})", learning.source))
}

fn too_soon(rule: &Decision, via: &Via, learning: &Learning) -> Option<Diagnostic> {
    if rule.cooldown.is_some_and(|cooldown| cooldown >= learning.within) {
        return None;
    }
    let within = Value::Duration(learning.within);
    let events = learning.events.map_or_else(String::new, |events| format!(", of about {events} events"));
    let message = format!("`{}` may change what the platform still learns", rule.name);
    Some(
        Diagnostic::new(Code::W0217, message)
            .at(via.span, format!("learns for {within} after a change{events}"))
            .help(format!("`cooldown {within}`: until then its figures say little ({})", learning.source)),
    )
}
