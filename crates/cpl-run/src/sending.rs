//! Effects on servers leave: the protocol's wire, store, clock and chance, on HTTP and the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use cpl_batch::Problem;
use cpl_connect::{
    Answered, Api, Connections, ErrorsInside, Limits, Network, Request, Secrets, Sent, SingleRequest, Terms, Throttle,
};
use cpl_effects::{ServerEffect, ServerRead, ServerRequest};
use cpl_exec::file_problem;
use cpl_ledger::{EffectState, Ledger, LedgerError, Step as StepRow, StoredEffect};
use cpl_model::program::{Credential, Dedupe};
use cpl_protocol::{
    Answer, Call, Clock, Dedupe as ProtocolDedupe, Delivery, Found, Lane, Outcome, Policy, Random, Recorded, State,
    Step, Store, Wire, World, deliver,
};
use cpl_rules::parsed_decimal;
use cpl_syntax::Span;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::{
    RunError,
    error::{NotCarriedOut, RequestCause, RequestError},
    wire,
};

/// Requests to one API under way at once, where its connector says nothing of it.
const CONCURRENT: u32 = 4;

/// An effect on a server, as the ledger knows it: it is sent, or looked up, where that is open.
pub struct KnownEffect {
    /// As it is recorded.
    pub stored: StoredEffect,
    /// What is sent.
    pub effect: ServerEffect,
    /// The rule of its decision.
    pub rule: String,
    /// It takes another one back.
    pub is_undo: bool,
    /// Its window is over.
    pub is_over: bool,
    /// Why it is not sent: the thing was changed by another decision since it was recorded.
    pub changed_since: Option<String>,
    /// The places, among the effects, of the cuts that must be carried out before it.
    pub needs: Vec<usize>,
}

/// What sending needs of a run.
pub struct Sending<'a> {
    /// The ledger.
    pub ledger: &'a mut Ledger,
    /// The pipeline.
    pub pipeline: &'a str,
    /// The secrets of the pipeline.
    pub secrets: &'a Secrets,
    /// Where tokens are kept.
    pub tokens: &'a Path,
    /// How servers are reached.
    pub network: Network,
    /// When the window ends.
    pub window_end: Timestamp,
    /// When the run began: by the clock on the wall, and by one that is never put back.
    pub started_at: Timestamp,
    /// The same moment.
    pub since: Instant,
}

