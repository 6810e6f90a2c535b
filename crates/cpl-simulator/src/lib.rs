//! Random histories of effects on their way, for tests: a server that misbehaves, a process that ends at any moment and is
//! begun again, windows that end, other people, and people who take back what was done, or have decided anew what came to
//! nothing. A model of the server knows what was really carried out; what a process
//! remembers of the one before it is behind a trait. The seed of a history that fails is printed.
//!
//! What each fault comes to, by what the server can do:
//!
//! | fault | it knows keys | its value can be read | neither |
//! |---|---|---|---|
//! | no connection | tried again, also by the next run of the window | likewise | likewise |
//! | lost on its way there | sent again with its key: confirmed | looked up, it was not carried out: sent again | uncertain: a person |
//! | lost on the way back | sent again with its key: confirmed | looked up: confirmed | uncertain: a person |
//! | carried out later | the key is known by then: once | looked up when the request's time is over | uncertain: a person |
//! | 5xx, carried out or not | as one that is lost | as one that is lost | uncertain: a person |
//! | 409 | waits for the first of its key | refused | refused |
//! | 429, 503 | later, as the server says; expired with the run's time | likewise | likewise |
//! | 412, or another value than the rule saw | superseded | superseded | superseded |
//! | another 4xx | refused; behind a lost one uncertain | refused | refused |
//! | success, and nothing changed | uncertain where it is read back | likewise | can't be known |
//! | somebody else changed it | (not looked at) | superseded before, drifted afterwards: a person | (not looked at) |
//! | killed while it recorded | nothing was sent: the next run sends it | likewise | likewise |
//! | killed behind a record, or while requests are under way | as one that is lost | as one that is lost | uncertain: a person |
//! | killed, and begun again when the window is over | uncertain: a person | looked up: confirmed or expired | uncertain: a person |
//! | taken back by a person | an effect of its own, to which all of this applies; the first one is undone once it is confirmed | likewise | likewise |
//! | decided anew by a person | an effect of its own, with a key of its own; the first one came to nothing | likewise | likewise |
//!
//! In none of them is an effect carried out twice, lost, or unknown without being known to be: 100,000 histories on a model and
//! 5,000 on SQLite meet each fault at least once in a hundred histories. What can fail inside of a record, a disk or a commit, is
//! played by the tests `crashes` of `cpl-cli`, on the real program.

mod memory;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use cpl_protocol::{
    Answer, Call, Clock, Dedupe, Delivery, Found, Lane, Outcome, Policy, Random, Recorded, State, Step, Store, Wire,
    World, deliver,
};
use jiff::{SignedDuration, Timestamp};

pub use memory::{Fate, Known, Memory, ModelMemory};

const START: Timestamp = Timestamp::constant(1_795_132_800, 0);
const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);
const KEY_LIFE: SignedDuration = SignedDuration::from_mins(20);

/// What goes wrong, each as often as it was met.
pub type Faults = BTreeMap<&'static str, u64>;

/// The process ended.
struct Killed;

/// The value of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Old,
    New,
    Others,
}

/// A thing at the server.
#[derive(Clone, Debug)]
struct Thing {
    value: Value,
    /// Somebody else changed it.
    touched: bool,
}

/// An effect, as it was recorded first, and what the server knows of it.
#[derive(Clone, Debug)]
struct Effect {
    policy: Policy,
    needs: Vec<usize>,
    thing: usize,
    /// The value before, and the one that it leaves.
    change: (Value, Value),
    /// What it takes back.
    undoes: Option<usize>,
    /// What came to nothing, and is decided anew by it.
    redoes: Option<usize>,
    /// How often a request of it was carried out.
    applied: u32,
    /// A request that the server carries out later.
    late: Option<Timestamp>,
    /// When its key was seen first.
    key_since: Option<Timestamp>,
}

