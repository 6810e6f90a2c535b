//! Guards that look at what was changed before, as tables: the change, the past, what becomes of it.

use std::collections::BTreeMap;

use cpl_model::{program::Expr, report::State, resource::Resource, value::Value};
use cpl_plan::rule::{CompiledRule, RowLayout};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{
    after,
    context::{IDENTITY, NOW, resource},
    dollars,
    past::Given,
    program, proposal,
};
use crate::{
    decide::{
        amount,
        change::changes_text,
        context::GuardContext,
        guards,
        memory::{Memory, unit},
        proposal::Proposal,
    },
    holds::Holds,
    past::{NoPast, Observed, PastChange, Verdict},
};

const HOUR: i64 = 3_600;

/// A change of channel 0 by the rule `cut`, so many hours ago, in cents.
fn changed(hours: i64, before: i64, after: i64) -> (Resource, PastChange) {
    let cents = |amount| Some(Decimal::new(amount, 2));
    let change = PastChange {
        at: NOW - SignedDuration::from_secs(hours * HOUR),
        by: "cut".to_owned(),
        decision: "another".to_owned(),
        is_own: true,
        is_undo: false,
        setting: Some("budget".to_owned()),
        before: cents(before),
        after: cents(after),
        unit: Some("USD".to_owned()),
        is_applied: true,
    };
    (resource(0), change)
}

/// What the guards with a memory make of a change of channel 0, at a moment.
fn guarded(guard: &str, (from, to): (i64, i64), past: &Given, now: Timestamp) -> Proposal {
    let program = program(guard);
    let rule = &program.decisions[0];
    let mut layout = RowLayout::default();
    let compiled = CompiledRule::of(rule, &program, &mut layout);
    let mut claimed = BTreeMap::new();
    let context = GuardContext {
        holds: Holds::default(),
        claimed: &mut claimed,
        identity: &IDENTITY,
        past,
        now,
        show_quiet: false,
    };
    let mut proposals = vec![proposal(0, from, to)];
    // The constants of guards are values of the row.
    let value = |expr: &Expr| amount::value(expr.amount().unwrap_or_default(), expr.ty);
    proposals[0].row = layout.columns().iter().map(value).collect();
    guards::hold_by_context(&mut proposals, rule, &program, &context);
    let memory = Memory { rule, program: &program, context: &context };
    if let Some(keep) = &compiled.keep_change {
        guards::firing(&mut proposals).for_each(|proposal| memory.keep_change(proposal, keep));
    }
    if let Some(approval) = &compiled.approval {
        guards::firing(&mut proposals).for_each(|proposal| memory.await_approval(proposal, approval));
    }
    proposals.remove(0)
}

/// The amount it comes to in cents, or why it is held.
fn outcome(guard: &str, change: (i64, i64), past: &Given) -> Result<i64, String> {
    let proposal = guarded(guard, change, past, NOW);
    match proposal.state {
        State::Fires => Ok(after(&proposal)),
        _ => Err(proposal.reasons.join("; ")),
    }
}

#[test]
fn a_value_moves_no_further_in_a_time_than_its_bound() {
    type Case = (&'static [(i64, i64, i64)], (i64, i64), Result<i64, &'static str>);
    let cases: &[Case] = &[
        (&[], (10_000, 12_000), Ok(12_000)),
        (&[], (10_000, 16_000), Ok(15_000)),
        (&[], (10_000, 4_000), Ok(5_000)),
        // What was changed since counts, whoever did it; before that time it does not.
        (&[(24, 10_000, 14_000)], (14_000, 16_000), Ok(15_000)),
        (&[(168, 10_000, 14_000)], (14_000, 16_000), Ok(16_000)),
        (&[(167, 10_000, 14_000)], (14_000, 16_000), Ok(15_000)),
        (&[(48, 10_000, 12_000), (24, 12_000, 14_000)], (14_000, 16_000), Ok(15_000)),
        // Back towards where it was there is more room.
        (&[(24, 10_000, 14_000)], (14_000, 4_000), Ok(5_000)),
        (&[(24, 10_000, 15_000)], (15_000, 16_000), Err("was $100.00 before 2026-11-19 00:00 and is $150.00")),
        (&[(24, 0, 15_000)], (15_000, 16_000), Err("was $0.00, of which nothing is a share")),
    ];
    let guard = "keep change within 50% per 7 days";
    for (changes, change, wanted) in cases {
        let past = changes.iter().map(|(hours, before, after)| changed(*hours, *before, *after)).collect();
        let found = outcome(guard, *change, &Given { changes: past, ..Given::default() });
        let wanted =
            wanted.map_err(|why| format!("changed by at most 50% in 7 days: budget of channel 0 via ads {why}"));
        assert_eq!(found, wanted, "{changes:?}, then {change:?}");
    }
}

