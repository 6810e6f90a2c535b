//! Guards: what holds or shortens a change, in an order that is fixed, whatever the order in the file.

use std::{cmp::Ordering, collections::BTreeMap};

use cpl_model::{
    program::{AtMost, Decision as Rule, Extreme, Program},
    report::State,
    resource::Resource,
    types::Type,
    value::Value,
};
use cpl_plan::rule::{CompiledBound, CompiledTotal};
use rust_decimal::Decimal;

use super::{amount, change::ProposedChange, context::GuardContext, memory::Memory, proposal::Proposal};

/// (1) The pipeline is retired, its data broken, or the resource is changed elsewhere, was changed already or is
/// cooling down.
pub fn hold_by_context(proposals: &mut [Proposal], rule: &Rule, program: &Program, context: &GuardContext<'_>) {
    let mut rows_of: BTreeMap<Resource, usize> = BTreeMap::new();
    for proposal in firing(proposals) {
        for resource in proposal.resources(program) {
            *rows_of.entry(resource).or_default() += 1;
        }
    }
    let memory = Memory { rule, program, context };
    memory.look_up(proposals.iter().filter(|proposal| proposal.state == State::Fires));
    for proposal in firing(proposals) {
        let resources = proposal.resources(program);
        let claimed = |resource| Some((resource, context.claimed.get(resource)?));
        let by_others = memory.changed_by_others(proposal);
        proposal.generations = context.identity.generations(&rule.name, &proposal.key, context.past);
        let outcome = proposal.generations.last().and_then(|id| context.past.outcome(id));
        let broken = proposal.keys().find_map(|key| context.holds.reason(key)).map(str::to_owned);
        if let Some(reason) = broken {
            proposal.hold(reason);
        } else if let Some(outcome) = outcome {
            proposal.hold(outcome);
        } else if let Some(reason) = memory.changed_in_window(proposal) {
            proposal.hold(reason);
        } else if let Some(reason) = memory.cooling_down(proposal) {
            proposal.hold(reason);
        } else if let Some((resource, other)) = resources.iter().find_map(claimed) {
            proposal.hold(format!("{other} changes {resource} already"));
        } else if let Some(reason) = memory.reverses(proposal) {
            proposal.hold(reason);
        } else if let Some(reason) = by_others {
            proposal.hold(reason);
        } else if let Some(resource) = proposal.shared_resource(program) {
            proposal.hold(format!("both rows would change {resource}"));
        } else if let Some(resource) = resources.iter().find(|resource| rows_of[*resource] > 1) {
            proposal.hold(format!("{} rows would change {resource}", rows_of[resource]));
        }
    }
}

/// Those that are not held.
pub fn firing(proposals: &mut [Proposal]) -> impl Iterator<Item = &mut Proposal> {
    proposals.iter_mut().filter(|proposal| proposal.state == State::Fires)
}

/// (2) A cap shortens rises, a floor cuts; nothing is turned round.
pub fn keep_bounds(proposals: &mut [Proposal], bounds: &[CompiledBound]) {
    for bound in bounds {
        for proposal in firing(proposals) {
            keep_bound(proposal, bound);
        }
    }
}

fn keep_bound(proposal: &mut Proposal, bound: &CompiledBound) {
    for at in 0..proposal.changes.len() {
        let change = &proposal.changes[at];
        let leg = change.legs.iter().find(|leg| leg.column == bound.column && leg.rises == bound.cap);
        let Some(leg) = leg else { continue };
        let row = leg.partner.as_ref().map_or(&proposal.row, |partner| &partner.row);
        let limit = bound.bound.value(row).clone();
        let Some(decimal) = amount::of(&limit) else {
            let why = bound.bound.why_unknown(row);
            proposal.hold(format!("the {} of {}: {why}", bound.word(), bound.column));
            return;
        };
        let room = if bound.cap { decimal - leg.from } else { leg.from - decimal };
        if room < Decimal::ZERO {
            let side = if bound.cap { "above" } else { "below" };
            let from = amount::value(leg.from, change.ty).exact();
            let (column, word) = (&bound.column, bound.word());
            proposal.hold(format!("{column} {from} is {side} its {word} of {} already", limit.exact()));
            return;
        }
        if change.amount > room {
            let is_alone = proposal.changes.len() == 1 && change.legs.len() == 1;
            let which = if is_alone { String::new() } else { format!("{} ", bound.column) };
            let what = if bound.cap { "capped at" } else { "no lower than" };
            proposal.changes[at].amount = room;
            proposal.reasons.push(format!("{which}{what} {}", limit.exact()));
        }
    }
}

/// (3) No more than so many rows act in one run: those count that were done in earlier runs of the window.
pub fn at_most(proposals: &mut [Proposal], at_most: &AtMost, done: usize) {
    let mut order: Vec<usize> = (0..proposals.len()).filter(|at| proposals[*at].state == State::Fires).collect();
    if let Some((end, _)) = &at_most.first {
        order.sort_by(|a, b| compare(proposals[*a].rank.as_ref(), proposals[*b].rank.as_ref(), *end));
    }
    let limit = usize::try_from(at_most.limit).unwrap_or(usize::MAX).saturating_sub(done);
    let others = match done {
        0 => "others come first".to_owned(),
        done => format!("{done} acted already in this window"),
    };
    for at in order.into_iter().skip(limit) {
        proposals[at].hold(format!("at most {} per run, and {others}", at_most.limit));
    }
}