impl Sending<'_> {
    /// Sends what is to be sent, and finds out what became of what was: how many effects were carried out, and those that
    /// were not.
    ///
    /// # Errors
    /// Where the ledger can't be written, or a pause began: nothing more was sent then.
    pub fn send(self, effects: &[KnownEffect]) -> Result<(usize, Vec<NotCarriedOut>), RunError> {
        let clock = RunClock { started_at: self.started_at, since: self.since };
        let now = clock.time();
        let limit = SignedDuration::try_from(self.network.limit).unwrap_or(SignedDuration::MAX);
        let mut until = now.saturating_add(limit).unwrap_or(Timestamp::MAX);
        // A run of a window that is over, which was wanted so, has all its time.
        if self.window_end > now {
            until = until.min(self.window_end);
        }
        let mut servers = Servers::new(self.secrets, self.tokens);
        let (mut lanes, mut targets) = (Vec::new(), Vec::new());
        for one in effects {
            let steps =
                if one.stored.state.needs_person() { self.ledger.steps(one.stored.serial)? } else { Vec::new() };
            let first_sent = steps.iter().find(|step| step.state == EffectState::Sent);
            let first_sent = first_sent.and_then(|step| Timestamp::from_microsecond(step.at).ok());
            let state = if one.changed_since.is_some() { State::Superseded } else { one.stored.state };
            let recorded = Recorded { state, first_sent, now, is_over: one.is_over };
            let delivery = Delivery::resumed(policy(&one.effect), recorded);
            targets.push(servers.api(&one.effect));
            let target = targets[targets.len() - 1].0;
            lanes.push(Lane { delivery, target, needs: one.needs.clone() });
        }
        let widths = servers.widths();
        let mut wire = HttpWire {
            effects,
            apis: targets,
            servers: &servers,
            connections: Connections::new(self.network),
            sent: BTreeSet::new(),
        };
        let epoch = self.ledger.epoch(self.pipeline)?;
        let mut store = LedgerStore { ledger: self.ledger, effects, pipeline: self.pipeline, epoch, clock };
        let mut world = World { wire: &mut wire, store: &mut store, clock: &mut { clock }, random: &mut SystemRandom };
        let superseded = superseded(effects);
        let recorded = if superseded.is_empty() { Ok(()) } else { world.store.record(&superseded) };
        let stopped = recorded.and_then(|()| deliver(&mut lanes, &widths, until, &mut world)).err();
        let (mut carried_out, mut failed) = (0, Vec::new());
        for (one, lane) in effects.iter().zip(&lanes) {
            let (before, state) = (one.stored.state, lane.delivery.state());
            // What was known before is no news; what nobody knew of an earlier window, and knows no better, is in the report.
            let is_news = state != before || (!one.is_over && before.is_open());
            // What could not be recorded as sent was not sent; what was sent before may wait to be sent again.
            let is_left = stopped.is_some()
                && match state {
                    State::Sent => store.last_step(one).is_none_or(|step| step.state != State::Sent),
                    state => matches!(state, State::Recorded | State::Held),
                };
            if state == EffectState::Confirmed {
                carried_out += usize::from(is_news);
            } else if is_news && !is_left {
                let why = store.last_step(one).and_then(|step| step.why);
                failed.push(NotCarriedOut { effect: one.stored.effect.clone(), state, why, is_undo: one.is_undo });
            }
        }
        match stopped {
            Some(by) => Err(RunError::Stopped { by: Box::new(by), carried_out, failed }),
            None => Ok((carried_out, failed)),
        }
    }
}

/// The steps of those that are not sent because another decision came after them.
fn superseded(effects: &[KnownEffect]) -> Vec<(usize, Step)> {
    let step = |(at, one): (usize, &KnownEffect)| {
        let why = Some(one.changed_since.clone()?);
        Some((at, Step { state: State::Superseded, why }))
    };
    effects.iter().enumerate().filter_map(step).collect()
}

fn policy(effect: &ServerEffect) -> Policy {
    let dedupe = match &effect.dedupe {
        Dedupe::None => ProtocolDedupe::None,
        Dedupe::Key { life, .. } => ProtocolDedupe::Key(SignedDuration::from_micros(*life)),
        Dedupe::Lookup => ProtocolDedupe::Lookup,
    };
    let timeout = effect.limits.timeout.unwrap_or(Limits::default().silence);
    Policy {
        dedupe,
        checks: effect.read.is_some(),
        confirms: effect.confirms,
        timeout: SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX),
    }
}

/// The APIs that effects go to: effects of one share its turns and its token.
struct Servers<'a> {
    secrets: &'a Secrets,
    tokens: &'a Path,
    known: BTreeMap<String, usize>,
    apis: Vec<(u32, Result<Arc<Api>, String>)>,
}

/// The number of an API, and the API, or why it can't be used.
type OfApi = (usize, Result<Arc<Api>, String>);

impl<'a> Servers<'a> {
    fn new(secrets: &'a Secrets, tokens: &'a Path) -> Self {
        Self { secrets, tokens, known: BTreeMap::new(), apis: Vec::new() }
    }

    fn widths(&self) -> Vec<usize> {
        self.apis.iter().map(|(width, _)| *width as usize).collect()
    }

    fn api(&mut self, effect: &ServerEffect) -> OfApi {
        let ServerRequest { address, auth, .. } = &effect.request;
        let host = match address {
            Credential::Plain(address) => address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/"),
            Credential::Secret(name) => name.clone(),
        };
        let name = serde_json::json!([host, auth, effect.limits, effect.errors]).to_string();
        let at = match self.known.get(&name) {
            Some(at) => *at,
            None => {
                let width = effect.limits.concurrent.unwrap_or(CONCURRENT).max(1);
                self.apis.push((width, self.new_api(effect).map(Arc::new)));
                self.known.insert(name, self.apis.len() - 1);
                self.apis.len() - 1
            }
        };
        (at, self.apis[at].1.clone())
    }