impl Effect {
    /// Of a thing that nobody has changed yet.
    fn of(thing: usize, policy: Policy, needs: Vec<usize>) -> Self {
        let change = (Value::Old, Value::New);
        Self { policy, needs, thing, change, undoes: None, redoes: None, applied: 0, late: None, key_since: None }
    }
}

/// Everything outside the protocol.
struct Universe {
    random: fastrand::Rng,
    now: Timestamp,
    things: Vec<Thing>,
    effects: Vec<Effect>,
    faults: Faults,
    /// How many requests in a hundred go wrong, and how many records and calls a process does not survive.
    wrong: u32,
    deadly: u32,
}

impl Universe {
    fn chance(&mut self, of_hundred: u32) -> bool {
        self.random.u32(0..100) < of_hundred
    }

    fn met(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// What becomes of a process that records something now.
    fn fate(&mut self) -> Fate {
        let deadly = self.deadly;
        let (dies_amid, dies_behind) = (self.chance(deadly), self.chance(deadly));
        match (dies_amid, dies_behind) {
            (true, _) => {
                self.met("killed while it recorded");
                Fate::KilledAmid
            }
            (false, true) => {
                self.met("killed behind a record");
                Fate::KilledBehind
            }
            (false, false) => Fate::Lives,
        }
    }

    /// What was late is carried out, and now and then somebody else changes something.
    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        for at in 0..self.effects.len() {
            if let Some(late) = self.effects[at].late.take_if(|late| *late <= self.now) {
                self.apply(at, late);
            }
        }
        for at in 0..self.things.len() {
            if self.random.u32(0..400) == 0 {
                self.met("somebody else changed it");
                self.things[at] = Thing { value: Value::Others, touched: true };
            }
        }
    }

    /// The server carries a request out; one that knows keys does so once.
    fn apply(&mut self, at: usize, now: Timestamp) {
        let effect = &mut self.effects[at];
        if let Dedupe::Key(life) = effect.policy.dedupe {
            if effect.key_since.is_some_and(|since| now < since + life) {
                return;
            }
            effect.key_since = Some(now);
        }
        effect.applied += 1;
        self.things[effect.thing].value = effect.change.1;
    }

    fn send(&mut self, at: usize) -> Answer {
        let text = || "why".to_owned();
        let has_key = matches!(self.effects[at].policy.dedupe, Dedupe::Key(_));
        if !self.chance(self.wrong) {
            self.apply(at, self.now);
            return Answer::Success;
        }
        match self.random.u32(0..11) {
            0 => {
                self.met("no connection");
                Answer::NotSent(text())
            }
            1 => {
                self.met("lost on its way there");
                Answer::Lost(text())
            }
            2 => {
                self.met("lost on the way back");
                self.apply(at, self.now);
                Answer::Lost(text())
            }
            3 => {
                self.met("carried out later");
                let delay = SignedDuration::from_secs(self.random.i64(1..30));
                self.effects[at].late = Some(self.now + delay);
                Answer::Lost(text())
            }
            4 => {
                self.met("5xx, carried out");
                self.apply(at, self.now);
                Answer::of_status(500, None, has_key)
            }
            5 => {
                self.met("5xx");
                Answer::of_status(502, None, has_key)
            }
            6 => {
                self.met("429");
                let wait = SignedDuration::from_secs(self.random.i64(0..4_000));
                Answer::of_status(429, Some(wait), has_key)
            }
            7 => {
                self.met("409");
                Answer::of_status(409, None, has_key)
            }
            8 => {
                self.met("412");
                Answer::of_status(412, None, has_key)
            }
            9 => {
                self.met("another 4xx");
                Answer::of_status(422, None, has_key)
            }
            // Only where it is read back: of any other nobody can know.
            _ if self.effects[at].policy.confirms => {
                self.met("success, and nothing changed");
                Answer::Success
            }
            _ => {
                self.met("503");
                Answer::of_status(503, None, has_key)
            }
        }
    }

