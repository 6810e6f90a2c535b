//! A move between rows: of those that fire, two become one proposal.

use cpl_model::{
    program::Extreme,
    report::{Because, State},
};
use cpl_plan::rule::{CompiledAction, Ranked};

use super::{
    change::{Leg, Partner},
    guards::compare,
    proposal::Proposal,
};

/// The proposals, two of them as one where a row gives to another; and how many fire and take no part.
pub fn pair(mut proposals: Vec<Proposal>, actions: &[CompiledAction]) -> (Vec<Proposal>, usize) {
    let Some(ends) = actions.iter().find_map(|action| action.ends.as_ref()) else { return (proposals, 0) };
    for proposal in &mut proposals {
        rank(proposal, ends);
    }
    let firing: Vec<usize> = (0..proposals.len()).filter(|at| proposals[*at].state == State::Fires).collect();
    let Some(giver) = first(&proposals, &firing, &ends.0) else { return (proposals, 0) };
    let others: Vec<usize> = firing.iter().copied().filter(|at| *at != giver).collect();
    let Some(taker) = first(&proposals, &others, &ends.1) else {
        proposals[giver].hold("no other row fires, and a move takes two");
        return (proposals, 0);
    };
    join(&mut proposals, giver, taker, ends);
    // One proposal stands for both.
    let mut at = 0;
    proposals.retain(|proposal| {
        at += 1;
        at - 1 == giver || proposal.state != State::Fires
    });
    (proposals, firing.len() - 2)
}

/// A row whose ranking value is unknown makes the move undecided.
fn rank(proposal: &mut Proposal, ends: &(Ranked, Ranked)) {
    let unknown = [&ends.0, &ends.1].into_iter().find(|end| end.of.value(&proposal.row).is_unknown());
    if let (State::Fires, Some(end)) = (proposal.state, unknown) {
        proposal.state = State::Undecided;
        proposal.reasons = vec![end.of.why_unknown(&proposal.row)];
    }
}

/// The row at an end; of equal ones the first by key.
fn first(proposals: &[Proposal], among: &[usize], end: &Ranked) -> Option<usize> {
    let value = |at: &usize| end.of.value(&proposals[*at].row);
    among.iter().copied().min_by(|a, b| compare(Some(value(a)), Some(value(b)), end.end))
}

fn join(proposals: &mut [Proposal], giver: usize, taker: usize, ends: &(Ranked, Ranked)) {
    let ranked = |end: &Ranked, proposal: &Proposal| {
        let word = if end.end == Extreme::Highest { "highest" } else { "lowest" };
        Because {
            text: format!("{word} {}", end.of.written()),
            value: end.of.value(&proposal.row).clone(),
            sure: Vec::new(),
            usual: Vec::new(),
        }
    };
    let (from, to) = (ranked(&ends.0, &proposals[giver]), ranked(&ends.1, &proposals[taker]));
    let partner = |proposal: &Proposal, at: usize| {
        let change = &proposal.changes[at];
        let partner =
            Partner { key: proposal.key.clone(), row: proposal.row.clone(), arguments: change.arguments.clone() };
        change.legs.first().map(|leg| Leg { partner: Some(partner), ..leg.clone() })
    };
    let same = ends.0.of.written() == ends.1.of.written() && from.value.order(&to.value).is_eq();
    let legs: Vec<_> = (0..proposals[giver].changes.len()).map(|at| partner(&proposals[taker], at)).collect();
    let proposal = &mut proposals[giver];
    for (change, leg) in proposal.changes.iter_mut().zip(legs) {
        // What one row loses the other gains.
        let rises = change.legs.first().is_some_and(|leg| !leg.rises);
        change.legs.extend(leg.map(|leg| Leg { rises, ..leg }));
    }
    proposal.conditions.extend([&from, &to].map(|end| format!("{} {}", end.text, end.value)));
    proposal.because.extend([from, to]);
    if same {
        proposal.hold(format!("{} is the same in both rows", ends.0.of.written()));
    }
}
