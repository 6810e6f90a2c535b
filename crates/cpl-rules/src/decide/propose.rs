//! A row of a rule → a proposal: whether it fires, and what it would change.

use cpl_model::{
    program::{Action, Decision as Rule, Program, Step},
    report::State,
    types::Type,
    value::Value,
};
use cpl_plan::rule::{CompiledAction, CompiledRule, Explained};
use rust_decimal::Decimal;

use super::{
    amount,
    change::{Leg, ProposedChange},
    proposal::Proposal,
};
use crate::condition::{RuleRow, Verdict};

/// The proposal of a row; none where it is quiet.
pub fn propose(compiled: &CompiledRule, values: &[Value], rule: &Rule, program: &Program) -> Option<Proposal> {
    let row = RuleRow { conditions: &compiled.conditions, values };
    let verdict = row.verdict();
    if verdict == Verdict::Quiet {
        return None;
    }
    let mut proposal = Proposal {
        key: row.key(),
        state: State::Fires,
        reasons: Vec::new(),
        because: row.because(program),
        conditions: row.shown_conditions(program),
        changes: Vec::new(),
        awaits_approval: false,
        row: values.to_vec(),
        rank: compiled.rank.map(|at| values[at.0].clone()),
        generations: Vec::new(),
    };
    if verdict == Verdict::Undecided {
        proposal.state = State::Undecided;
        proposal.reasons = row.unknown(program);
        return Some(proposal);
    }
    if let Some((name, _)) = proposal.key.0.iter().find(|(_, value)| value.is_unknown()) {
        let reason = format!("its {name} is unknown: a row without a name is never acted on");
        proposal.hold(reason);
        return Some(proposal);
    }
    for (action, compiled) in rule.actions.iter().zip(&compiled.actions) {
        match change(compiled, action, values, program) {
            Ok(change) => proposal.changes.push(change),
            Err((state, reason)) => {
                proposal.state = state;
                proposal.reasons = vec![reason];
                proposal.changes.clear();
                return Some(proposal);
            }
        }
    }
    Some(proposal)
}

/// The largest value that may be changed, and the largest change: sums of a million of them are still exact.
const LARGEST: Decimal = Decimal::from_parts(0, 0, 54, false, 0);

/// A value as an amount; a row without it is undecided.
fn known_amount(explained: &Explained, row: &[Value]) -> Result<Decimal, (State, String)> {
    amount::of(explained.value(row)).ok_or_else(|| (State::Undecided, explained.why_unknown(row)))
}

/// What the action does to the row; else why it can't.
fn change(
    compiled: &CompiledAction,
    action: &Action,
    row: &[Value],
    program: &Program,
) -> Result<ProposedChange, (State, String)> {
    let arguments = arguments(compiled, row)?;
    let target = action.via().target;
    let (ty, step) = match action {
        Action::Call { .. } => {
            return Ok(ProposedChange {
                ty: Type::Number,
                legs: Vec::new(),
                amount: Decimal::ZERO,
                arguments,
                target,
                step: None,
            });
        }
        Action::Change { ty, step, .. } => (*ty, step),
        Action::Move { ty, amount, .. } | Action::MoveRows { ty, amount, .. } => (*ty, amount),
    };
    let mut currents = Vec::new();
    for (column, explained) in &compiled.columns {
        currents.push((column.clone(), known_amount(explained, row)?));
    }
    let by = compiled.step.as_ref().map_or(Ok(Decimal::ZERO), |step| known_amount(step, row))?;
    let (_, from) = currents[0];
    let difference = match step {
        Step::Share(_) => amount::share(from, by, ty),
        Step::Amount(_) => Some(by),
        Step::To(_) => by.checked_sub(from),
    };
    let largest = currents.iter().map(|(_, current)| current.abs()).chain(difference.map(|by| by.abs())).max();
    let Some(difference) = difference.filter(|_| largest.is_none_or(|largest| largest <= LARGEST)) else {
        return Err((State::Held, "the new value is too large".to_owned()));
    };
    let legs = legs(currents, difference, matches!(action, Action::Change { .. }));
    let step = program.targets[target].unit().or(amount::smallest_step(ty));
    Ok(ProposedChange { ty, legs, amount: difference.abs(), arguments, target, step })
}

/// Names and values; none where the new value goes.
type Arguments = Vec<(String, Option<Value>)>;

/// What is passed on; an unknown argument holds the row.
fn arguments(compiled: &CompiledAction, row: &[Value]) -> Result<Arguments, (State, String)> {
    let mut arguments = Vec::new();
    for (name, explained) in &compiled.arguments {
        let value = explained.as_ref().map(|explained| explained.value(row).clone());
        if let Some((explained, Value::Unknown)) = explained.as_ref().zip(value.as_ref()) {
            return Err((State::Held, format!("the argument {name}: {}", explained.why_unknown(row))));
        }
        arguments.push((name.clone(), value));
    }
    Ok(arguments)
}

/// What is changed goes the way of the difference's sign; what is moved leaves the first column for the second, or
/// comes back where the difference is negative.
fn legs(currents: Vec<(String, Decimal)>, difference: Decimal, is_change: bool) -> Vec<Leg> {
    let first_rises = is_change && difference >= Decimal::ZERO;
    let forward = is_change || difference >= Decimal::ZERO;
    let legs = currents.into_iter().enumerate().map(|(at, (column, from))| {
        let rises = if at == 0 { first_rises } else { true };
        Leg { column, from, rises: if forward { rises } else { !rises }, partner: None, is_first_seen: false }
    });
    legs.collect()
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::legs;

    /// Which of the columns rise, by the sign of the difference; a change is of one column, a move of two.
    #[test]
    fn what_rises_goes_by_the_sign() {
        let rising = |columns: &[&str], difference: i64, is_change| {
            let currents = columns.iter().map(|column| ((*column).to_owned(), Decimal::from(100))).collect();
            legs(currents, Decimal::from(difference), is_change).iter().map(|leg| leg.rises).collect::<Vec<_>>()
        };
        for (columns, difference, is_change, wanted) in [
            (&["budget"][..], 1, true, &[true][..]),
            (&["budget"], 0, true, &[true]),
            (&["budget"], -1, true, &[false]),
            (&["from", "to"], 1, false, &[false, true]),
            (&["from", "to"], 0, false, &[false, true]),
            (&["from", "to"], -1, false, &[true, false]),
        ] {
            assert_eq!(rising(columns, difference, is_change), wanted, "{columns:?} {difference}");
        }
    }
}
