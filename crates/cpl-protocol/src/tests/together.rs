//! Several effects at once: how many are under way, and what waits for what.

use jiff::{SignedDuration, Timestamp};

use crate::{
    Answer, Call, Clock, Dedupe, Delivery, Found, Lane, Outcome, Policy, Random, Recorded, State, Step, Store, Wire,
    World, deliver,
};

const START: Timestamp = Timestamp::constant(1_795_132_800, 0);

/// A server that does all it is asked, and a ledger that keeps all.
#[derive(Default)]
struct Calm {
    /// How many requests were under way at once, each time.
    rounds: Vec<usize>,
    sent: Vec<usize>,
}

impl Wire for Calm {
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome> {
        self.rounds.push(calls.len());
        let outcome = |call: &Call| match call {
            Call::Send(at) => {
                self.sent.push(*at);
                Outcome::Sent(Answer::Success)
            }
            Call::Read(_) => Outcome::Read(Found::Before),
        };
        calls.iter().map(outcome).collect()
    }
}

struct Nothing;

impl Store for Nothing {
    type Error = ();

    fn record(&mut self, _: &[(usize, Step)]) -> Result<(), ()> {
        Ok(())
    }
}

impl Clock for Nothing {
    fn now(&mut self) -> Timestamp {
        START
    }

    fn wait_until(&mut self, _: Timestamp) {}
}

impl Random for Nothing {
    fn below(&mut self, _: u64) -> u64 {
        0
    }
}

fn lane(target: usize, checks: bool, is_over: bool, needs: &[usize]) -> Lane {
    let policy = Policy { dedupe: Dedupe::None, checks, confirms: false, timeout: SignedDuration::from_secs(30) };
    let recorded = Recorded { state: State::Recorded, first_sent: None, now: START, is_over };
    Lane { delivery: Delivery::resumed(policy, recorded), target, needs: needs.to_vec() }
}

fn delivered(lanes: &mut [Lane], widths: &[usize]) -> Calm {
    let mut calm = Calm::default();
    let mut world = World { wire: &mut calm, store: &mut Nothing, clock: &mut Nothing, random: &mut Nothing };
    assert_eq!(deliver(lanes, widths, START, &mut world), Ok(()));
    calm
}

#[test]
fn of_each_target_only_so_many_are_under_way() {
    let sent: Vec<Lane> = (0..5).map(|_| lane(0, false, false, &[])).collect();
    assert_eq!(delivered(&mut sent.clone(), &[2]).rounds, [2, 2, 1]);
    assert_eq!(delivered(&mut sent.clone(), &[1]).rounds, [1, 1, 1, 1, 1]);
    // A value that is read first takes a turn, too.
    let mut read: Vec<Lane> = (0..3).map(|_| lane(0, true, false, &[])).collect();
    assert_eq!(delivered(&mut read, &[2]).rounds, [2, 2, 1, 1]);
    // Another target has turns of its own.
    let mut two: Vec<Lane> = (0..4).map(|at| lane(at % 2, false, false, &[])).collect();
    assert_eq!(delivered(&mut two, &[1, 2]).rounds, [3, 1]);
}

#[test]
fn a_rise_is_sent_behind_its_cut() {
    let mut lanes = [lane(0, false, false, &[1]), lane(0, false, false, &[])];
    assert_eq!(delivered(&mut lanes, &[2]).sent, [1, 0]);
}

/// What the end of one effect means for another one is found out before the end.
#[test]
fn a_rise_is_held_where_its_cut_is_given_up() {
    let mut lanes = [lane(0, false, false, &[1]), lane(0, false, true, &[])];
    assert_eq!(delivered(&mut lanes, &[2]).sent, []);
    assert_eq!(lanes.map(|lane| lane.delivery.state()), [State::Held, State::Expired]);
}
