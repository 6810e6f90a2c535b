//! Platforms that learn anew after a change.

use cpl_model::{
    program::{Action, Decision, Learning, Program, Step, TargetKind, Via},
    value::Value,
};
use cpl_syntax::{Code, Diagnostic};

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
        found.extend(too_large(rule, step, learning));
        found.extend(too_soon(rule, via, learning));
    }
    found
}

fn learning<'p>(program: &'p Program, via: &Via) -> Option<&'p Learning> {
    match &program.targets.get(via.target)?.kind {
        TargetKind::Action(call) => call.action.learning.as_ref(),
        _ => None,
    }
}

fn too_large(rule: &Decision, step: &Step, learning: &Learning) -> Option<Diagnostic> {
    let (Step::Share(share), Some(most)) = (step, learning.restarts_above) else { return None };
    let most = most.normalize();
    (share.amount()?.abs() > most).then(|| {
        let percent = (most * rust_decimal::Decimal::ONE_HUNDRED).normalize();
        let message = format!("`{}` makes the platform learn anew with each change", rule.name);
        Diagnostic::new(Code::W0217, message)
            .at(share.span, format!("more than {percent}%"))
            .help(format!("change by at most {percent}% at once ({})", learning.source))
    })
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
