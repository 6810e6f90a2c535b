//! What follows of each answer, as a table.

use jiff::{SignedDuration, Timestamp};

use crate::{Answer, Dedupe, Delivery, Found, Move, Policy, Recorded, State};

const START: Timestamp = Timestamp::constant(1_795_132_800, 0);
const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn policy(dedupe: Dedupe) -> Policy {
    Policy { dedupe, checks: false, confirms: false, timeout: TIMEOUT }
}

fn fresh(policy: Policy) -> Delivery {
    resumed(policy, State::Recorded, false)
}

fn resumed(policy: Policy, state: State, is_over: bool) -> Delivery {
    let sent = (state != State::Recorded).then_some(at(-100));
    Delivery::resumed(policy, Recorded { state, first_sent: sent, now: at(-50), is_over })
}

/// What an answer to the first request leaves: the state, and what comes next.
fn after(dedupe: Dedupe, answer: Answer) -> (State, Move) {
    let mut delivery = fresh(policy(dedupe));
    assert_eq!(delivery.next_move(START, at(3_600)), Move::Send);
    assert_eq!(delivery.send(START).state, State::Sent);
    let step = delivery.answered(answer, at(1), &mut |_| 0);
    assert_eq!(step.map(|step| step.state), Some(delivery.state()), "each state is recorded");
    (delivery.state(), delivery.next_move(at(1), at(3_600)))
}

#[test]
fn answers() {
    let (none, key, lookup) = (Dedupe::None, Dedupe::Key(DAY), Dedupe::Lookup);
    let text = || "why".to_owned();
    let minute = Some(SignedDuration::from_secs(60));
    let soon = Move::Wait(at(2));
    let cases = [
        (none, Answer::Success, State::Confirmed, Move::End),
        (none, Answer::NotSent(text()), State::Recorded, soon),
        (none, Answer::Lost(text()), State::Uncertain, Move::End),
        (key, Answer::Lost(text()), State::Uncertain, soon),
        // A lookup waits until the request is no longer under way.
        (lookup, Answer::Lost(text()), State::Uncertain, Move::Wait(at(31))),
        (none, Answer::Refused(text()), State::Refused, Move::End),
        (none, Answer::Superseded(text()), State::Superseded, Move::End),
        (none, Answer::Later(minute, text()), State::Recorded, Move::Wait(at(61))),
        // Who wants no pause gets one all the same.
        (none, Answer::Later(Some(SignedDuration::ZERO), text()), State::Recorded, soon),
        // A wait behind the run's end: it is not begun.
        (none, Answer::Later(Some(DAY), text()), State::Recorded, Move::GiveUp),
        (key, Answer::InFlight, State::Uncertain, soon),
    ];
    for (dedupe, answer, state, next) in cases {
        assert_eq!(after(dedupe, answer.clone()), (state, next), "{dedupe:?} {answer:?}");
    }
}

#[test]
fn statuses() {
    let text = |status: u16| format!("HTTP {status}");
    for status in [200, 201, 204, 299] {
        assert_eq!(Answer::of_status(status, None, false), Answer::Success);
    }
    for status in [301, 307, 400, 401, 403, 404, 409, 422, 499] {
        assert_eq!(Answer::of_status(status, None, false), Answer::Refused(text(status)));
    }
    for status in [425, 429, 503] {
        assert_eq!(Answer::of_status(status, Some(DAY), false), Answer::Later(Some(DAY), text(status)));
    }
    for status in [500, 502, 504, 599, 100] {
        assert_eq!(Answer::of_status(status, None, true), Answer::Lost(text(status)));
    }
    assert_eq!(Answer::of_status(409, None, true), Answer::InFlight);
    assert_eq!(Answer::of_status(412, None, true), Answer::Superseded(text(412)));
}

/// After a request that may have been carried out, no refusal says that it was not.
#[test]
fn a_refusal_of_a_repeat_says_nothing_of_the_first() {
    let later = Answer::Later(None, String::new());
    for answer in [Answer::Refused(String::new()), Answer::Superseded(String::new()), later] {
        let mut delivery = fresh(policy(Dedupe::Key(DAY)));
        delivery.send(START);
        delivery.answered(Answer::Lost("broken".to_owned()), at(1), &mut |_| 0);
        delivery.send(at(2));
        delivery.answered(answer.clone(), at(3), &mut |_| 0);
        assert_eq!(delivery.state(), State::Uncertain, "{answer:?}");
        // Nothing more can be asked of a server that knows keys; one that is busy is sent the same again.
        let next = if matches!(answer, Answer::Later(..)) { Move::Send } else { Move::End };
        assert_eq!(delivery.next_move(at(60), at(3_600)), next, "{answer:?}");
        delivery.give_up();
        assert_eq!(delivery.state(), State::Uncertain, "{answer:?}");
    }
}