    /// A person looks what became of some that nobody knew of, and is right.
    fn settled(&mut self, known: &[Known]) -> Vec<(usize, Step)> {
        let mut steps = Vec::new();
        for (at, known) in known.iter().enumerate() {
            let effect = &self.effects[at];
            if known.state == State::Uncertain && effect.late.is_none() && self.random.u32(0..3) == 0 {
                let state = if effect.applied > 0 { State::Confirmed } else { State::Refused };
                steps.push((at, Step { state, why: None }));
                self.met("settled by a person");
            }
        }
        steps
    }

    fn read(&mut self, at: usize) -> Found {
        if self.chance(self.wrong / 3) {
            self.met("can't be read");
            return Found::Unread("why".to_owned());
        }
        let Effect { thing, change: (before, after), .. } = self.effects[at];
        match self.things[thing].value {
            value if value == after => Found::After,
            value if value == before => Found::Before,
            _ => Found::Other("7".to_owned()),
        }
    }

    /// People take back some of what was done and is as we left it, and have decided anew some of what came to nothing: the
    /// effects of that, of which the memory does not know yet. What goes on, or is done, is not said again.
    fn said(&mut self, all: &[Known]) -> Vec<Effect> {
        let mut said = Vec::new();
        for (at, known) in all.iter().enumerate() {
            let effect = self.effects[at].clone();
            let is_as_left = |value| self.things[effect.thing].value == value;
            let again = Effect::of(effect.thing, effect.policy, Vec::new());
            let mut undos = all.iter().zip(&self.effects).filter(|(_, other)| other.undoes == Some(at));
            let may_be_undone = undos.all(|(undo, _)| came_to_nothing(undo.state)) && is_as_left(Value::New);
            let is_redone = self.effects.iter().any(|other| other.redoes == Some(at));
            let may_be_redone = !is_redone && effect.undoes.is_none() && is_as_left(Value::Old);
            if known.state == State::Confirmed && may_be_undone && self.random.bool() {
                self.met("taken back");
                said.push(Effect { change: (Value::New, Value::Old), undoes: Some(at), ..again });
            } else if came_to_nothing(known.state) && may_be_redone && self.random.bool() {
                self.met("decided anew");
                said.push(Effect { redoes: Some(at), ..again });
            }
        }
        said
    }
}

/// Nothing was changed, and nothing will be.
fn came_to_nothing(state: State) -> bool {
    matches!(state, State::Refused | State::Expired | State::Superseded)
}

/// The universe and a memory, as each of the traits.
struct Shared<'u, 'm> {
    universe: &'u RefCell<Universe>,
    memory: &'u RefCell<&'m mut dyn Memory>,
    is_killed: &'u Cell<bool>,
}

impl Wire for Shared<'_, '_> {
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome> {
        let mut universe = self.universe.borrow_mut();
        let mut outcomes = Vec::new();
        for call in calls {
            // The process may end between two requests that are under way at once.
            if universe.deadly > 0 && universe.random.u32(0..200) < universe.deadly {
                universe.met("killed while requests are under way");
                self.is_killed.set(true);
                return outcomes;
            }
            let seconds = universe.random.i64(0..20);
            universe.pass(seconds);
            outcomes.push(match *call {
                Call::Send(at) => Outcome::Sent(universe.send(at)),
                Call::Read(at) => Outcome::Read(universe.read(at)),
            });
        }
        outcomes
    }
}

impl Store for Shared<'_, '_> {
    type Error = Killed;

    fn record(&mut self, steps: &[(usize, Step)]) -> Result<(), Killed> {
        let mut universe = self.universe.borrow_mut();
        if self.is_killed.get() {
            return Err(Killed);
        }
        let fate = universe.fate();
        self.memory.borrow_mut().record(steps, universe.now, fate);
        if fate == Fate::Lives { Ok(()) } else { Err(Killed) }
    }
}

impl Clock for Shared<'_, '_> {
    fn now(&mut self) -> Timestamp {
        self.universe.borrow().now
    }

