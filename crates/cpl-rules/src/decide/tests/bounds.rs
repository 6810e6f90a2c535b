//! Caps and floors, as a table: what is proposed, what bounds it, what is left, and why.

use cpl_model::{program::ExprKind, report::State, value::Value};
use cpl_plan::rule::{CompiledBound, CompiledRule, RowLayout};
use rust_decimal::Decimal;

use super::{after, dollars, program, proposal};
use crate::decide::{change::Leg, change::Partner, guards, proposal::Proposal};

/// The bounds of a rule with that guard, and a row of those columns `low` and `high`, in cents.
fn compiled(guard: &str, low: Option<i64>, high: Option<i64>) -> (Vec<CompiledBound>, Vec<Value>) {
    let program = program(guard);
    let mut layout = RowLayout::default();
    let bounds = CompiledRule::of(&program.decisions[0], &program, &mut layout).bounds;
    let money =
        |cents: Option<i64>| cents.map_or(Value::Unknown, |cents| Value::Money(Decimal::new(cents, 2), dollars()));
    let value = |kind: &ExprKind| match kind {
        ExprKind::Column(name) if name == "low" => money(low),
        ExprKind::Column(name) if name == "high" => money(high),
        _ => Value::Unknown,
    };
    let row = layout.columns().iter().map(|expr| value(&expr.kind)).collect();
    (bounds, row)
}

fn outcome(mut proposal: Proposal, bounds: &[CompiledBound]) -> (i64, String) {
    guards::keep_bounds(std::slice::from_mut(&mut proposal), bounds);
    (after(&proposal), proposal.reasons.join("; "))
}

/// The guard, `low` and `high`; from and to; what it comes to, and what the report says of it.
type Case<'c> = (&'c str, Option<i64>, Option<i64>, (i64, i64), i64, &'c str);

#[test]
fn a_cap_shortens_rises_and_a_floor_cuts() {
    let (both, above, below) =
        ("keep budget between low and high", "keep budget at most high", "keep budget at least low");
    let cases: &[Case<'_>] = &[
        (above, None, Some(200), (100, 120), 120, ""),
        (above, None, Some(120), (100, 120), 120, ""),
        (above, None, Some(110), (100, 120), 110, "capped at $1.10"),
        // At the bound already: nothing is left of the change, and settling holds it.
        (above, None, Some(100), (100, 120), 100, "capped at $1.00"),
        (above, None, Some(99), (100, 120), 100, "budget $1.00 is above its cap of $0.99 already"),
        (above, None, None, (100, 120), 100, "the cap of budget: high is unknown: it is missing in t"),
        // A cap looks only at rises, a floor only at cuts.
        (above, None, Some(50), (100, 80), 80, ""),
        (above, None, None, (100, 80), 80, ""),
        (below, Some(90), None, (100, 95), 95, ""),
        (below, Some(90), None, (100, 80), 90, "no lower than $0.90"),
        (below, Some(101), None, (100, 80), 100, "budget $1.00 is below its floor of $1.01 already"),
        (below, None, None, (100, 80), 100, "the floor of budget: low is unknown: it is missing in t"),
        (below, Some(500), None, (100, 120), 120, ""),
        (both, Some(90), Some(110), (100, 120), 110, "capped at $1.10"),
        (both, Some(90), Some(110), (100, 80), 90, "no lower than $0.90"),
        // The unknown end does not bound what goes the other way.
        (both, None, Some(110), (100, 120), 110, "capped at $1.10"),
    ];
    for (guard, low, high, (from, to), wanted, done) in cases {
        let (bounds, row) = compiled(guard, *low, *high);
        let found = outcome(Proposal { row, ..proposal(0, *from, *to) }, &bounds);
        assert_eq!(found, (*wanted, (*done).to_owned()), "{guard}, low {low:?}, high {high:?}: {from} to {to}");
    }
}

/// The tighter of two bounds holds, whatever their order in the file; each that shortens is named.
#[test]
fn the_tightest_bound_holds() {
    let (wide, tight) = ("keep budget at most high", "keep budget at most low");
    let cases = [
        (format!("{wide}  {tight}"), "capped at $1.15; capped at $1.10"),
        (format!("{tight}  {wide}"), "capped at $1.10"),
    ];
    for (guard, why) in cases {
        let (bounds, row) = compiled(&guard, Some(110), Some(115));
        assert_eq!(outcome(Proposal { row, ..proposal(0, 100, 120) }, &bounds), (110, why.to_owned()), "{guard}");
    }
}

/// What is moved to another row is bounded by that row's values.
#[test]
fn a_pair_is_bounded_by_both_rows() {
    let (bounds, own) = compiled("keep budget between low and high", Some(10), Some(1_000));
    let (_, narrow) = compiled("keep budget between low and high", Some(10), Some(205));
    let mut moved = Proposal { row: own, ..proposal(0, 100, 80) };
    let partner = Partner { key: proposal(1, 0, 0).key, row: narrow, arguments: Vec::new() };
    let rise =
        Leg { from: Decimal::new(200, 2), rises: true, partner: Some(partner), ..moved.changes[0].legs[0].clone() };
    moved.changes[0].legs.push(rise);
    assert_eq!(outcome(moved, &bounds), (95, "budget capped at $2.05".to_owned()));
}

#[test]
fn what_does_not_fire_stays_as_it_is() {
    let (bounds, row) = compiled("keep budget at most high", None, None);
    let held = Proposal { row, state: State::Held, reasons: vec!["before".to_owned()], ..proposal(0, 100, 120) };
    assert_eq!(outcome(held, &bounds), (100, "before".to_owned()));
}