#[test]
fn a_change_is_not_turned_round() {
    type Case = (i64, (i64, i64), (i64, i64), bool);
    let cases: &[Case] = &[
        (24, (10_000, 8_000), (8_000, 9_000), true),
        (167, (10_000, 8_000), (8_000, 9_000), true),
        (168, (10_000, 8_000), (8_000, 9_000), false),
        (24, (10_000, 8_000), (8_000, 7_000), false),
        (24, (7_000, 8_000), (8_000, 7_000), true),
        (24, (8_000, 8_000), (8_000, 7_000), false),
    ];
    for (hours, (before, left), change, is_held) in cases {
        let past = Given { changes: vec![changed(*hours, *before, *left)], ..Given::default() };
        let found = outcome("no reversal within 7 days", *change, &past);
        let reason = found.as_ref().err().is_some_and(|why| why.starts_with("no reversal within 7 days: cut "));
        assert_eq!(reason, *is_held, "{hours} hours ago {before} → {left}, then {change:?}: {found:?}");
        assert!(outcome("cooldown 1 hours", *change, &past).is_ok());
    }
    // Only the last change counts.
    let past = Given { changes: vec![changed(48, 10_000, 8_000), changed(24, 8_000, 9_000)], ..Given::default() };
    assert_eq!(outcome("no reversal within 7 days", (9_000, 9_900), &past), Ok(9_900));
}