    fn wait_until(&mut self, moment: Timestamp) {
        let mut universe = self.universe.borrow_mut();
        let seconds = (moment.as_second() - universe.now.as_second() + 1).max(1);
        universe.pass(seconds);
    }
}

impl Random for Shared<'_, '_> {
    fn below(&mut self, end: u64) -> u64 {
        self.universe.borrow_mut().random.u64(0..end.max(1))
    }
}

/// A universe with some effects.
fn universe(seed: u64) -> Universe {
    let mut random = fastrand::Rng::with_seed(seed);
    let count = random.usize(1..5);
    let (mut things, mut effects) = (Vec::new(), Vec::new());
    for at in 0..count {
        let dedupe = match random.u32(0..3) {
            0 => Dedupe::None,
            1 => Dedupe::Key(KEY_LIFE),
            _ => Dedupe::Lookup,
        };
        let reads = dedupe == Dedupe::Lookup || random.bool();
        let policy = Policy { dedupe, checks: reads, confirms: reads && random.bool(), timeout: TIMEOUT };
        let needs = if at > 0 && random.u32(0..3) == 0 { vec![at - 1] } else { Vec::new() };
        effects.push(Effect::of(at, policy, needs));
        things.push(Thing { value: Value::Old, touched: false });
    }
    let (wrong, deadly) = (random.u32(0..80), if random.bool() { random.u32(0..20) } else { 0 });
    Universe { random, now: START, things, effects, faults: Faults::new(), wrong, deadly }
}

/// One process: it goes on where the one before ended. Whether it came to its end.
fn process(universe: &RefCell<Universe>, memory: &mut dyn Memory, is_over: bool) -> bool {
    let now = universe.borrow().now;
    let until = now + SignedDuration::from_mins(10);
    let lane = |(effect, known): (&Effect, Known)| {
        let recorded = Recorded { state: known.state, first_sent: known.first_sent, now, is_over };
        Lane { delivery: Delivery::resumed(effect.policy, recorded), target: 0, needs: effect.needs.clone() }
    };
    let known = memory.known();
    let mut lanes: Vec<Lane> = universe.borrow().effects.iter().zip(known).map(lane).collect();
    let widths = [universe.borrow_mut().random.usize(1..4)];
    let (is_killed, shared_memory) = (Cell::new(false), RefCell::new(memory));
    let shared = || Shared { universe, memory: &shared_memory, is_killed: &is_killed };
    let (mut wire, mut store, mut clock, mut random) = (shared(), shared(), shared(), shared());
    let mut world = World { wire: &mut wire, store: &mut store, clock: &mut clock, random: &mut random };
    let ended = deliver(&mut lanes, &widths, until, &mut world).is_ok() && !is_killed.get();
    if ended {
        for (known, lane) in shared_memory.borrow_mut().known().iter().zip(&lanes) {
            // What takes one back ends it behind its back.
            let came_to = if known.state == State::Undone { State::Undone } else { lane.delivery.state() };
            assert_eq!(known.state, came_to, "what is recorded is what it came to");
        }
    }
    ended
}

/// What can't be, whatever happened.
fn wrong(universe: &Universe, known: &[Known]) -> Option<String> {
    for (at, effect) in universe.effects.iter().enumerate() {
        let (applied, state, thing) = (effect.applied, known[at].state, &universe.things[effect.thing]);
        if applied > 1 {
            return Some(format!("effect {at} was carried out {applied} times"));
        }
        let says = match state {
            State::Confirmed => applied == 1,
            State::Recorded | State::Refused | State::Superseded | State::Expired | State::Held => {
                applied == 0 && effect.late.is_none()
            }
            State::Sent | State::Uncertain => true,
            State::Drifted => thing.touched,
            State::Undone => {
                let undoes =
                    |(other, known): (&Effect, &Known)| other.undoes == Some(at) && known.state == State::Confirmed;
                applied == 1 && universe.effects.iter().zip(known).any(undoes)
            }
        };
        if !says {
            return Some(format!("effect {at} is {state:?}, and was carried out {applied} times"));
        }
        for need in &effect.needs {
            if applied > 0 && !matches!(known[*need].state, State::Confirmed | State::Undone) {
                return Some(format!("effect {at} was carried out, and {need} that pays for it is not confirmed"));
            }
        }
    }
    // What nobody else touched is as the last one left it that was carried out.
    for (at, thing) in universe.things.iter().enumerate().filter(|(_, thing)| !thing.touched) {
        let is_last = |other: &&Effect| other.thing == at && other.applied > 0;
        let left = universe.effects.iter().rev().find(is_last).map_or(Value::Old, |effect| effect.change.1);
        if left != thing.value {
            return Some(format!("thing {at} is {:?}, and was left {left:?}", thing.value));
        }
    }
    None
}