/// (4) What an earlier run of the window changed may not be in the data yet: how much room it left is not known.
pub fn hold_totals(proposals: &mut [Proposal], totals: &[CompiledTotal]) {
    for total in totals {
        for proposal in firing(proposals)
            .filter(|proposal| [true, false].into_iter().any(|rises| proposal.changes_total(&total.column, rises)))
        {
            proposal.hold(format!("{} of all rows together: the rule changed it already in this window", total.column));
        }
    }
}

/// The wanted end first, unknown values last; rows stand by key before, and a tie keeps that order.
pub fn compare(left: Option<&Value>, right: Option<&Value>, end: Extreme) -> Ordering {
    let known = |value: Option<&Value>| value.is_some_and(|value| !value.is_unknown());
    match (left.zip(right), known(left), known(right)) {
        (Some((a, b)), true, true) if end == Extreme::Lowest => a.order(b),
        (Some((a, b)), true, true) => b.order(a),
        (_, left, right) => right.cmp(&left),
    }
}

/// (4) and (5): totals are kept and values rounded, again and again until both hold; a row that comes to nothing
/// is held, and what is left is settled without it.
pub fn settle(proposals: &mut [Proposal], totals: &[CompiledTotal], rows: &[&Vec<Value>]) {
    let before: Vec<(Vec<Decimal>, Vec<String>)> =
        proposals.iter().map(|proposal| (proposal.amounts(), proposal.reasons.clone())).collect();
    loop {
        for (proposal, (amounts, reasons)) in proposals.iter_mut().zip(&before) {
            if proposal.state == State::Fires {
                proposal.set_amounts(amounts);
                proposal.reasons.clone_from(reasons);
            }
        }
        let firing_before = firing(proposals).count();
        fit(proposals, totals, rows);
        hold_what_can_not_be(proposals, totals);
        if firing(proposals).count() == firing_before {
            return;
        }
    }
}

/// How often totals and rounding may move each other, before what still moves is held.
const ROUNDS: usize = 100;

/// Shortens what fires until every total is kept by rounded values.
fn fit(proposals: &mut [Proposal], totals: &[CompiledTotal], rows: &[&Vec<Value>]) {
    firing(proposals).flat_map(|proposal| &mut proposal.changes).for_each(ProposedChange::round);
    for _ in 0..ROUNDS {
        let before: Vec<Vec<Decimal>> = proposals.iter().map(Proposal::amounts).collect();
        for total in totals {
            self::total(proposals, total, rows);
        }
        firing(proposals).flat_map(|proposal| &mut proposal.changes).for_each(ProposedChange::round);
        for total in totals.iter().filter(|total| total.cap.is_none()) {
            balance(proposals, &total.column);
        }
        if proposals.iter().map(Proposal::amounts).eq(before) {
            return;
        }
    }
    for total in totals {
        for proposal in firing(proposals).filter(|proposal| proposal.changes_total(&total.column, true)) {
            proposal.hold(format!("{} of all rows together: no amounts were found that keep it", total.column));
        }
    }
}

/// The column's total over all rows stays under its cap, or as it is.
fn total(proposals: &mut [Proposal], total: &CompiledTotal, rows: &[&Vec<Value>]) {
    let rises = sum(proposals, &total.column, true);
    let cuts = sum(proposals, &total.column, false);
    let Some(cap) = total.cap else {
        let paid = rises.min(cuts);
        let limit = Limit {
            kept: format!("{} of all rows together kept as it is", total.column),
            without: "nothing goes the other way",
        };
        scale(proposals, (&total.column, true), paid, rises, &limit);
        scale(proposals, (&total.column, false), paid, cuts, &limit);
        return;
    };
    let mut amounts = rows.iter().map(|row| amount::of(&row[total.of.0]));
    let current = amounts.try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount?));
    let limit = rows.first().map(|row| &row[cap.0]);
    let cap = limit.and_then(amount::of);
    let room = current.zip(cap).and_then(|(current, cap)| cap.checked_sub(current)?.checked_add(cuts));
    let Some(room) = room else {
        let what = if cap.is_none() {
            "its cap is unknown".to_owned()
        } else {
            format!("{} is unknown in a row", total.column)
        };
        for proposal in firing(proposals).filter(|proposal| proposal.changes_total(&total.column, true)) {
            proposal.hold(format!("{} of all rows together: {what}", total.column));
        }
        return;
    };
    let cap = limit.map(Value::exact).unwrap_or_default();
    let limit =
        Limit { kept: format!("{} of all rows together capped at {cap}", total.column), without: "there is no room" };
    scale(proposals, (&total.column, true), room.max(Decimal::ZERO).min(rises), rises, &limit);
}

impl Proposal {
    fn amounts(&self) -> Vec<Decimal> {
        self.changes.iter().map(|change| change.amount).collect()
    }

