//! One effect on its way.

use jiff::{SignedDuration, Timestamp};

use crate::{
    answer::{Answer, Found},
    state::State,
};

/// How a target tells a repeated request from a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dedupe {
    /// It does not.
    None,
    /// By the key that a request bears, which it knows for so long.
    Key(SignedDuration),
    /// It does not, and its value can be read.
    Lookup,
}

/// What is known of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How it tells a repeated request from a new one.
    pub dedupe: Dedupe,
    /// The value is read before it is changed: another one than the rule saw is left alone.
    pub checks: bool,
    /// The value is read once more where the target says that it was changed.
    pub confirms: bool,
    /// How long a request may be under way: what was lost may still be carried out until then.
    pub timeout: SignedDuration,
}

/// A state that an effect comes to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state.
    pub state: State,
    /// What was found.
    pub why: Option<String>,
}

impl Step {
    fn new(state: State, why: impl Into<String>) -> Self {
        Self { state, why: Some(why.into()) }
    }

    fn plain(state: State) -> Self {
        Self { state, why: None }
    }
}

/// What is recorded of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The state it came to last.
    pub state: State,
    /// When it was sent first, if it was.
    pub first_sent: Option<Timestamp>,
    /// Now: a request of the process before may have left until then.
    pub now: Timestamp,
    /// Its window is over: it is no longer sent, and what became of it is found out.
    pub is_over: bool,
}

/// What comes next for an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    End,
    /// Nothing before a moment.
    Wait(Timestamp),
    /// The value is read.
    Read,
    /// It is sent, once that is recorded.
    Send,
    /// The time is over.
    GiveUp,
}

/// What a reading is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Whether the thing is as the rule saw it.
    Check,
    Send,
    /// Whether the change is there.
    Confirm,
    /// What became of a request that was lost.
    LookUp,
    End,
}

/// Why an effect waits, though nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// The target is busy.
    Busy,
    /// No connection was made, or nothing was tried.
    Unsent,
}

/// An effect on its way.
///
/// It is asked for its next [`Move`], and told what came of it; each [`Step`] that it answers with is recorded before
/// anything else happens. What is recorded is all that another process needs to go on: see [`Delivery::resumed`].
#[derive(Clone, Debug)]
pub struct Delivery {
    policy: Policy,
    state: State,
    /// A request of it may have been carried out.
    may_be_applied: bool,
    is_over: bool,
    first_sent: Option<Timestamp>,
    /// When a request may have left last.
    last_sent: Timestamp,
    next: Next,
    waiting: Waiting,
    not_before: Timestamp,
    tries: u32,
    unsent_tries: u32,
    unread_tries: u32,
    sends: u32,
}

/// The first pause before something is tried again; it doubles each time.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// How often a connection, or a reading, is tried in one run, which takes about a minute.
const MOST_UNSENT: u32 = 6;
/// How often an effect is sent in one run, where its requests are lost.
const MOST_SENDS: u32 = 6;
/// How many times a request's own time it may take until it is carried out.
const TURNS: i32 = 4;
/// The longest one.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

impl Delivery {
    /// Of an effect as it is recorded, by this process or by one before.
    #[must_use]
    pub fn resumed(policy: Policy, recorded: Recorded) -> Self {
        let Recorded { state, first_sent, now, is_over } = recorded;
        let may_be_applied = matches!(state, State::Sent | State::Uncertain);
        let mut delivery = Self {
            policy,
            state,
            may_be_applied,
            is_over,
            first_sent,
            last_sent: now,
            next: Next::End,
            waiting: Waiting::Unsent,
            not_before: Timestamp::MIN,
            tries: 0,
            unsent_tries: 0,
            unread_tries: 0,
            sends: 0,
        };
        delivery.next = match state {
            // What was held is looked at again: its cut may be confirmed by now.
            State::Recorded | State::Held if policy.checks => Next::Check,
            State::Recorded | State::Held => Next::Send,
            // That nobody knows is recorded, if nothing else can be.
            State::Sent if delivery.after_loss() == Next::End => Next::Send,
            State::Sent | State::Uncertain => delivery.after_loss(),
            _ => Next::End,
        };
        delivery
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether nothing follows in this run.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.next == Next::End
    }