/// How many effects the history of a seed has.
#[must_use]
pub fn effects(seed: u64) -> usize {
    universe(seed).effects.len()
}

/// Plays one history: processes of one window that end or are killed, between them people who take something back, then one
/// process of the next window. What it met.
///
/// # Panics
/// Where something was carried out twice, was lost, or is not known to be unknown.
pub fn history(seed: u64, memory: &mut dyn Memory) -> Faults {
    let universe = RefCell::new(universe(seed));
    let check = |when: &str, known: &[Known]| {
        if let Some(what) = wrong(&universe.borrow(), known) {
            panic!("seed {seed}, {when}: {what}\n{:#?}\n{known:#?}", universe.borrow().effects);
        }
    };
    for round in 0..3 {
        if round > 0 {
            let known = memory.known();
            let said = universe.borrow_mut().said(&known);
            for effect in said {
                // What is said while the process that records it is killed was not said.
                let fate = universe.borrow_mut().fate();
                if fate != Fate::KilledAmid {
                    memory.add(effect.undoes);
                    universe.borrow_mut().effects.push(effect);
                }
            }
        }
        processes(&universe, memory, &check);
    }
    universe.borrow_mut().pass(100_000);
    universe.borrow_mut().deadly = 0;
    assert!(process(&universe, memory, true), "seed {seed}: nothing kills it");
    let known = memory.known();
    check("in the next window", &known);
    // What is left needs a person, and is known to.
    for known in &known {
        let is_known = !matches!(known.state, State::Recorded | State::Sent);
        assert!(is_known, "seed {seed}: {known:?}");
    }
    universe.into_inner().faults
}

/// Processes of one window, until one of them comes to its end, or some were killed.
fn processes(universe: &RefCell<Universe>, memory: &mut dyn Memory, check: &dyn Fn(&str, &[Known])) {
    for _ in 0..6 {
        let ended = process(universe, memory, false);
        let known = memory.known();
        check("within the window", &known);
        let settled = universe.borrow_mut().settled(&known);
        let now = universe.borrow().now;
        memory.record(&settled, now, Fate::Lives);
        check("behind what a person found out", &memory.known());
        let pause = universe.borrow_mut().random.i64(0..2_000);
        universe.borrow_mut().pass(pause);
        if ended && universe.borrow_mut().random.bool() {
            break;
        }
    }
}

/// Plays histories, each with a memory of its own that is made for so many effects: what they met, and how often.
///
/// # Panics
/// Where a history fails, or a fault was hardly met: that proves nothing.
pub fn histories(count: u64, mut memory: impl FnMut(usize) -> Box<dyn Memory>) -> Faults {
    /// How many kinds of faults there are.
    const KINDS: usize = 20;
    let mut met = Faults::new();
    for seed in 0..count {
        for (fault, times) in history(seed, &mut *memory(effects(seed))) {
            *met.entry(fault).or_default() += times;
        }
    }
    assert_eq!(met.len(), KINDS, "{met:#?}");
    for (fault, times) in &met {
        assert!(*times > count / 100, "{fault} was met {times} times: {met:#?}");
    }
    met
}