#[test]
fn readings() {
    let other = || Found::Other("$130".to_owned());
    // Of an effect that was on its way when the process ended.
    let cases = [
        (Dedupe::Lookup, false, Found::After, State::Confirmed),
        (Dedupe::Lookup, false, Found::Before, State::Recorded),
        (Dedupe::Lookup, true, Found::Before, State::Expired),
        (Dedupe::Lookup, false, other(), State::Drifted),
        (Dedupe::Lookup, false, Found::Unread("HTTP 500".to_owned()), State::Uncertain),
    ];
    for (dedupe, is_over, found, state) in cases {
        let mut delivery = resumed(policy(dedupe), State::Sent, is_over);
        assert_eq!(delivery.next_move(START, at(3_600)), Move::Read);
        delivery.read(found.clone(), START, &mut |_| 0);
        assert_eq!(delivery.state(), state, "{found:?}, over: {is_over}");
    }
    // Before the first request, and read back behind it.
    let checked = Policy { checks: true, confirms: true, ..policy(Dedupe::None) };
    for (found, state) in [(Found::After, State::Superseded), (other(), State::Superseded)] {
        let mut delivery = fresh(checked);
        delivery.read(found, START, &mut |_| 0);
        assert_eq!((delivery.state(), delivery.is_ended()), (state, true));
    }
    for (found, state) in [
        (Found::After, State::Confirmed),
        (Found::Before, State::Uncertain),
        (other(), State::Drifted),
        (Found::Unread(String::new()), State::Uncertain),
    ] {
        let mut delivery = fresh(checked);
        assert_eq!(delivery.next_move(START, at(9)), Move::Read);
        assert_eq!(delivery.read(Found::Before, START, &mut |_| 0), None);
        assert_eq!(delivery.next_move(START, at(9)), Move::Send);
        delivery.send(START);
        assert_eq!(delivery.answered(Answer::Success, at(1), &mut |_| 0), None);
        assert_eq!(delivery.next_move(at(1), at(9)), Move::Read);
        delivery.read(found.clone(), at(2), &mut |_| 0);
        assert_eq!(delivery.state(), state, "{found:?}");
    }
}

/// What another process left, by the kind of target and whether the window is over: what comes next.
#[test]
fn what_a_process_left() {
    let (none, key, lookup) = (Dedupe::None, Dedupe::Key(DAY), Dedupe::Lookup);
    let cases = [
        (none, State::Recorded, false, Move::Send),
        (none, State::Recorded, true, Move::GiveUp),
        (none, State::Sent, false, Move::GiveUp),
        (none, State::Uncertain, false, Move::End),
        (key, State::Sent, false, Move::Send),
        (key, State::Uncertain, true, Move::End),
        // The key is no longer known.
        (Dedupe::Key(SignedDuration::from_secs(100)), State::Sent, false, Move::GiveUp),
        (lookup, State::Sent, true, Move::Read),
        (none, State::Confirmed, false, Move::End),
        (lookup, State::Refused, false, Move::End),
    ];
    for (dedupe, state, is_over, next) in cases {
        let delivery = resumed(policy(dedupe), state, is_over);
        assert_eq!(delivery.next_move(START, at(3_600)), next, "{dedupe:?} {state:?} over: {is_over}");
    }
}

/// Plays an effect of which every reading and every request comes to the same, until nothing follows: how often each was made.
fn played(policy: Policy, answer: &Answer, found: &Found) -> (u32, u32, State) {
    let (mut now, mut reads, mut sends) = (START, 0, 0);
    let mut delivery = fresh(policy);
    loop {
        match delivery.next_move(now, START + DAY) {
            Move::End => return (reads, sends, delivery.state()),
            Move::Wait(moment) => now = moment,
            Move::GiveUp => drop(delivery.give_up()),
            Move::Read => {
                reads += 1;
                delivery.read(found.clone(), now, &mut |_| 0);
            }
            Move::Send => {
                sends += 1;
                delivery.send(now);
                delivery.answered(answer.clone(), now, &mut |_| 0);
            }
        }
    }
}

#[test]
fn nothing_is_tried_for_ever() {
    let (lost, unread) = (Answer::Lost(String::new()), Found::Unread("HTTP 404".to_owned()));
    let lookup = Policy { checks: true, ..policy(Dedupe::Lookup) };
    let cases = [
        // What can't be read is not sent, and stays as it is.
        (lookup, &lost, unread, (6, 0, State::Recorded)),
        // Each lost request is looked up, and none was carried out.
        (lookup, &lost, Found::Before, (7, 6, State::Recorded)),
        (policy(Dedupe::Key(DAY)), &lost, Found::Before, (0, 6, State::Uncertain)),
        (policy(Dedupe::None), &Answer::NotSent(String::new()), Found::Before, (0, 6, State::Recorded)),
    ];
    for (policy, answer, found, wanted) in cases {
        assert_eq!(played(policy, answer, &found), wanted, "{policy:?} {answer:?} {found:?}");
    }
}