    /// What comes next; nothing is begun after `until`.
    #[must_use]
    pub fn next_move(&self, now: Timestamp, until: Timestamp) -> Move {
        match self.next {
            Next::End => Move::End,
            // What was never sent is not sent any more; a lost one may still be looked up.
            Next::Check | Next::Send if self.is_over => Move::GiveUp,
            // Another request would be a second one.
            Next::Send if self.may_be_applied && !self.is_key_known_at(now.max(self.not_before)) => Move::GiveUp,
            _ if now > until || self.not_before > until => Move::GiveUp,
            _ if self.not_before > now => Move::Wait(self.not_before),
            Next::Send => Move::Send,
            Next::Check | Next::Confirm | Next::LookUp => Move::Read,
        }
    }

    /// It is sent now: the step is recorded before that.
    pub fn send(&mut self, now: Timestamp) -> Step {
        self.first_sent.get_or_insert(now);
        self.last_sent = now;
        self.sends += 1;
        self.state = State::Sent;
        Step::plain(State::Sent)
    }

    /// What came back of a request; `random` makes a number below the one that it is given.
    pub fn answered(&mut self, answer: Answer, now: Timestamp, random: &mut dyn FnMut(u64) -> u64) -> Option<Step> {
        // It may have waited for its turn.
        self.last_sent = now;
        match answer {
            Answer::Success if self.policy.confirms => {
                self.may_be_applied = true;
                (self.next, self.not_before) = (Next::Confirm, now);
                None
            }
            Answer::Success => Some(self.end(Step::plain(State::Confirmed))),
            Answer::Lost(why) => Some(self.lost(why, now, random)),
            Answer::InFlight => {
                self.may_be_applied = true;
                self.pause(now, None, random);
                Some(self.uncertain("a request of the same key is under way".to_owned()))
            }
            // Whatever is said of a repeat says nothing of the request before it.
            Answer::Refused(why) | Answer::Superseded(why) if self.may_be_applied => {
                self.next = if self.policy.dedupe == Dedupe::Lookup { Next::LookUp } else { Next::End };
                self.not_before = self.all_is_carried_out();
                Some(self.uncertain(why))
            }
            Answer::Refused(why) => Some(self.end(Step::new(State::Refused, why))),
            Answer::Superseded(why) => Some(self.end(Step::new(State::Superseded, why))),
            Answer::Later(wait, why) => {
                self.waiting = Waiting::Busy;
                self.pause(now, wait, random);
                Some(self.unsent(why))
            }
            Answer::NotSent(why) => {
                self.waiting = Waiting::Unsent;
                self.unsent_tries += 1;
                self.pause(now, None, random);
                let step = self.unsent(why);
                // A later run of the window tries it again.
                if self.unsent_tries >= MOST_UNSENT && !self.may_be_applied {
                    self.leave();
                }
                Some(step)
            }
        }
    }

    /// What a reading found.
    pub fn read(&mut self, found: Found, now: Timestamp, random: &mut dyn FnMut(u64) -> u64) -> Option<Step> {
        match (self.next, found) {
            (Next::Check, Found::Before) => {
                self.next = Next::Send;
                None
            }
            (Next::Check, Found::After) => Some(self.end(Step::new(State::Superseded, "it has the new value already"))),
            (Next::Check, Found::Other(value)) => {
                Some(self.end(Step::new(State::Superseded, format!("it is {value} now"))))
            }
            (_, Found::After) => Some(self.end(Step::plain(State::Confirmed))),
            (Next::Confirm, Found::Before) => {
                self.next = Next::End;
                Some(self.uncertain("the target answered success and changed nothing".to_owned()))
            }
            (_, Found::Before) => self.was_not_carried_out(now),
            (_, Found::Other(value)) => Some(self.end(Step::new(State::Drifted, format!("it is {value} now")))),
            (_, Found::Unread(why)) => {
                self.pause(now, None, random);
                self.unread_tries += 1;
                if self.unread_tries < MOST_UNSENT {
                    // What can't be read is no reason to send.
                    return (self.state == State::Sent).then(|| self.uncertain(why));
                }
                let is_unsent = self.next == Next::Check;
                self.next = Next::End;
                Some(if is_unsent { Step::new(State::Recorded, why) } else { self.uncertain(why) })
            }
        }
    }

    /// The run's time is over, or its window.
    pub fn give_up(&mut self) -> Option<Step> {
        let waits_to_be_read = self.next == Next::Confirm;
        self.next = Next::End;
        if self.may_be_applied || waits_to_be_read {
            let why =
                if waits_to_be_read { "the run's time was over" } else { "its run ended while it was on its way" };
            return (self.state != State::Uncertain).then(|| self.uncertain(why.to_owned()));
        }
        if self.state == State::Held {
            return None;
        }
        if self.is_over || self.waiting == Waiting::Busy {
            let why = if self.is_over { "its window is over" } else { "the target was busy" };
            return Some(self.end(Step::new(State::Expired, why)));
        }
        None
    }

