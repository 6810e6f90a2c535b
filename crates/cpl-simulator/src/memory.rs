//! What a process leaves to the next one.

use cpl_protocol::{State, Step};
use jiff::Timestamp;

/// What is remembered of an effect.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its state.
    pub state: State,
    /// When it was sent first.
    pub first_sent: Option<Timestamp>,
}

/// What becomes of a process that records something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Lives,
    /// It ends before all is recorded: nothing is.
    KilledAmid,
    /// It ends when all is recorded.
    KilledBehind,
}

/// Where steps are recorded.
pub trait Memory {
    /// What is remembered of each effect, in their order: a process begins with it.
    fn known(&mut self) -> Vec<Known>;

    /// Records steps of effects, by their places.
    fn record(&mut self, steps: &[(usize, Step)], now: Timestamp, fate: Fate);
}

/// A model of a ledger.
#[derive(Debug)]
pub struct ModelMemory(Vec<Known>);

impl ModelMemory {
    /// With so many effects, none of which was sent yet.
    #[must_use]
    pub fn of(effects: usize) -> Self {
        Self(vec![Known { state: State::Recorded, first_sent: None }; effects])
    }
}

impl Memory for ModelMemory {
    fn known(&mut self) -> Vec<Known> {
        self.0.clone()
    }

    fn record(&mut self, steps: &[(usize, Step)], now: Timestamp, fate: Fate) {
        if fate == Fate::KilledAmid {
            return;
        }
        for (at, step) in steps {
            self.0[*at].state = step.state;
            if step.state == State::Sent {
                self.0[*at].first_sent.get_or_insert(now);
            }
        }
    }
}