    fn new_api(&self, effect: &ServerEffect) -> Result<Api, String> {
        let ServerEffect { limits, errors, .. } = effect;
        let throttle = Throttle::new(limits.concurrent, limits.rate);
        let terms = Terms { limits: Limits::of(limits, errors), errors: ErrorsInside::of(errors)?, throttle };
        let tokens = wire::tokens(&effect.request.auth, self.secrets, self.tokens.to_owned()).map_err(text)?;
        Ok(Api { terms, tokens })
    }

    /// The request, whole; `id` and the time are signed with it.
    fn request(&self, of: &ServerRequest, id: &str) -> Result<Request, String> {
        let request = wire::request(of, self.secrets).map_err(text)?;
        let Some(key) = &of.signed_with else { return Ok(request) };
        let key = wire::secret(self.secrets, key).map_err(|why| text(vec![why]))?;
        request.signed(&key, id, Timestamp::now()).map_err(|why| text(vec![RequestCause::Invalid(why)]))
    }
}

/// Why a request can't be made, in words.
fn text(causes: Vec<RequestCause>) -> String {
    let text = |cause| RequestError { at: Span::default(), cause }.diagnostic().message;
    causes.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The protocol's requests, by HTTP.
struct HttpWire<'a> {
    effects: &'a [KnownEffect],
    apis: Vec<OfApi>,
    servers: &'a Servers<'a>,
    connections: Connections,
    /// What was sent in this run.
    sent: BTreeSet<usize>,
}

impl HttpWire<'_> {
    /// What a call requests; else why it can't be.
    fn single(&self, call: Call, is_validation: bool) -> Result<SingleRequest, String> {
        let (Call::Send(at) | Call::Read(at)) = call;
        let effect = &self.effects[at].effect;
        let of = match (call, &effect.read, &effect.validate) {
            (Call::Read(_), Some(read), _) => &read.request,
            (Call::Send(_), _, Some(validate)) if is_validation => validate,
            _ => &effect.request,
        };
        let request = self.servers.request(of, &effect.idempotency_key)?;
        Ok(SingleRequest { request, api: self.apis[at].1.clone()? })
    }

    /// Whether the server says first whether it would do it: of what was sent before, a refusal says nothing.
    fn is_validated(&self, call: Call) -> bool {
        let is_first = |at: usize| !self.effects[at].stored.state.needs_person() && !self.sent.contains(&at);
        matches!(call, Call::Send(at) if self.effects[at].effect.validate.is_some() && is_first(at))
    }

    /// Sends requests that belong together.
    fn round(&self, calls: &[Call], is_validation: bool) -> Vec<Outcome> {
        let single = |call: &Call| self.single(*call, is_validation);
        let singles: Vec<Result<SingleRequest, String>> = calls.iter().map(single).collect();
        let ready: Vec<SingleRequest> = singles.iter().filter_map(|single| single.as_ref().ok().cloned()).collect();
        let mut sent = match self.connections.send_once(ready) {
            Ok(sent) => sent.into_iter(),
            Err(error) => {
                let why = text(vec![RequestCause::Network(error)]);
                return calls.iter().map(|call| not_sent(*call, why.clone())).collect();
            }
        };
        let outcome = |(call, single): (&Call, Result<SingleRequest, String>)| match single {
            Err(why) if matches!(call, Call::Send(_)) => Outcome::Sent(Answer::Refused(why)),
            Err(why) => not_sent(*call, why),
            Ok(_) => {
                let sent = sent.next().unwrap_or_else(|| Sent::Lost("no answer".to_owned()));
                let (Call::Send(at) | Call::Read(at)) = *call;
                let effect = &self.effects[at].effect;
                match call {
                    // Any success of a validation is one.
                    Call::Send(_) if is_validation => {
                        Outcome::Sent(answer(sent, &ServerEffect { success: Vec::new(), ..effect.clone() }))
                    }
                    Call::Send(_) => Outcome::Sent(answer(sent, effect)),
                    Call::Read(_) => Outcome::Read(found(sent, effect)),
                }
            }
        };
        calls.iter().zip(singles).map(outcome).collect()
    }
}