    /// What it waits for was not tried to the end: it stays as it is recorded.
    pub fn leave(&mut self) {
        self.next = Next::End;
    }

    /// What it waits for was not carried out: it is not sent. No step where it was held before.
    pub fn hold(&mut self, why: impl Into<String>) -> Option<Step> {
        self.next = Next::End;
        (self.state != State::Held).then(|| self.end(Step::new(State::Held, why)))
    }

    fn end(&mut self, step: Step) -> Step {
        (self.state, self.next) = (step.state, Next::End);
        step
    }

    fn uncertain(&mut self, why: String) -> Step {
        self.state = State::Uncertain;
        Step::new(State::Uncertain, why)
    }

    /// Nothing left of this try: it is as it was before.
    fn unsent(&mut self, why: String) -> Step {
        // It may have changed until then.
        self.next = if self.policy.checks && !self.may_be_applied { Next::Check } else { Next::Send };
        if self.may_be_applied {
            if self.policy.dedupe == Dedupe::Lookup {
                self.next = Next::LookUp;
            }
            return self.uncertain(why);
        }
        self.state = State::Recorded;
        Step::new(State::Recorded, why)
    }

    fn lost(&mut self, why: String, now: Timestamp, random: &mut dyn FnMut(u64) -> u64) -> Step {
        self.may_be_applied = true;
        self.pause(now, None, random);
        // A server that never answers is not asked for ever.
        let is_enough = self.sends >= MOST_SENDS && self.policy.dedupe != Dedupe::Lookup;
        self.next = if is_enough { Next::End } else { self.after_loss() };
        if self.next == Next::LookUp {
            self.not_before = self.all_is_carried_out();
        }
        self.uncertain(why)
    }

    /// How it is found out what became of a lost request.
    fn after_loss(&self) -> Next {
        match self.policy.dedupe {
            Dedupe::Key(_) if !self.is_over => Next::Send,
            Dedupe::Lookup => Next::LookUp,
            Dedupe::Key(_) | Dedupe::None => Next::End,
        }
    }

    /// A lookup found the value before: no request of it was carried out, and none is under way any more.
    fn was_not_carried_out(&mut self, now: Timestamp) -> Option<Step> {
        if now < self.all_is_carried_out() {
            self.not_before = self.all_is_carried_out();
            return None;
        }
        self.may_be_applied = false;
        if self.is_over {
            return Some(self.end(Step::new(State::Expired, "it was not carried out, and its window is over")));
        }
        let next = if self.sends >= MOST_SENDS { Next::End } else { Next::Send };
        (self.state, self.next, self.waiting) = (State::Recorded, next, Waiting::Unsent);
        Some(Step::new(State::Recorded, "it was not carried out"))
    }

    /// From when on no request of it is under way any more.
    fn all_is_carried_out(&self) -> Timestamp {
        self.last_sent.saturating_add(self.policy.timeout).unwrap_or(Timestamp::MAX)
    }

    /// Whether the target knows the key of the first request then.
    fn is_key_known_at(&self, moment: Timestamp) -> bool {
        let Dedupe::Key(life) = self.policy.dedupe else { return false };
        // It may wait for its turn, and be carried out late.
        let arrival = moment.saturating_add(self.policy.timeout.saturating_mul(TURNS)).unwrap_or(Timestamp::MAX);
        let first = self.first_sent.unwrap_or(moment);
        first.saturating_add(life).is_ok_and(|end| arrival < end)
    }

    /// The next pause: as long as the target says, else twice the last one, and not for all at one moment.
    fn pause(&mut self, now: Timestamp, wanted: Option<SignedDuration>, random: &mut dyn FnMut(u64) -> u64) {
        self.tries += 1;
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.tries.min(10)).min(LONGEST_PAUSE);
        let millis = u64::try_from(doubled.as_millis()).unwrap_or(0);
        let jittered = SignedDuration::from_millis(i64::try_from(millis / 2 + random(millis / 2 + 1)).unwrap_or(0));
        // Who wants no pause gets one all the same.
        let pause = wanted.map_or(jittered, |wanted| wanted.max(jittered));
        self.not_before = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    }
}
