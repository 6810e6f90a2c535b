//! Random histories: a server that misbehaves, a process that ends at any moment and is begun again, windows that end, other
//! people. A model knows what was really carried out; the seed of a history that fails is printed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Answer, Call, Clock, Dedupe, Delivery, Found, Lane, Outcome, Policy, Random, Recorded, State, Step, Store, Wire,
    World, deliver,
};

const START: Timestamp = Timestamp::constant(1_795_132_800, 0);
const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);
const KEY_LIFE: SignedDuration = SignedDuration::from_mins(20);

/// How many histories a test plays. `CPL_HISTORIES` is another number.
fn histories() -> u64 {
    std::env::var("CPL_HISTORIES").ok().and_then(|number| number.parse().ok()).unwrap_or(100_000)
}

/// What goes wrong, each as often as the test met it.
type Faults = BTreeMap<&'static str, u64>;

/// The process ended.
struct Killed;

/// A thing at the server.
#[derive(Clone, Debug)]
struct Thing {
    value: Found,
    /// How often a request of ours was carried out.
    applied: u32,
    /// A request that the server carries out later.
    late: Option<Timestamp>,
    /// Somebody else changed it.
    touched: bool,
    /// When its key was seen first.
    key_since: Option<Timestamp>,
}

/// What a ledger would hold of an effect.
#[derive(Clone, Debug)]
struct Row {
    policy: Policy,
    state: State,
    first_sent: Option<Timestamp>,
    needs: Vec<usize>,
}

/// Everything outside the protocol.
struct Universe {
    random: fastrand::Rng,
    now: Timestamp,
    things: Vec<Thing>,
    rows: Vec<Row>,
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