impl Wire for HttpWire<'_> {
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome> {
        let validated: Vec<Call> = calls.iter().copied().filter(|call| self.is_validated(*call)).collect();
        let mut refused: BTreeMap<usize, Outcome> = BTreeMap::new();
        for (call, outcome) in validated.iter().zip(self.round(&validated, true)) {
            let (Call::Send(at) | Call::Read(at)) = *call;
            if let Some(refusal) = refusal(outcome) {
                refused.insert(at, refusal);
            }
        }
        let is_left = |call: &Call| !matches!(call, Call::Send(at) if refused.contains_key(at));
        let left: Vec<Call> = calls.iter().copied().filter(is_left).collect();
        let sent = self.round(&left, false);
        self.sent.extend(left.iter().zip(&sent).filter_map(|(call, outcome)| match (call, outcome) {
            (Call::Send(_), Outcome::Sent(Answer::NotSent(_))) | (Call::Read(_), _) => None,
            (Call::Send(at), _) => Some(*at),
        }));
        let mut sent = sent.into_iter();
        let outcome = |call: &Call| match call {
            Call::Send(at) if refused.contains_key(at) => refused.remove(at),
            _ => sent.next(),
        };
        calls.iter().map(outcome).map(|outcome| outcome.unwrap_or_else(|| unreachable!("one for each call"))).collect()
    }
}

/// What a validation says against sending; whatever became of it, nothing was done.
fn refusal(outcome: Outcome) -> Option<Outcome> {
    let Outcome::Sent(answer) = outcome else { return Some(outcome) };
    Some(Outcome::Sent(match answer {
        Answer::Success => return None,
        Answer::Lost(why) => Answer::NotSent(why),
        Answer::InFlight => Answer::Later(None, "the validation is under way".to_owned()),
        other => other,
    }))
}

fn not_sent(call: Call, why: String) -> Outcome {
    match call {
        Call::Send(_) => Outcome::Sent(Answer::NotSent(why)),
        Call::Read(_) => Outcome::Read(Found::Unread(why)),
    }
}

fn no_token(problem: &Problem) -> String {
    file_problem(problem, "the server of tokens").message
}

/// What an answer says of the request.
fn answer(sent: Sent, effect: &ServerEffect) -> Answer {
    let answered = match sent {
        Sent::NotSent(why) => return Answer::NotSent(why),
        Sent::NoToken(problem) => return Answer::NotSent(no_token(&problem)),
        Sent::Lost(why) => return Answer::Lost(why),
        Sent::Answered(answered) => *answered,
    };
    let Answered { status, wait, error, excerpt, .. } = answered;
    let wait = wait.map(|wait| SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX));
    let has_key = matches!(effect.dedupe, Dedupe::Key { .. });
    // What stands in the answer says more than its status, but for one that says nothing of what was done.
    if let Some((text, may_repeat)) = error.filter(|_| status < 500) {
        let why = format!("HTTP {status}: {text}");
        return match Answer::of_status(status.max(400), wait, has_key) {
            _ if may_repeat => Answer::Later(wait.or(longest_wait(effect)), why),
            // Where the connector does not say what an error is, a success with one may have done a part of it.
            _ if status < 300 && effect.errors.is_empty() => Answer::Lost(why),
            refused => with_text(refused, &why),
        };
    }
    let is_success =
        if effect.success.is_empty() { (200..300).contains(&status) } else { effect.success.contains(&status) };
    match Answer::of_status(status, wait, has_key) {
        _ if is_success => Answer::Success,
        // A success that the connector does not name: nobody knows what it means.
        Answer::Success => Answer::Lost(format!("HTTP {status}, which `success` does not name")),
        other => with_text(other, &format!("HTTP {status}: {excerpt}")),
    }
}

