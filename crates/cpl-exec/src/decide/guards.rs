//! Guards: what holds or shortens a change, in the order of LANGUAGE.md §2 and not of the file.

use std::{cmp::Ordering, collections::BTreeMap};

use cpl_plan::{
    program::{AtMost, Extreme, Program},
    report::State,
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::{
    AskedBound, AskedTotal, Circumstances, amount,
    draft::{Draft, Effect, Thing},
};

/// (1) The pipeline is retired, its data broken, or the thing is changed elsewhere.
pub fn circumstances(drafts: &mut [Draft], program: &Program, around: &Circumstances<'_>) {
    let mut rows_of: BTreeMap<Thing, usize> = BTreeMap::new();
    for draft in firing(drafts) {
        for thing in draft.things(program) {
            *rows_of.entry(thing).or_default() += 1;
        }
    }
    for draft in firing(drafts) {
        let things = draft.things(program);
        if let Some(reason) = around.retired.as_ref().or(around.broken.as_ref()) {
            draft.hold(reason.clone());
        } else if let Some((thing, other)) = things.iter().find_map(|thing| Some((thing, around.taken.get(thing)?))) {
            draft.hold(format!("{other} changes {thing} already"));
        } else if let Some(thing) = draft.one_thing(program) {
            draft.hold(format!("both rows would change {thing}"));
        } else if let Some(thing) = things.iter().find(|thing| rows_of[*thing] > 1) {
            draft.hold(format!("{} rows would change {thing}", rows_of[thing]));
        }
    }
}

fn firing(drafts: &mut [Draft]) -> impl Iterator<Item = &mut Draft> {
    drafts.iter_mut().filter(|draft| draft.state == State::Fires)
}

/// (2) A cap shortens rises, a floor cuts; nothing is turned round.
pub fn bounds(drafts: &mut [Draft], bounds: &[AskedBound]) {
    for bound in bounds {
        for draft in firing(drafts) {
            bound_one(draft, bound);
        }
    }
}

fn bound_one(draft: &mut Draft, bound: &AskedBound) {
    for at in 0..draft.effects.len() {
        let effect = &draft.effects[at];
        let leg = effect.legs.iter().find(|leg| leg.column == bound.column && leg.rises == bound.cap);
        let Some(leg) = leg else { continue };
        let row = leg.partner.as_ref().map_or(&draft.row, |partner| &partner.row);
        let limit = bound.bound.value(row).clone();
        let Some(decimal) = amount::of(&limit) else {
            let why = bound.bound.why_unknown(row);
            draft.hold(format!("{}: {why}", bound.told));
            return;
        };
        let room = if bound.cap { decimal - leg.from } else { leg.from - decimal };
        if room < Decimal::ZERO {
            let side = if bound.cap { "above" } else { "below" };
            let from = amount::value(leg.from, effect.ty).exact();
            draft.hold(format!("{}: {from} is {side} {} already", bound.told, limit.exact()));
            return;
        }
        if effect.amount > room {
            draft.effects[at].amount = room;
            draft.reasons.push(format!("shortened by {}", bound.told));
        }
    }
}

/// (3) No more than so many rows act in one run.
pub fn at_most(drafts: &mut [Draft], at_most: &AtMost) {
    let mut order: Vec<usize> = (0..drafts.len()).filter(|at| drafts[*at].state == State::Fires).collect();
    if let Some((end, _)) = &at_most.first {
        order.sort_by(|a, b| compare(drafts[*a].first.as_ref(), drafts[*b].first.as_ref(), *end));
    }
    let limit = usize::try_from(at_most.limit).unwrap_or(usize::MAX);
    for at in order.into_iter().skip(limit) {
        drafts[at].hold(format!("at most {} per run, and others come first", at_most.limit));
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
pub fn settle(drafts: &mut [Draft], totals: &[AskedTotal], rows: &[&Vec<Value>]) {
    let before: Vec<(Vec<Decimal>, Vec<String>)> =
        drafts.iter().map(|draft| (draft.amounts(), draft.reasons.clone())).collect();
    loop {
        for (draft, (amounts, reasons)) in drafts.iter_mut().zip(&before) {
            if draft.state == State::Fires {
                draft.set_amounts(amounts);
                draft.reasons.clone_from(reasons);
            }
        }
        let firing_before = firing(drafts).count();
        fit(drafts, totals, rows);
        hold_what_can_not_be(drafts, totals);
        if firing(drafts).count() == firing_before {
            return;
        }
    }
}

/// How often totals and rounding may move each other, before what still moves is held.
const ROUNDS: usize = 100;

/// Shortens what fires until every total is kept by rounded values.
fn fit(drafts: &mut [Draft], totals: &[AskedTotal], rows: &[&Vec<Value>]) {
    firing(drafts).flat_map(|draft| &mut draft.effects).for_each(Effect::round);
    for _ in 0..ROUNDS {
        let before: Vec<Vec<Decimal>> = drafts.iter().map(Draft::amounts).collect();
        for total in totals {
            self::total(drafts, total, rows);
        }
        firing(drafts).flat_map(|draft| &mut draft.effects).for_each(Effect::round);
        for total in totals.iter().filter(|total| total.cap.is_none()) {
            balance(drafts, &total.column);
        }
        if drafts.iter().map(Draft::amounts).eq(before) {
            return;
        }
    }
    for total in totals {
        for draft in firing(drafts).filter(|draft| draft.changes_total(&total.column, true)) {
            draft.hold(format!("{}: no amounts were found that keep it", total.told));
        }
    }
}

/// The column's total over all rows stays under its cap, or as it is.
fn total(drafts: &mut [Draft], total: &AskedTotal, rows: &[&Vec<Value>]) {
    let rises = sum(drafts, &total.column, true);
    let cuts = sum(drafts, &total.column, false);
    let Some(cap) = total.cap else {
        let paid = rises.min(cuts);
        scale(drafts, &total.column, true, paid, rises, total);
        scale(drafts, &total.column, false, paid, cuts, total);
        return;
    };
    let mut amounts = rows.iter().map(|row| amount::of(&row[total.of.0]));
    let current = amounts.try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount?));
    let cap = rows.first().and_then(|row| amount::of(&row[cap.0]));
    let room = current.zip(cap).and_then(|(current, cap)| cap.checked_sub(current)?.checked_add(cuts));
    let Some(room) = room else {
        let what = if cap.is_none() {
            "the bound is unknown".to_owned()
        } else {
            format!("{} is unknown in a row", total.column)
        };
        for draft in firing(drafts).filter(|draft| draft.changes_total(&total.column, true)) {
            draft.hold(format!("{}: {what}", total.told));
        }
        return;
    };
    scale(drafts, &total.column, true, room.max(Decimal::ZERO).min(rises), rises, total);
}

impl Draft {
    fn amounts(&self) -> Vec<Decimal> {
        self.effects.iter().map(|effect| effect.amount).collect()
    }

    fn set_amounts(&mut self, amounts: &[Decimal]) {
        for (effect, amount) in self.effects.iter_mut().zip(amounts) {
            effect.amount = *amount;
        }
    }

    fn changes_total(&self, column: &str, rises: bool) -> bool {
        self.effects.iter().any(|effect| effect.changes_total(column, rises))
    }
}

impl Effect {
    /// Whether it changes the column's total: a move between rows leaves it as it is.
    fn changes_total(&self, column: &str, rises: bool) -> bool {
        self.changes_column(column, rises) && !self.changes_column(column, !rises)
    }

    fn changes_column(&self, column: &str, rises: bool) -> bool {
        self.legs.iter().any(|leg| leg.column == column && leg.rises == rises)
    }
}

/// How much the firing rows raise or cut a column together.
fn sum(drafts: &[Draft], column: &str, rises: bool) -> Decimal {
    let firing = drafts.iter().filter(|draft| draft.state == State::Fires);
    let effects = firing.flat_map(|draft| &draft.effects).filter(|effect| effect.changes_total(column, rises));
    effects.map(|effect| effect.amount).sum()
}

/// Shortens the rises, or the cuts, of a column alike, so that they come to `to` instead of `from`.
fn scale(drafts: &mut [Draft], column: &str, rises: bool, to: Decimal, from: Decimal, total: &AskedTotal) {
    if to >= from {
        return;
    }
    for draft in firing(drafts).filter(|draft| draft.changes_total(column, rises)) {
        if to.is_zero() {
            draft.hold(format!("{}: there is no room", total.told));
            continue;
        }
        for effect in draft.effects.iter_mut().filter(|effect| effect.changes_total(column, rises)) {
            // Multiplied before divided, and rounded down: the total is never passed.
            let scaled = effect.amount.checked_mul(to).map_or(effect.amount / from * to, |product| product / from);
            effect.amount = scaled.round_dp_with_strategy(9, rust_decimal::RoundingStrategy::ToZero);
        }
        let told = format!("shortened by {}", total.told);
        if !draft.reasons.contains(&told) {
            draft.reasons.push(told);
        }
    }
}

/// Holds what comes to nothing, falls below zero, or is no whole number of what its target takes.
fn hold_what_can_not_be(drafts: &mut [Draft], totals: &[AskedTotal]) {
    for draft in firing(drafts) {
        let told = draft.effects.iter().find_map(|effect| effect.can_not_be(totals));
        if let Some(told) = told {
            let mut reasons = draft.reasons.clone();
            reasons.push(told);
            draft.hold(reasons.join("; "));
        }
    }
}

impl Effect {
    fn can_not_be(&self, totals: &[AskedTotal]) -> Option<String> {
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
        amount::unit_digits(self.ty).is_none_or(|digits| amount.round_dp(digits) == amount)
    }

    /// Rounded to the target's unit, towards the current value; both legs of a move by the same whole amount.
    fn round(&mut self) {
        let rounded = self.legs.iter().map(|leg| (amount::towards(leg.from, self.to(leg), self.ty) - leg.from).abs());
        let Some(least) = rounded.min() else { return };
        let digits = amount::unit_digits(self.ty).filter(|_| self.legs.len() > 1);
        self.amount = digits.map_or(least, |digits| least.trunc_with_scale(digits));
    }
}

/// Rounding may have left one side larger by some units: its largest changes give them back.
fn balance(drafts: &mut [Draft], column: &str) {
    let (rises, cuts) = (sum(drafts, column, true), sum(drafts, column, false));
    let (larger, mut surplus) = (rises > cuts, (rises - cuts).abs());
    let mut side: Vec<&mut Effect> = firing(drafts)
        .flat_map(|draft| &mut draft.effects)
        .filter(|effect| effect.changes_total(column, larger))
        .collect();
    side.sort_by_key(|effect| std::cmp::Reverse(effect.amount));
    for effect in side {
        let given = surplus.min(effect.amount);
        effect.amount -= given;
        surplus -= given;
    }
}
