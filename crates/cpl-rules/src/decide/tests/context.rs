//! What was decided before and elsewhere, as a table: what holds a row, whatever its values.

use std::collections::BTreeMap;

use cpl_model::{report::Pairs, resource::Resource};
use jiff::{SignedDuration, Timestamp};

use super::{past::Given, program, proposal};
use crate::{
    decide::{context::GuardContext, guards},
    holds::Holds,
    identity::Identity,
    past::{Changed, NoPast, Past as _, PastChange},
};

/// Why the row of channel 0 is held, if it is.
fn held(guard: &str, past: &Given, held: Option<&str>, claimed: &[(Resource, &str)]) -> Option<String> {
    let program = program(guard);
    let mut claimed: BTreeMap<Resource, String> =
        claimed.iter().map(|(resource, rule)| (resource.clone(), (*rule).to_owned())).collect();
    let context = GuardContext {
        holds: held.map_or_else(Holds::default, |reason| Holds::all(reason.to_owned())),
        claimed: &mut claimed,
        identity: &IDENTITY,
        past,
        now: NOW,
        show_quiet: false,
    };
    let mut proposals = vec![proposal(0, 10_000, 11_000)];
    guards::hold_by_context(&mut proposals, &program.decisions[0], &program, &context);
    proposals[0].reasons.first().map(|reason| reason.split(": cut changed").next().unwrap_or_default().to_owned())
}

pub const IDENTITY: Identity<'_> = Identity { workspace: "w", pipeline: "p", window: "2026-11-20" };
pub const NOW: Timestamp = Timestamp::constant(1_795_132_800, 0);

/// The resource that a row of that channel changes.
pub fn resource(channel: usize) -> Resource {
    let program = program("");
    proposal(channel, 10_000, 11_000).resources(&program).remove(0)
}

/// A call that changed a channel, by another rule.
fn changed(channel: usize, at: Timestamp) -> (Resource, PastChange) {
    let (setting, unit, before, after) = (None, None, None, None);
    let (by, decision) = ("cut".to_owned(), "another".to_owned());
    let change =
        PastChange { at, by, decision, is_own: false, is_undo: false, setting, unit, before, after, is_applied: true };
    (resource(channel), change)
}

#[test]
fn a_cooldown_is_counted_from_the_last_change_of_the_resource() {
    let cooling = "channel 0 via ads cools down for 3 days";
    // The guard, the channel that was changed, how many seconds ago; why the row is held.
    let hour = 3_600;
    let cases = [
        ("cooldown 3 days", 0, 1, Some(cooling)),
        ("cooldown 3 days", 0, 72 * hour - 1, Some(cooling)),
        ("cooldown 3 days", 0, 72 * hour, None),
        ("cooldown 3 days", 1, 1, None),
        ("", 0, 1, None),
    ];
    for (guard, channel, seconds, wanted) in cases {
        let at = NOW - SignedDuration::from_secs(seconds);
        let earlier = at - SignedDuration::from_hours(1_000);
        let changes = vec![changed(channel, earlier), changed(channel, at)];
        let past = Given { changes, ..Given::default() };
        let found = held(guard, &past, None, &[]);
        assert_eq!(found.as_deref(), wanted, "{guard}, channel {channel}, {seconds} s ago");
    }
}

#[test]
fn what_is_done_already_is_not_done_again() {
    let row = proposal(0, 10_000, 11_000);
    let own = IDENTITY.decision("raise", &row.key, &NoPast);
    let other_window = Identity { window: "2026-11-19", ..IDENTITY }.decision("raise", &row.key, &NoPast);
    let other_row = IDENTITY.decision("raise", &proposal(1, 10_000, 11_000).key, &NoPast);
    for (done, wanted) in [(own, Some("done already in this window")), (other_window, None), (other_row, None)] {
        let past = Given { done: vec![done.clone()], ..Given::default() };
        assert_eq!(held("", &past, None, &[]).as_deref(), wanted, "{done}");
    }
}

#[test]
fn the_first_reason_is_given() {
    let own = IDENTITY.decision("raise", &proposal(0, 10_000, 11_000).key, &NoPast);
    let past = Given { done: vec![own], changes: vec![changed(0, NOW)], ..Given::default() };
    let claimed = [(resource(0), "cut")];
    let broken = Some("the data is broken");
    assert_eq!(held("cooldown 3 days", &past, broken, &claimed).as_deref(), broken);
    assert_eq!(held("cooldown 3 days", &past, None, &claimed).as_deref(), Some("done already in this window"));
    let past = Given { done: Vec::new(), ..past };
    let cooling = Some("channel 0 via ads cools down for 3 days");
    assert_eq!(held("cooldown 3 days", &past, None, &claimed).as_deref(), cooling);
    assert_eq!(held("", &past, None, &claimed).as_deref(), Some("cut changes channel 0 via ads already"));
    assert_eq!(held("", &Given::default(), None, &[]), None);
}

#[test]
fn where_there_is_no_past_nothing_was_decided_said_or_seen() {
    let (resource, row) = (resource(0), Pairs::default());
    let of = Changed { resource: &resource, row: &row };
    assert_eq!((NoPast.outcome("id"), NoPast.done("raise")), (None, 0));
    assert_eq!((NoPast.is_alone(), NoPast.is_redone("id")), (false, false));
    assert_eq!((NoPast.changes_since(of, Timestamp::MIN), NoPast.last_change(of, None)), (Vec::new(), None));
    assert_eq!((NoPast.observed(of, "budget"), NoPast.verdict("id"), NoPast.pause()), (None, None, None));
}
