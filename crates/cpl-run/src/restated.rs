//! What earlier runs of a window decided, where the data, or the pipeline, is another one since: it is said, and nothing is done
//! about it.

use std::collections::BTreeMap;

use cpl_ledger::{EffectState, StoredEffect, Window};
use cpl_model::{
    program::Program,
    report::{Decision, Restated, RestatedState, RunReport, State},
};
use cpl_rules::{decimal, parsed_decimal};

/// The decisions of a window, by their effects, that would be otherwise by now.
pub fn restated(report: &RunReport, window: &Window, program: &Program) -> Vec<Restated> {
    let mut done: BTreeMap<&str, Vec<&StoredEffect>> = BTreeMap::new();
    for one in window.effects().iter().filter(|one| one.state.counts() && one.state != EffectState::Undone) {
        done.entry(&one.effect.decision_id).or_default().push(one);
    }
    let now: BTreeMap<&str, &Decision> = report.decisions.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut found = Vec::new();
    for (id, effects) in done {
        let said = match now.get(id) {
            Some(now) if now.state == State::Undecided => Some("the rule can't decide".to_owned()),
            Some(now) => moved(now, &effects),
            None => Some("the rule does not fire".to_owned()),
        };
        let Some(said) = said else { continue };
        let Some(recorded) = window.decision(id) else { continue };
        // What takes another one back, what was decided anew, and a rule that is gone ask nothing of the data.
        let is_of_file = program.decisions.iter().any(|rule| rule.name == recorded.rule);
        if recorded.undoes.is_some() || !is_of_file || window.is_redone(id) {
            continue;
        }
        let did: Vec<String> = effects.iter().map(|one| change(one, &recorded.key)).collect();
        found.push(Restated {
            decision: id.to_owned(),
            rule: recorded.rule.clone(),
            row: name(&recorded.key),
            did: did.join(", "),
            state: state(&effects),
            now: said,
        });
    }
    found.sort_by(|one, other| (&one.rule, &one.row).cmp(&(&other.rule, &other.row)));
    found
}

/// Values that are neither those before nor those that were left: somebody else changed them, or the data was corrected.
fn moved(now: &Decision, effects: &[&StoredEffect]) -> Option<String> {
    let changed = |one: &&StoredEffect| {
        let change = now.changes.get(usize::try_from(one.effect.position).ok()?)?;
        let column = change.column.as_ref().filter(|column| Some(*column) == one.effect.name.as_ref())?;
        let from = decimal(&change.from)?;
        let is_known = |text: &str| parsed_decimal(text) == Some(from);
        let is_moved = !is_known(&one.effect.before) && !is_known(&one.effect.after);
        is_moved.then(|| format!("{column} is {}", change.from.raw()))
    };
    let changed: Vec<String> = effects.iter().filter_map(changed).collect();
    (!changed.is_empty()).then(|| changed.join(", "))
}

/// What became of effects: what says least of them.
fn state(effects: &[&StoredEffect]) -> RestatedState {
    let is = |state: EffectState| effects.iter().any(|one| one.state == state);
    if is(EffectState::Recorded) {
        RestatedState::NotSent
    } else if effects.iter().all(|one| one.state == EffectState::Confirmed) {
        RestatedState::Done
    } else {
        RestatedState::Unknown
    }
}

/// What an effect changed: the row is named where it is another one than the decision's.
fn change(StoredEffect { effect, .. }: &StoredEffect, decision: &str) -> String {
    let row = if effect.key == decision { String::new() } else { format!("{} ", name(&effect.key)) };
    match &effect.name {
        Some(column) => format!("{row}{column} {} → {}", effect.before, effect.after),
        None => format!("{row}a call of {}", effect.target),
    }
}

/// The values of a key that is recorded as a JSON object.
fn name(key: &str) -> String {
    let values: serde_json::Map<String, serde_json::Value> = serde_json::from_str(key).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.values().map(text).collect::<Vec<_>>().join(", ")
}
