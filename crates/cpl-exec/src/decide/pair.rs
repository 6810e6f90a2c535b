//! A move between rows: of those that fire, two become one draft.

use cpl_plan::{
    program::Extreme,
    report::{Because, State},
};

use super::{
    AskedAction, Ranked,
    draft::{Draft, Leg, Partner},
    guards::compare,
};

/// The drafts, two of them as one where a row gives to another; how many fire and have no part in it.
pub fn paired(mut drafts: Vec<Draft>, actions: &[AskedAction]) -> (Vec<Draft>, usize) {
    let Some(ends) = actions.iter().find_map(|action| action.ends.as_ref()) else { return (drafts, 0) };
    for draft in &mut drafts {
        rank(draft, ends);
    }
    let firing: Vec<usize> = (0..drafts.len()).filter(|at| drafts[*at].state == State::Fires).collect();
    let Some(giver) = first(&drafts, &firing, &ends.0) else { return (drafts, 0) };
    let others: Vec<usize> = firing.iter().copied().filter(|at| *at != giver).collect();
    let Some(taker) = first(&drafts, &others, &ends.1) else {
        drafts[giver].hold("no other row fires, and a move takes two");
        return (drafts, 0);
    };
    join(&mut drafts, giver, taker, ends);
    // The giver's draft speaks for both.
    let mut at = 0;
    drafts.retain(|draft| {
        at += 1;
        at - 1 == giver || draft.state != State::Fires
    });
    (drafts, firing.len() - 2)
}

/// A row of which it is not known where it stands can't be chosen, nor passed over.
fn rank(draft: &mut Draft, ends: &(Ranked, Ranked)) {
    let unknown = [&ends.0, &ends.1].into_iter().find(|end| end.of.value(&draft.row).is_unknown());
    if let (State::Fires, Some(end)) = (draft.state, unknown) {
        draft.state = State::Undecided;
        draft.reasons = vec![end.of.why_unknown(&draft.row)];
    }
}

/// The row at an end; of several the first by key.
fn first(drafts: &[Draft], among: &[usize], end: &Ranked) -> Option<usize> {
    let value = |at: &usize| end.of.value(&drafts[*at].row);
    among.iter().copied().min_by(|a, b| compare(Some(value(a)), Some(value(b)), end.end))
}

fn join(drafts: &mut [Draft], giver: usize, taker: usize, ends: &(Ranked, Ranked)) {
    let told = |end: &Ranked, draft: &Draft| {
        let word = if end.end == Extreme::Highest { "highest" } else { "lowest" };
        Because { text: format!("{word} {}", end.of.written()), value: end.of.value(&draft.row).clone() }
    };
    let (from, to) = (told(&ends.0, &drafts[giver]), told(&ends.1, &drafts[taker]));
    let partner = |draft: &Draft, at: usize| {
        let effect = &draft.effects[at];
        let partner = Partner { key: draft.key.clone(), row: draft.row.clone(), arguments: effect.arguments.clone() };
        effect.legs.first().map(|leg| Leg { partner: Some(partner), ..leg.clone() })
    };
    let same = ends.0.of.written() == ends.1.of.written() && from.value.order(&to.value).is_eq();
    let legs: Vec<_> = (0..drafts[giver].effects.len()).map(|at| partner(&drafts[taker], at)).collect();
    let draft = &mut drafts[giver];
    for (effect, leg) in draft.effects.iter_mut().zip(legs) {
        // What one row loses the other gains.
        let rises = effect.legs.first().is_some_and(|leg| !leg.rises);
        effect.legs.extend(leg.map(|leg| Leg { rises, ..leg }));
    }
    draft.conditions.extend([&from, &to].map(|end| format!("{} {}", end.text, end.value)));
    draft.because.extend([from, to]);
    if same {
        draft.hold(format!("{} is the same in both rows", ends.0.of.written()));
    }
}