    /// What was late is carried out, and now and then somebody else changes something.
    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        for at in 0..self.things.len() {
            if let Some(late) = self.things[at].late.take_if(|late| *late <= self.now) {
                self.apply(at, late);
            }
            if self.random.u32(0..400) == 0 {
                self.met("somebody else changed it");
                (self.things[at].value, self.things[at].touched) = (Found::Other("7".to_owned()), true);
            }
        }
    }

    /// The server carries a request out; one that knows keys does so once.
    fn apply(&mut self, at: usize, now: Timestamp) {
        let thing = &mut self.things[at];
        if let Dedupe::Key(life) = self.rows[at].policy.dedupe {
            if thing.key_since.is_some_and(|since| now < since + life) {
                return;
            }
            thing.key_since = Some(now);
        }
        thing.applied += 1;
        thing.value = Found::After;
    }

    fn send(&mut self, at: usize) -> Answer {
        let text = || "why".to_owned();
        let has_key = matches!(self.rows[at].policy.dedupe, Dedupe::Key(_));
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
                self.things[at].late = Some(self.now + delay);
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
            _ if self.rows[at].policy.confirms => {
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
    fn settle_some(&mut self) {
        for at in 0..self.rows.len() {
            let thing = &self.things[at];
            if self.rows[at].state == State::Uncertain && thing.late.is_none() && self.random.u32(0..3) == 0 {
                self.rows[at].state = if thing.applied > 0 { State::Confirmed } else { State::Refused };
                self.met("settled by a person");
            }
        }
    }

    fn read(&mut self, at: usize) -> Found {
        if self.chance(self.wrong / 3) {
            self.met("can't be read");
            return Found::Unread("why".to_owned());
        }
        self.things[at].value.clone()
    }
}

/// The universe, as each of the traits.
struct Shared<'u>(&'u std::cell::RefCell<Universe>, &'u std::cell::Cell<bool>);

impl Wire for Shared<'_> {
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome> {
        let mut universe = self.0.borrow_mut();
        let mut outcomes = Vec::new();
        for call in calls {
            // The process may end between two requests that are under way at once.
            if universe.deadly > 0 && universe.random.u32(0..200) < universe.deadly {
                universe.met("killed while requests are under way");
                self.1.set(true);
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

impl Store for Shared<'_> {
    type Error = Killed;

    fn record(&mut self, steps: &[(usize, Step)]) -> Result<(), Killed> {
        let mut universe = self.0.borrow_mut();
        if self.1.get() {
            return Err(Killed);
        }
        let deadly = universe.deadly;
        if universe.chance(deadly) {
            universe.met("killed before it recorded");
            return Err(Killed);
        }
        let now = universe.now;
        for (at, step) in steps {
            let row = &mut universe.rows[*at];
            row.state = step.state;
            if step.state == State::Sent {
                row.first_sent.get_or_insert(now);
            }
        }
        if universe.chance(deadly) {
            universe.met("killed behind a record");
            return Err(Killed);
        }
        Ok(())
    }
}

impl Clock for Shared<'_> {
    fn now(&mut self) -> Timestamp {
        self.0.borrow().now
    }

    fn wait_until(&mut self, moment: Timestamp) {
        let mut universe = self.0.borrow_mut();
        let seconds = (moment.as_second() - universe.now.as_second() + 1).max(1);
        universe.pass(seconds);
    }
}

impl Random for Shared<'_> {
    fn below(&mut self, end: u64) -> u64 {
        self.0.borrow_mut().random.u64(0..end.max(1))
    }
}

/// A universe with some effects.
fn universe(seed: u64) -> Universe {
    let mut random = fastrand::Rng::with_seed(seed);
    let effects = random.usize(1..5);
    let (mut things, mut rows) = (Vec::new(), Vec::new());
    for at in 0..effects {
        let dedupe = match random.u32(0..3) {
            0 => Dedupe::None,
            1 => Dedupe::Key(KEY_LIFE),
            _ => Dedupe::Lookup,
        };
        let reads = dedupe == Dedupe::Lookup || random.bool();
        let policy = Policy { dedupe, checks: reads, confirms: reads && random.bool(), timeout: TIMEOUT };
        let needs = if at > 0 && random.u32(0..3) == 0 { vec![at - 1] } else { Vec::new() };
        rows.push(Row { policy, state: State::Recorded, first_sent: None, needs });
        things.push(Thing { value: Found::Before, applied: 0, late: None, touched: false, key_since: None });
    }
    let (wrong, deadly) = (random.u32(0..80), if random.bool() { random.u32(0..20) } else { 0 });
    Universe { random, now: START, things, rows, faults: Faults::new(), wrong, deadly }
}

/// One process: it goes on where the one before ended. Whether it came to its end.
fn process(universe: &std::cell::RefCell<Universe>, is_over: bool) -> bool {
    let now = universe.borrow().now;
    let until = now + SignedDuration::from_mins(10);
    let lane = |row: &Row| {
        let Row { policy, state, first_sent, .. } = *row;
        let recorded = Recorded { state, first_sent, now, is_over };
        Lane { delivery: Delivery::resumed(policy, recorded), target: 0, needs: row.needs.clone() }
    };
    let mut lanes: Vec<Lane> = universe.borrow().rows.iter().map(lane).collect();
    let widths = [universe.borrow_mut().random.usize(1..4)];
    let is_killed = std::cell::Cell::new(false);
    let shared = || Shared(universe, &is_killed);
    let (mut wire, mut store, mut clock, mut random) = (shared(), shared(), shared(), shared());
    let mut world = World { wire: &mut wire, store: &mut store, clock: &mut clock, random: &mut random };
    let ended = deliver(&mut lanes, &widths, until, &mut world).is_ok() && !is_killed.get();
    if ended {
        for (row, lane) in universe.borrow().rows.iter().zip(&lanes) {
            assert_eq!(row.state, lane.delivery.state(), "what is recorded is what it came to");
        }
    }
    ended
}

/// What can't be, whatever happened.
fn wrong(universe: &Universe) -> Option<String> {
    for (at, (thing, row)) in universe.things.iter().zip(&universe.rows).enumerate() {
        let applied = thing.applied;
        if applied > 1 {
            return Some(format!("effect {at} was carried out {applied} times"));
        }
        let says = match row.state {
            State::Confirmed => applied == 1,
            State::Recorded | State::Refused | State::Superseded | State::Expired | State::Held => {
                applied == 0 && thing.late.is_none()
            }
            State::Sent | State::Uncertain => true,
            State::Drifted => thing.touched,
            // Only a person takes something back.
            State::Undone => false,
        };
        if !says {
            return Some(format!("effect {at} is {:?}, and was carried out {applied} times", row.state));
        }
        for need in &row.needs {
            if applied > 0 && universe.rows[*need].state != State::Confirmed {
                return Some(format!("effect {at} was carried out, and {need} that pays for it is not confirmed"));
            }
        }
    }
    None
}

/// Plays one history: processes of one window that end or are killed, then one of the next window.
fn history(seed: u64) -> Faults {
    let universe = std::cell::RefCell::new(universe(seed));
    let fail = |when: &str| {
        if let Some(what) = wrong(&universe.borrow()) {
            panic!("seed {seed}, {when}: {what}\n{:#?}", universe.borrow().rows);
        }
    };
    for _ in 0..6 {
        let ended = process(&universe, false);
        fail("within the window");
        universe.borrow_mut().settle_some();
        fail("behind what a person found out");
        let pause = universe.borrow_mut().random.i64(0..2_000);
        universe.borrow_mut().pass(pause);
        if ended && universe.borrow_mut().random.bool() {
            break;
        }
    }
    universe.borrow_mut().pass(100_000);
    universe.borrow_mut().deadly = 0;
    assert!(process(&universe, true), "seed {seed}: nothing kills it");
    fail("in the next window");
    let universe = universe.into_inner();
    // What is left needs a person, and is known to.
    for row in &universe.rows {
        let is_known = !matches!(row.state, State::Recorded | State::Sent);
        assert!(is_known, "seed {seed}: {row:?}");
    }
    universe.faults
}

#[test]
fn whatever_happens_nothing_is_carried_out_twice_or_lost() {
    let mut met = Faults::new();
    for seed in 0..histories() {
        for (fault, times) in history(seed) {
            *met.entry(fault).or_default() += times;
        }
    }
    // A fault that was never met proves nothing.
    assert_eq!(met.len(), 18, "{met:#?}");
    for (fault, times) in &met {
        assert!(*times > histories() / 100, "{fault} was met {times} times: {met:#?}");
    }
}