    fn set_amounts(&mut self, amounts: &[Decimal]) {
        for (change, amount) in self.changes.iter_mut().zip(amounts) {
            change.amount = *amount;
        }
    }

    fn changes_total(&self, column: &str, rises: bool) -> bool {
        self.changes.iter().any(|change| change.changes_total(column, rises))
    }
}

impl ProposedChange {
    /// Whether it changes the column's total: a move between rows leaves it as it is.
    fn changes_total(&self, column: &str, rises: bool) -> bool {
        self.changes_column(column, rises) && !self.changes_column(column, !rises)
    }

    fn changes_column(&self, column: &str, rises: bool) -> bool {
        self.legs.iter().any(|leg| leg.column == column && leg.rises == rises)
    }
}

/// How much the firing rows raise or cut a column together.
fn sum(proposals: &[Proposal], column: &str, rises: bool) -> Decimal {
    let firing = proposals.iter().filter(|proposal| proposal.state == State::Fires);
    let changes = firing.flat_map(|proposal| &proposal.changes).filter(|change| change.changes_total(column, rises));
    changes.map(|change| change.amount).sum()
}

/// What limits a total, in words: that it is kept, and why nothing may change where nothing may.
struct Limit {
    kept: String,
    without: &'static str,
}

/// Shortens the rises, or the cuts, of a column alike, so that they come to `to` instead of `from`.
fn scale(proposals: &mut [Proposal], (column, rises): (&str, bool), to: Decimal, from: Decimal, limit: &Limit) {
    if to >= from {
        return;
    }
    for proposal in firing(proposals).filter(|proposal| proposal.changes_total(column, rises)) {
        if to.is_zero() {
            proposal.hold(format!("{}, and {}", limit.kept, limit.without));
            continue;
        }
        for change in proposal.changes.iter_mut().filter(|change| change.changes_total(column, rises)) {
            // Multiplied before divided, and rounded down: the total is never passed.
            let scaled = change.amount.checked_mul(to).map_or(change.amount / from * to, |product| product / from);
            change.amount = scaled.round_dp_with_strategy(9, rust_decimal::RoundingStrategy::ToZero);
        }
        if !proposal.reasons.contains(&limit.kept) {
            proposal.reasons.push(limit.kept.clone());
        }
    }
}

/// Holds what comes to nothing, falls below zero, or is no whole number of what its target takes.
fn hold_what_can_not_be(proposals: &mut [Proposal], totals: &[CompiledTotal]) {
    for proposal in firing(proposals) {
        let reason = proposal.changes.iter().find_map(|change| change.can_not_be(totals));
        if let Some(reason) = reason {
            let mut reasons = proposal.reasons.clone();
            reasons.push(reason);
            proposal.hold(reasons.join("; "));
        }
    }
}

impl ProposedChange {
    fn can_not_be(&self, totals: &[CompiledTotal]) -> Option<String> {
        if !self.legs.is_empty() && self.amount.is_zero() {
            return Some("the change comes to nothing".to_owned());
        }
        let counted = matches!(self.ty, Type::Count | Type::Money(_));
        self.legs.iter().find_map(|leg| {
            let unchanged = totals.iter().any(|total| total.cap.is_none() && total.column == leg.column);
            if counted && leg.from >= Decimal::ZERO && self.to(leg) < Decimal::ZERO {
                Some(format!("{} would fall below 0", leg.column))
            } else if !self.is_whole(self.to(leg)) || (unchanged && !self.is_whole(leg.from)) {
                Some(format!("{} is {}, between two of its smallest steps", leg.column, self.value(leg.from)))
            } else {
                None
            }
        })
    }

    fn value(&self, amount: Decimal) -> String {
        amount::value(amount, self.ty).exact()
    }

    /// Whether a value is a whole number of the smallest steps, where there is one.
    fn is_whole(&self, amount: Decimal) -> bool {
        self.step.is_none_or(|step| amount.checked_rem(step).is_some_and(|rest| rest.is_zero()))
    }

    /// Rounded to the target's unit, towards the current value; both legs of a move by the same whole amount.
    fn round(&mut self) {
        let rounded = self.legs.iter().map(|leg| (amount::towards(leg.from, self.to(leg), self.step) - leg.from).abs());
        let Some(least) = rounded.min() else { return };
        let step = self.step.filter(|_| self.legs.len() > 1);
        self.amount = amount::towards(Decimal::ZERO, least, step);
    }
}

/// Rounding may have left one side larger by some units: its largest changes give them back.
fn balance(proposals: &mut [Proposal], column: &str) {
    let (rises, cuts) = (sum(proposals, column, true), sum(proposals, column, false));
    let (larger, mut surplus) = (rises > cuts, (rises - cuts).abs());
    let mut side: Vec<&mut ProposedChange> = firing(proposals)
        .flat_map(|proposal| &mut proposal.changes)
        .filter(|change| change.changes_total(column, larger))
        .collect();
    side.sort_by_key(|change| std::cmp::Reverse(change.amount));
    for change in side {
        let given = surplus.min(change.amount);
        change.amount -= given;
        surplus -= given;
    }
}
