//! What is passed on with a change, and what takes it back.

use cpl_model::{
    report::{Change, Decision, Pairs, State},
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::{program, proposal};
use crate::decide::change::{Leg, Partner, ProposedChange, changes_text, reversed};

fn leg(column: &str, rises: bool, partner: Option<Partner>) -> Leg {
    Leg { column: column.to_owned(), from: Decimal::from(100), rises, partner, is_first_seen: false }
}

/// Arguments: a value, or none where the new value goes.
type Given<'a> = &'a [(&'a str, Option<i64>)];

fn arguments(given: Given<'_>) -> Vec<(String, Option<Value>)> {
    given.iter().map(|(name, value)| ((*name).to_owned(), value.map(Value::Integer))).collect()
}

fn change(legs: Vec<Leg>, given: Given<'_>) -> ProposedChange {
    ProposedChange {
        ty: Type::Number,
        legs,
        amount: Decimal::from(10),
        arguments: arguments(given),
        target: 0,
        step: None,
    }
}

fn shown(pairs: &Pairs) -> String {
    pairs.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// The arguments, the setting of the thing that the column `budget` changes by them.
#[test]
fn a_setting_is_the_parameter_of_the_column_else_the_only_one_that_takes_the_new_value() {
    let table: [(Given<'_>, &str); 5] = [
        (&[], "budget"),
        (&[("id", Some(1)), ("budget", None)], "budget"),
        (&[("id", Some(1)), ("amount", None)], "amount"),
        (&[("amount", None), ("budget", None)], "budget"),
        (&[("amount", None), ("limit", None)], "budget"),
    ];
    for (given, wanted) in table {
        let change = change(vec![leg("budget", true, None)], given);
        assert_eq!(change.setting(&change.legs[0]), wanted, "{given:?}");
    }
    let partner = Partner { key: Pairs::default(), row: Vec::new(), arguments: arguments(&[("limit", None)]) };
    let of_partner = change(vec![leg("budget", true, Some(partner))], &[("amount", None)]);
    assert_eq!(of_partner.setting(&of_partner.legs[0]), "limit");
}

/// What goes with each of two columns, and with what takes it back: not the other's new value, but what is given.
#[test]
fn each_of_two_columns_is_passed_on_by_itself() {
    let program = program("");
    let table: [(Given<'_>, [&str; 2], [&str; 2]); 4] = [
        (&[], ["", ""], ["", ""]),
        (&[("id", Some(1)), ("new", None)], ["id=1 new=90", "id=1 new=110"], ["id=1 new=100", "id=1 new=100"]),
        (&[("low", None), ("high", None)], ["low=90", "high=110"], ["low=100", "high=100"]),
        (&[("low", Some(7)), ("high", None)], ["low=7", "low=7 high=110"], ["low=7", "low=7 high=100"]),
    ];
    for (given, wanted, undone) in table {
        let change = change(vec![leg("low", false, None), leg("high", true, None)], given);
        let reported = change.reported(&program, &|_| None);
        let passed_on: Vec<String> = reported.iter().map(|change| shown(&change.arguments)).collect();
        let undo: Vec<String> = reported.iter().filter_map(|change| change.undo.as_ref()).map(shown).collect();
        assert_eq!(
            (passed_on, undo),
            (wanted.map(str::to_owned).into(), undone.map(str::to_owned).into()),
            "{given:?}"
        );
    }
}

/// What takes a decision back changes each setting the other way; what takes that back is the decision again. A call stays.
#[test]
fn a_decision_is_taken_back() {
    let program = program("");
    let moved = change(vec![leg("low", false, None), leg("high", true, None)], &[("new", None)]);
    let call = change(Vec::new(), &[("id", Some(1))]);
    let changes: Vec<Change> =
        [&moved, &call].into_iter().flat_map(|change| change.reported(&program, &|_| None)).collect();
    let decision = Decision {
        id: "d".to_owned(),
        rule: "r".to_owned(),
        key: Pairs(vec![("id".to_owned(), Value::Integer(1))]),
        state: State::Fires,
        reason: None,
        because: Vec::new(),
        changes,
        awaits_approval: false,
        conditions: vec!["cac $41 < $47".to_owned()],
        undoes: None,
    };
    let undo = reversed(&decision);
    let shown = |decision: &Decision| -> Vec<String> {
        let each = |change: &Change| format!("{} → {} by {}", change.from, change.to, shown(&change.arguments));
        decision.changes.iter().map(each).collect()
    };
    assert_eq!(shown(&decision), ["100 → 90 by new=90", "100 → 110 by new=110", "unknown → unknown by id=1"]);
    assert_eq!(shown(&undo), ["90 → 100 by new=100", "110 → 100 by new=100", "unknown → unknown by id=1"]);
    assert_eq!((undo.undoes.as_deref(), undo.id == decision.id, undo.conditions.len()), (Some("d"), false, 0));
    assert_eq!((undo.rule, undo.key, undo.state), (decision.rule.clone(), decision.key.clone(), decision.state));
    assert_eq!(changes_text(&reversed(&reversed(&decision)).changes), changes_text(&decision.changes));
}

/// Each change is of a thing, but for a call that is only shown.
#[test]
fn a_call_that_is_only_shown_changes_nothing() {
    let program = program("");
    let target = |name: &str| program.targets.iter().position(|target| target.name == name).unwrap_or(usize::MAX);
    for (name, is_call, has_thing) in
        [("ads", false, true), ("ads", true, true), ("shown", false, true), ("shown", true, false)]
    {
        let mut proposal = proposal(0, 10_000, 11_000);
        proposal.changes[0].target = target(name);
        if is_call {
            proposal.changes[0].legs.clear();
        }
        let things: Vec<bool> = proposal.reported(&program).iter().map(|change| change.resource.is_some()).collect();
        assert_eq!(things, [has_thing], "{name}, a call: {is_call}");
        assert_eq!(proposal.resources(&program).len(), usize::from(has_thing), "{name}, a call: {is_call}");
    }
}