#[test]
fn what_somebody_else_changed_is_left_alone() {
    // Seen first so many hours ago, the guard, whether it is held, whether this run is the first to see it.
    type Case = (Option<i64>, &'static str, bool, bool);
    let cases: &[Case] = &[
        (None, "", true, true),
        (None, "hands off for 3 days", true, true),
        (Some(0), "", true, false),
        (Some(24), "", false, false),
        (Some(24), "hands off for 3 days", true, false),
        (Some(71), "hands off for 3 days", true, false),
        (Some(72), "hands off for 3 days", false, false),
    ];
    for (seen, guard, is_held, is_first) in cases {
        let value = Decimal::new(9_000, 2);
        let observed = seen.map(|hours| Observed { value, at: NOW - SignedDuration::from_secs(hours * HOUR) });
        let past = Given { changes: vec![changed(200, 10_000, 12_000)], observed, ..Given::default() };
        let found = guarded(guard, (9_000, 9_900), &past, NOW);
        assert_eq!(found.state == State::Held, *is_held, "{seen:?} {guard}: {:?}", found.reasons);
        assert_eq!(found.changes[0].legs[0].is_first_seen, *is_first, "{seen:?} {guard}");
        // What our last change left, nobody changed.
        assert_eq!(guarded(guard, (12_000, 13_000), &past, NOW).state, State::Fires, "{seen:?} {guard}");
    }
    // Another value that was seen, and one that was seen before our change, say nothing of this one.
    for (value, hours) in [(8_000, 24), (9_000, 200), (9_000, 300)] {
        let at = NOW - SignedDuration::from_secs(hours * HOUR);
        let observed = Some(Observed { value: Decimal::new(value, 2), at });
        let past = Given { changes: vec![changed(200, 10_000, 12_000)], observed, ..Given::default() };
        let found = guarded("", (9_000, 9_900), &past, NOW);
        assert_eq!((found.state, found.changes[0].legs[0].is_first_seen), (State::Held, true), "{value}, {hours}");
    }
    // What was handed over and did not arrive left the value as it was; a target that took it says otherwise.
    for (is_applied, wanted) in [(false, State::Fires), (true, State::Held)] {
        let (resource, change) = changed(200, 10_000, 12_000);
        let past = Given { changes: vec![(resource, PastChange { is_applied, ..change })], ..Given::default() };
        assert_eq!(guarded("", (10_000, 11_000), &past, NOW).state, wanted);
    }
    // Data that is older than a change of this very window says nothing of anybody.
    for (hours, from, is_first) in [(0, 10_000, false), (0, 9_000, true), (24, 10_000, true)] {
        let past = Given { changes: vec![changed(hours, 10_000, 12_000)], ..Given::default() };
        let found = guarded("", (from, from + 1_000), &past, NOW);
        assert_eq!((found.state, found.changes[0].legs[0].is_first_seen), (State::Held, is_first), "{hours}, {from}");
    }
}

#[test]
fn an_amount_has_a_unit() {
    let table = [
        (Value::Money(Decimal::ONE, dollars()), Some("USD")),
        (Value::Ratio(0.5), Some("ratio")),
        (Value::Integer(5), Some("number")),
        (Value::Number(0.5), Some("number")),
        (Value::Text("5".to_owned()), None),
    ];
    for (value, wanted) in table {
        assert_eq!(unit(&value).as_deref(), wanted, "{value:?}");
    }
}

#[test]
fn amounts_of_two_currencies_are_not_compared() {
    let (resource, change) = changed(24, 10_000, 8_000);
    let change = PastChange { unit: Some("EUR".to_owned()), ..change };
    let past = Given { changes: vec![(resource, change)], ..Given::default() };
    for guard in ["keep change within 50% per 7 days", "no reversal within 7 days"] {
        let found = outcome(guard, (8_000, 9_000), &past);
        let wanted = "cut changed budget of channel 0 via ads in EUR, and here it is in USD";
        assert!(found.as_ref().err().is_some_and(|why| why.ends_with(wanted)), "{guard}: {found:?}");
    }
}

#[test]
fn an_approval_is_of_one_change() {
    type Case = (&'static str, Option<(bool, i64)>, Result<i64, &'static str>);
    let cases: &[Case] = &[
        ("approval required", None, Err("approval required")),
        ("approval required", Some((true, 12_000)), Ok(12_000)),
        ("approval required", Some((true, 13_000)), Err("approval required: it was approved for another change")),
        ("approval required", Some((false, 12_000)), Err("rejected by ann: too much")),
        ("approval required above 20%", None, Ok(12_000)),
        ("approval required above 19%", None, Err("approval required")),
        ("approval required above $20", None, Ok(12_000)),
        ("approval required above $19.99", None, Err("approval required")),
    ];
    for (guard, verdict, wanted) in cases {
        let verdict = verdict.map(|(is_approved, to)| Verdict {
            is_approved,
            changes: changes_text(&proposal(0, 10_000, to).reported(&program(guard))),
            by: "ann".to_owned(),
            why: (!is_approved).then(|| "too much".to_owned()),
        });
        let found = outcome(guard, (10_000, 12_000), &Given { verdict, ..Given::default() });
        let found = found.map_err(|why| why.split(": `cpl approve").next().unwrap_or_default().to_owned());
        assert_eq!(found.as_ref().map(|amount| *amount).map_err(String::as_str), *wanted, "{guard}");
    }
}

proptest! {
    /// Whatever rules propose, and whenever they run: no rise and no cut goes further than the bound from what the value was at
    /// the start of the time before.
    #[test]
    fn no_history_passes_the_bound(steps in prop::collection::vec((0_i64..60, -90_i64..200), 1..40)) {
        let start = 10_000;
        let mut past = Given::default();
        // Moments in hours and the values since then, in cents: what a model knows.
        let mut history = vec![(-1_000, start)];
        let (mut hour, mut value) = (0, start);
        for (wait, share) in steps {
            hour += wait;
            let now = NOW + SignedDuration::from_secs(hour * HOUR);
            let to = (value + value * share / 100).max(0);
            let mut proposal = guarded("keep change within 50% per 7 days", (value, to), &past, now);
            if proposal.state != State::Fires || to == value {
                continue;
            }
            guards::settle(std::slice::from_mut(&mut proposal), &[], &[]);
            if proposal.state != State::Fires {
                continue;
            }
            let left = after(&proposal);
            let base = history.iter().rfind(|(since, _)| *since <= hour - 168).map_or(start, |(_, value)| *value);
            let (is_rise, twice) = (left > value, 2 * left);
            prop_assert!(if is_rise { twice <= 3 * base } else { twice >= base }, "{base} became {left}: {history:?}");
            let (resource, change) = changed(-hour, value, left);
            past.changes.push((resource, change));
            history.push((hour, left));
            value = left;
        }
    }
}

/// What another rule, or another row, of this pipeline did in this very window holds; so does what took a change back since the
/// window began. What the row itself did, and is wanted anew, does not.
#[test]
fn what_was_changed_in_this_window_is_not_changed_again() {
    // Hours since, by this pipeline, an undo, by which decision; whether it holds.
    type Case<'c> = (i64, bool, bool, &'c String, bool);
    let own = IDENTITY.decision("raise", &proposal(0, 10_000, 11_000).key, &NoPast);
    let other = "another".to_owned();
    let why = "cut changed channel 0 via ads already in this window";
    let cases: &[Case<'_>] = &[
        (0, true, false, &other, true),
        (0, false, false, &other, false),
        (0, true, false, &own, false),
        (1, true, false, &other, false),
        (-1, true, false, &other, false),
        (-1, true, true, &other, true),
        (-1, true, true, &own, false),
        (0, true, true, &other, true),
        (1, true, true, &other, false),
        (-1, false, true, &other, false),
    ];
    for (hours, is_own, is_undo, decision, is_held) in cases {
        let (resource, change) = changed(*hours, 9_000, 10_000);
        let change = PastChange { is_own: *is_own, is_undo: *is_undo, decision: (*decision).clone(), ..change };
        let past = Given { changes: vec![(resource, change)], ..Given::default() };
        let found = outcome("", (10_000, 11_000), &past);
        let wanted = if *is_held { Err(why.to_owned()) } else { Ok(11_000) };
        assert_eq!(found, wanted, "{hours} {is_own} {is_undo} {decision}");
    }
}

/// A change that just fits is not said to be shortened.
#[test]
fn what_fits_is_not_shortened() {
    for (to, reasons) in [(14_999, 0), (15_000, 0), (15_001, 1)] {
        let found = guarded("keep change within 50% per 7 days", (10_000, to), &Given::default(), NOW);
        assert_eq!(found.reasons.len(), reasons, "{to}");
    }
}