/// A target that is busy may be changed by somebody until it is not.
#[test]
fn a_value_is_read_again_behind_a_wait() {
    let mut delivery = fresh(Policy { checks: true, ..policy(Dedupe::Lookup) });
    delivery.read(Found::Before, START, &mut |_| 0);
    delivery.send(START);
    delivery.answered(Answer::Later(None, "HTTP 429".to_owned()), at(1), &mut |_| 0);
    assert_eq!(delivery.next_move(at(60), at(3_600)), Move::Read);
}

/// What was held is looked at again: it goes on where its cut is confirmed by then, and is held once otherwise.
#[test]
fn what_was_held_may_go_on() {
    let mut delivery = resumed(policy(Dedupe::None), State::Held, false);
    assert_eq!(delivery.next_move(START, at(3_600)), Move::Send);
    assert_eq!(delivery.hold("its cut is not confirmed"), None);
    assert_eq!(delivery.next_move(START, at(3_600)), Move::End);
    let mut over = resumed(policy(Dedupe::None), State::Held, true);
    assert_eq!((over.next_move(START, at(3_600)), over.give_up()), (Move::GiveUp, None));
}

/// Nothing is begun behind the end of the run's time, and what waits for later than that is given up.
#[test]
fn the_end_of_the_time_is_in_it() {
    let busy = |seconds| {
        let mut delivery = fresh(policy(Dedupe::None));
        delivery.send(START);
        delivery.answered(Answer::Later(Some(SignedDuration::from_secs(seconds)), String::new()), START, &mut |_| 0);
        delivery
    };
    let cases = [
        (fresh(policy(Dedupe::None)), at(9), Move::Send),
        (fresh(policy(Dedupe::None)), at(10), Move::Send),
        (fresh(policy(Dedupe::None)), at(11), Move::GiveUp),
        (busy(10), at(1), Move::Wait(at(10))),
        (busy(11), at(1), Move::GiveUp),
    ];
    for (delivery, now, next) in cases {
        assert_eq!(delivery.next_move(now, at(10)), next, "{now}");
    }
}

/// What a server was too busy for has expired when the time is over; what never left stays recorded.
#[test]
fn what_is_given_up() {
    let cases = [
        (Answer::Later(None, String::new()), Some(State::Expired), State::Expired),
        (Answer::NotSent(String::new()), None, State::Recorded),
    ];
    for (answer, step, state) in cases {
        let mut delivery = fresh(policy(Dedupe::None));
        delivery.send(START);
        delivery.answered(answer.clone(), START, &mut |_| 0);
        assert_eq!(delivery.give_up().map(|step| step.state), step, "{answer:?}");
        assert_eq!(delivery.state(), state, "{answer:?}");
    }
}

/// Each pause is twice the one before it, up to a minute; from a half of it on, its length is left to chance.
#[test]
fn pauses() {
    let of_busy_target = |random: fn(u64) -> u64| {
        let mut delivery = fresh(policy(Dedupe::None));
        let mut pause = || {
            delivery.send(START);
            delivery.answered(Answer::Later(None, "busy".to_owned()), START, &mut { random });
            match delivery.next_move(START, at(3_600)) {
                Move::Wait(until) => until.duration_since(START).as_millis(),
                other => panic!("{other:?}"),
            }
        };
        [(); 7].map(|()| pause())
    };
    assert_eq!(of_busy_target(|_| 0), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert_eq!(of_busy_target(|end| end - 1), [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
}

/// A key is good as long as a repeat, four times its own time late, still comes within its life.
#[test]
fn a_key_ends() {
    let first_sent = Some(at(0));
    let dedupe = Dedupe::Key(TIMEOUT * 4 + SignedDuration::from_secs(80));
    let recorded = Recorded { state: State::Sent, first_sent, now: at(10), is_over: false };
    let delivery = Delivery::resumed(policy(dedupe), recorded);
    for (moment, next) in [(10, Move::Send), (79, Move::Send), (80, Move::GiveUp), (81, Move::GiveUp)] {
        assert_eq!(delivery.next_move(at(moment), at(3_600)), next, "{moment}");
    }
}

/// What may have been carried out when a run's time is over is uncertain, and that is recorded once.
#[test]
fn what_is_given_up_on_its_way_is_uncertain() {
    for (state, recorded) in [(State::Sent, Some(State::Uncertain)), (State::Uncertain, None)] {
        let mut delivery = resumed(policy(Dedupe::Key(DAY)), state, false);
        assert_eq!(delivery.give_up().map(|step| step.state), recorded, "{state:?}");
        assert_eq!((delivery.state(), delivery.is_ended()), (State::Uncertain, true));
    }
}
