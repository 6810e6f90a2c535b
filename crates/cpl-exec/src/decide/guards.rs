//! Guards: what holds or shortens a change, in the order of LANGUAGE.md §2 and not of the file.

use std::{cmp::Ordering, collections::BTreeMap};

use cpl_plan::{
    program::{AtMost, Decision as Rule, Extreme, Program},
    report::State,
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::{
    AskedBound, AskedTotal, Circumstances, amount,
    draft::{Draft, Effect, Leg},
};

/// (1) The pipeline is retired, its data broken, or the thing is changed elsewhere.
pub fn circumstances(drafts: &mut [Draft], rule: &Rule, program: &Program, around: &Circumstances<'_>) {
    let mut rows_of: BTreeMap<String, usize> = BTreeMap::new();
    for draft in firing(drafts) {
        for thing in draft.things(rule, program) {
            *rows_of.entry(thing).or_default() += 1;
        }
    }
    for draft in firing(drafts) {
        let things = draft.things(rule, program);
        if let Some(reason) = around.retired.as_ref().or(around.broken.as_ref()) {
            draft.hold(reason.clone());
        } else if let Some((thing, other)) = things.iter().find_map(|thing| Some((thing, around.taken.get(thing)?))) {
            draft.hold(format!("{other} changes {thing} already"));
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
    let limit = bound.bound.value(&draft.row).clone();
    for at in 0..draft.effects.len() {
        let effect = &draft.effects[at];
        let leg = effect.legs.iter().find(|leg| leg.column == bound.column && leg.rises == bound.cap);
        let Some(leg) = leg else { continue };
        let Some(decimal) = amount::of(&limit) else {
            let why = bound.bound.why_unknown(&draft.row);
            draft.hold(format!("{}: {why}", bound.told));
            return;
        };
        let room = if bound.cap { decimal - leg.from } else { leg.from - decimal };
        if room < Decimal::ZERO {
            let side = if bound.cap { "above" } else { "below" };
            let from = amount::value(leg.from, effect.ty);
            draft.hold(format!("{}: {from} is {side} {limit} already", bound.told));
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
fn compare(left: Option<&Value>, right: Option<&Value>, end: Extreme) -> Ordering {
    match (left.and_then(amount::of), right.and_then(amount::of)) {
        (Some(a), Some(b)) if end == Extreme::Lowest => a.cmp(&b),
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// (4) The column's total over all rows stays under its cap, or as it is.
pub fn total(drafts: &mut [Draft], total: &AskedTotal, rows: &[Vec<Value>]) {
    let rises = sum(drafts, &total.column, true);
    let cuts = sum(drafts, &total.column, false);
    let Some(cap) = total.cap else {
        let paid = rises.min(cuts);
        scale(drafts, &total.column, true, paid, rises, total);
        scale(drafts, &total.column, false, paid, cuts, total);
        return;
    };
    let current: Option<Decimal> = rows.iter().map(|row| amount::of(&row[total.of.0])).sum();
    let cap = rows.first().and_then(|row| amount::of(&row[cap.0]));
    let (Some(current), Some(cap)) = (current, cap) else {
        for draft in firing(drafts).filter(|draft| draft.changes_column(&total.column, true)) {
            draft.hold(format!("{}: {} is unknown in a row", total.told, total.column));
        }
        return;
    };
    let room = (cap - current + cuts).max(Decimal::ZERO);
    scale(drafts, &total.column, true, room.min(rises), rises, total);
}

impl Draft {
    fn changes_column(&self, column: &str, rises: bool) -> bool {
        self.effects.iter().any(|effect| effect.changes_column(column, rises))
    }
}

impl Effect {
    fn changes_column(&self, column: &str, rises: bool) -> bool {
        self.legs.iter().any(|leg| leg.column == column && leg.rises == rises)
    }
}

/// How much the firing rows raise or cut a column together.
fn sum(drafts: &[Draft], column: &str, rises: bool) -> Decimal {
    let firing = drafts.iter().filter(|draft| draft.state == State::Fires);
    let effects = firing.flat_map(|draft| &draft.effects).filter(|effect| effect.changes_column(column, rises));
    effects.map(|effect| effect.amount).sum()
}

/// Shortens the rises, or the cuts, of a column alike, so that they come to `to` instead of `from`.
fn scale(drafts: &mut [Draft], column: &str, rises: bool, to: Decimal, from: Decimal, total: &AskedTotal) {
    if to >= from {
        return;
    }
    for draft in firing(drafts).filter(|draft| draft.changes_column(column, rises)) {
        if to.is_zero() {
            draft.hold(format!("{}: there is no room", total.told));
            continue;
        }
        for effect in draft.effects.iter_mut().filter(|effect| effect.changes_column(column, rises)) {
            // Multiplied before divided, and rounded down: the total is never passed.
            let scaled = effect.amount.checked_mul(to).map_or(effect.amount / from * to, |product| product / from);
            effect.amount = scaled.round_dp_with_strategy(9, rust_decimal::RoundingStrategy::ToZero);
        }
        draft.reasons.push(format!("shortened by {}", total.told));
    }
}

/// (5) Rounded to the target's unit, towards the current value; what comes to nothing is held.
pub fn round(drafts: &mut [Draft], totals: &[AskedTotal]) {
    for effect in firing(drafts).flat_map(|draft| &mut draft.effects) {
        effect.round();
    }
    for total in totals.iter().filter(|total| total.cap.is_none()) {
        balance(drafts, &total.column);
    }
    for draft in firing(drafts) {
        let below = draft.effects.iter().find_map(|effect| effect.count_below_zero());
        if let Some(column) = below {
            draft.hold(format!("{column} is a count, and would fall below 0"));
            continue;
        }
        let nothing = |effect: &Effect| !effect.legs.is_empty() && effect.amount.is_zero();
        if draft.effects.iter().any(nothing) {
            let mut reasons = draft.reasons.clone();
            reasons.push("the change comes to nothing".to_owned());
            draft.hold(reasons.join("; "));
        }
    }
}

impl Effect {
    fn count_below_zero(&self) -> Option<&str> {
        let below = |leg: &&Leg| self.ty == Type::Count && self.to(leg) < Decimal::ZERO;
        self.legs.iter().find(below).map(|leg| leg.column.as_str())
    }

    /// Both legs of a move change by the same rounded amount.
    fn round(&mut self) {
        let rounded = self.legs.iter().map(|leg| (amount::towards(leg.from, self.to(leg), self.ty) - leg.from).abs());
        if let Some(least) = rounded.min() {
            self.amount = least;
        }
    }
}

/// Rounding may have left one side larger by some units: its largest changes give them back.
fn balance(drafts: &mut [Draft], column: &str) {
    let (rises, cuts) = (sum(drafts, column, true), sum(drafts, column, false));
    let (larger, mut surplus) = (rises > cuts, (rises - cuts).abs());
    let mut side: Vec<&mut Effect> = firing(drafts)
        .flat_map(|draft| &mut draft.effects)
        .filter(|effect| effect.changes_column(column, larger) && !effect.changes_column(column, !larger))
        .collect();
    side.sort_by_key(|effect| std::cmp::Reverse(effect.amount));
    for effect in side {
        let given = surplus.min(effect.amount);
        effect.amount -= given;
        surplus -= given;
    }
}
