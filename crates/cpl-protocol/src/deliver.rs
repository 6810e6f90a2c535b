//! Effects on their way, together: one loop, and behind traits all that is not a rule.

use jiff::Timestamp;

use crate::{
    answer::{Answer, Found},
    delivery::{Delivery, Move, Step},
    state::State,
};

/// One effect of several that are delivered together.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The effect.
    pub delivery: Delivery,
    /// Its target: of each only so many requests are under way at once.
    pub target: usize,
    /// The effects that must have been carried out before, by their places: a rise waits for the cut that pays for it.
    pub needs: Vec<usize>,
}

/// A request that is made now, by the place of its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The effect is sent.
    Send(usize),
    /// The value of its thing is read.
    Read(usize),
}

/// What came back of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of one that was sent.
    Sent(Answer),
    /// Of a reading.
    Read(Found),
}

/// Makes requests.
pub trait Wire {
    /// What came back of an effect that was sent, or of a reading of its thing's value; of each call, in their order. They may be made
    /// at once.
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome>;
}

/// Records steps.
pub trait Store {
    /// Why something can't be recorded, or may not be sent.
    type Error;

    /// Records steps of effects, by their places, to the disk. What is to be sent is recorded as sent before it is: an error keeps
    /// it from that.
    ///
    /// # Errors
    /// Where it can't be recorded, or nothing may be sent any more.
    fn record(&mut self, steps: &[(usize, Step)]) -> Result<(), Self::Error>;
}

/// The time.
pub trait Clock {
    /// Now.
    fn now(&mut self) -> Timestamp;

    /// Waits until a moment.
    fn wait_until(&mut self, moment: Timestamp);
}

/// Chance.
pub trait Random {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64;
}

/// Everything around effects on their way.
pub struct World<'w, S> {
    /// Makes requests.
    pub wire: &'w mut dyn Wire,
    /// Records steps.
    pub store: &'w mut S,
    /// The time.
    pub clock: &'w mut dyn Clock,
    /// Chance.
    pub random: &'w mut dyn Random,
}

/// Delivers effects until nothing follows for any of them, or the time is over: nothing is begun after `until`. `widths` says of each
/// target how many requests may be under way at once.
///
/// # Errors
/// Where a step can't be recorded, or nothing may be sent any more: then nothing more was sent.
pub fn deliver<S: Store>(
    lanes: &mut [Lane],
    widths: &[usize],
    until: Timestamp,
    world: &mut World<'_, S>,
) -> Result<(), S::Error> {
    loop {
        let round = Round::of(lanes, widths, until, world.clock.now());
        if !round.steps.is_empty() {
            world.store.record(&round.steps)?;
        }
        if round.calls.is_empty() {
            match round.wake {
                Some(moment) => world.clock.wait_until(moment),
                None if round.steps.is_empty() => return Ok(()),
                None => {}
            }
            continue;
        }
        let outcomes = world.wire.perform(&round.calls);
        let now = world.clock.now();
        let mut steps = Vec::new();
        for (call, outcome) in round.calls.iter().zip(outcomes) {
            let (Call::Send(at) | Call::Read(at)) = *call;
            let random = &mut |end| world.random.below(end);
            let step = match outcome {
                Outcome::Sent(answer) => lanes[at].delivery.answered(answer, now, random),
                Outcome::Read(found) => lanes[at].delivery.read(found, now, random),
            };
            steps.extend(step.map(|step| (at, step)));
        }
        if !steps.is_empty() {
            world.store.record(&steps)?;
        }
    }
}

/// What is done at one moment.
#[derive(Default)]
struct Round {
    calls: Vec<Call>,
    /// Recorded before the calls are made.
    steps: Vec<(usize, Step)>,
    /// When the first effect that waits goes on.
    wake: Option<Timestamp>,
}

impl Round {
    fn of(lanes: &mut [Lane], widths: &[usize], until: Timestamp, now: Timestamp) -> Self {
        let mut round = Self::default();
        let mut under_way = vec![0; widths.len()];
        for at in 0..lanes.len() {
            if lanes[at].delivery.is_ended() || !round.may_begin(at, lanes) {
                continue;
            }
            let lane = &mut lanes[at];
            let width = &mut under_way[lane.target];
            match lane.delivery.next_move(now, until) {
                Move::End => {}
                Move::Wait(moment) => round.wake = Some(round.wake.map_or(moment, |wake| wake.min(moment))),
                Move::GiveUp => round.steps.extend(lane.delivery.give_up().map(|step| (at, step))),
                Move::Read | Move::Send if *width >= widths[lane.target] => {}
                Move::Read => {
                    *width += 1;
                    round.calls.push(Call::Read(at));
                }
                Move::Send => {
                    *width += 1;
                    round.steps.push((at, lane.delivery.send(now)));
                    round.calls.push(Call::Send(at));
                }
            }
        }
        round
    }

    /// Whether what an effect waits for was carried out; where it will not be, the effect is held.
    fn may_begin(&mut self, at: usize, lanes: &mut [Lane]) -> bool {
        if !matches!(lanes[at].delivery.state(), State::Recorded | State::Held) {
            return true;
        }
        let is_missing = |need: &&usize| lanes[**need].delivery.state() != State::Confirmed;
        let Some(missing) = lanes[at].needs.iter().find(is_missing) else { return true };
        let needed = &lanes[*missing].delivery;
        match (needed.is_ended(), needed.state()) {
            (false, _) => {}
            (true, State::Recorded) => lanes[at].delivery.leave(),
            (true, _) => {
                let step = lanes[at].delivery.hold("what pays for it was not confirmed");
                self.steps.extend(step.map(|step| (at, step)));
            }
        }
        false
    }
}