/// The same answer, with what the server says of it.
fn with_text(answer: Answer, text: &str) -> Answer {
    let text = text.trim_end_matches([':', ' ']).to_owned();
    match answer {
        Answer::Refused(_) => Answer::Refused(text),
        Answer::Superseded(_) => Answer::Superseded(text),
        Answer::Later(wait, _) => Answer::Later(wait, text),
        Answer::Lost(_) => Answer::Lost(text),
        other => other,
    }
}

/// How long the connector says to wait after an error that passes.
fn longest_wait(effect: &ServerEffect) -> Option<SignedDuration> {
    let wait: Duration = effect.errors.iter().filter_map(|error| error.wait).max()?;
    SignedDuration::try_from(wait).ok()
}

/// What a reading found.
fn found(sent: Sent, effect: &ServerEffect) -> Found {
    let Some(read) = &effect.read else { return Found::Unread("nothing says how it is read".to_owned()) };
    let answered = match sent {
        Sent::NotSent(why) | Sent::Lost(why) => return Found::Unread(why),
        Sent::NoToken(problem) => return Found::Unread(no_token(&problem)),
        Sent::Answered(answered) => *answered,
    };
    let is_success = (200..300).contains(&answered.status);
    if let Some((text, _)) = answered.error.as_ref().filter(|_| is_success) {
        return Found::Unread(text.clone());
    }
    if !is_success {
        return Found::Unread(format!("HTTP {}: {}", answered.status, answered.excerpt));
    }
    match answered.value_at(&read.value).as_deref().and_then(parsed_decimal) {
        Some(value) => compared(value / Decimal::from(read.scale), read),
        None => Found::Unread(format!("no number is at {} of the answer", read.value)),
    }
}

fn compared(value: Decimal, read: &ServerRead) -> Found {
    let is = |text: &str| parsed_decimal(text) == Some(value);
    if is(&read.after) {
        Found::After
    } else if is(&read.before) {
        Found::Before
    } else {
        Found::Other(value.normalize().to_string())
    }
}

/// The protocol's steps, in the ledger.
struct LedgerStore<'a> {
    ledger: &'a mut Ledger,
    effects: &'a [KnownEffect],
    pipeline: &'a str,
    /// The last run of the pipeline when it began to send: there is no later one as long as its lock holds.
    epoch: i64,
    clock: RunClock,
}

impl LedgerStore<'_> {
    /// What was recorded last of an effect, where that can be read.
    fn last_step(&self, one: &KnownEffect) -> Option<StepRow> {
        self.ledger.steps(one.stored.serial).ok()?.pop()
    }
}

impl Store for LedgerStore<'_> {
    type Error = RunError;

    fn record(&mut self, steps: &[(usize, Step)]) -> Result<(), RunError> {
        let at = self.clock.time().as_microsecond();
        let mut transaction = self.ledger.begin()?;
        // Whoever has overtaken this run knows what it found out, and goes on from there.
        if transaction.epoch(self.pipeline)? != self.epoch {
            return Err(LedgerError::Overtaken { pipeline: self.pipeline.to_owned() }.into());
        }
        if steps.iter().any(|(_, step)| step.state == State::Sent)
            && let Some(pause) = transaction.pause(self.pipeline)?
        {
            return Err(RunError::paused(&pause));
        }
        for (place, step) in steps {
            let effect = self.effects[*place].stored.serial;
            transaction.add_step(&StepRow { effect, state: step.state, at, why: step.why.clone() })?;
        }
        Ok(transaction.commit()?)
    }
}

/// The time since the run began: a clock on the wall that is put back changes nothing.
#[derive(Clone, Copy)]
struct RunClock {
    started_at: Timestamp,
    since: Instant,
}

impl RunClock {
    fn time(self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.since.elapsed()).unwrap_or(SignedDuration::MAX);
        self.started_at.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

impl Clock for RunClock {
    fn now(&mut self) -> Timestamp {
        self.time()
    }

    fn wait_until(&mut self, moment: Timestamp) {
        let wait = moment.duration_since(self.time());
        std::thread::sleep(Duration::try_from(wait).unwrap_or_default());
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    fn below(&mut self, end: u64) -> u64 {
        fastrand::u64(0..end.max(1))
    }
}
