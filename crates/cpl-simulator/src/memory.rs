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

    /// Adds an effect that a person wants, behind the others; where it takes one of them back, which. When it is confirmed, that
    /// one is undone.
    fn add(&mut self, undoes: Option<usize>);
}

/// A model of a ledger.
#[derive(Debug)]
pub struct ModelMemory {
    known: Vec<Known>,
    /// What each of them takes back.
    undoes: Vec<Option<usize>>,
}

/// An effect that was not sent yet.
const NEW: Known = Known { state: State::Recorded, first_sent: None };

impl ModelMemory {
    /// With so many effects, none of which was sent yet.
    #[must_use]
    pub fn of(effects: usize) -> Self {
        Self { known: vec![NEW; effects], undoes: vec![None; effects] }
    }
}

impl Memory for ModelMemory {
    fn known(&mut self) -> Vec<Known> {
        self.known.clone()
    }

    fn record(&mut self, steps: &[(usize, Step)], now: Timestamp, fate: Fate) {
        if fate == Fate::KilledAmid {
            return;
        }
        for (at, step) in steps {
            let before = self.known[*at].state;
            assert!(before.may_become(step.state), "effect {at} is {before:?} and can't become {:?}", step.state);
            self.known[*at].state = step.state;
            if step.state == State::Sent {
                self.known[*at].first_sent.get_or_insert(now);
            }
            if let Some(undone) = self.undoes[*at].filter(|_| step.state == State::Confirmed) {
                self.known[undone].state = State::Undone;
            }
        }
    }

    fn add(&mut self, undoes: Option<usize>) {
        self.known.push(NEW);
        self.undoes.push(undoes);
    }
}
