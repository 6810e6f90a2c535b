//! Effects on servers leave: the protocol's wire, store, clock and chance, on HTTP and the ledger.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use cpl_connect::{
    Answered, Api, Auth, Connections, ErrorsInside, Grant, Limits, Network, Request, Secret, Secrets, Sent,
    ServiceAccount, SingleRequest, Terms, Throttle, TokenStore, Tokens,
};
use cpl_effects::{ServerAuth, ServerEffect, ServerRead, ServerRequest};
use cpl_ledger::{EffectState, Ledger, Step as StepRow, StoredEffect};
use cpl_model::program::{Credential, Dedupe};
use cpl_protocol::{
    Answer, Call, Clock, Dedupe as ProtocolDedupe, Delivery, Found, Lane, Outcome, Policy, Random, Recorded, State,
    Step, Store, Wire, World, deliver,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::{
    RunError,
    error::{NotCarriedOut, RequestCause},
    request_builder::secret,
};

/// Requests to one API under way at once, where its connector says nothing of it.
const CONCURRENT: u32 = 4;

/// An effect of the ledger that is sent to a server, or is looked up there.
pub struct OpenEffect {
    /// As it is recorded.
    pub stored: StoredEffect,
    /// What is sent.
    pub effect: ServerEffect,
    /// The rule of its decision.
    pub rule: String,
    /// Its window is over.
    pub is_over: bool,
    /// The places, among the open effects, of those that must be carried out before it.
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
    /// When the run began.
    pub started_at: Timestamp,
}

impl Sending<'_> {
    /// Sends what is to be sent, and finds out what became of what was: those that were not carried out.
    ///
    /// # Errors
    /// Where the ledger can't be written, or a pause began: nothing more was sent then.
    pub fn send(self, open: &[OpenEffect]) -> Result<Vec<NotCarriedOut>, RunError> {
        let clock = RunClock { started_at: self.started_at, since: Instant::now() };
        let now = clock.time();
        let limit = SignedDuration::try_from(self.network.limit).unwrap_or(SignedDuration::MAX);
        let mut until = now.saturating_add(limit).unwrap_or(Timestamp::MAX);
        // A run of a window that is over, which was wanted so, has all its time.
        if self.window_end > now {
            until = until.min(self.window_end);
        }
        let mut servers = Servers::new(self.secrets, self.tokens);
        let (mut lanes, mut targets) = (Vec::new(), Vec::new());
        for one in open {
            let steps = self.ledger.steps(one.stored.serial)?;
            let first_sent = steps.iter().find(|step| step.state == EffectState::Sent).map(|step| step.at);
            let first_sent = first_sent.and_then(|at| Timestamp::from_microsecond(at).ok());
            let recorded = Recorded { state: state(one.stored.state), first_sent, now, is_over: one.is_over };
            let delivery = Delivery::resumed(policy(&one.effect), recorded);
            targets.push(servers.api(&one.effect));
            let target = targets[targets.len() - 1].0;
            lanes.push(Lane { delivery, target, needs: one.needs.clone() });
        }
        let widths = servers.widths();
        let mut wire = HttpWire { open, apis: targets, servers: &servers, connections: Connections::new(self.network) };
        let mut store = LedgerStore { ledger: self.ledger, open, pipeline: self.pipeline, clock };
        let mut world = World { wire: &mut wire, store: &mut store, clock: &mut { clock }, random: &mut SystemRandom };
        deliver(&mut lanes, &widths, until, &mut world)?;
        let mut failed = Vec::new();
        for (one, lane) in open.iter().zip(&lanes) {
            let state = lane.delivery.state();
            if state != State::Confirmed {
                let why = store.ledger.steps(one.stored.serial)?.pop().and_then(|step| step.why);
                failed.push(NotCarriedOut { effect: one.stored.effect.clone(), state: stored(state), why });
            }
        }
        Ok(failed)
    }
}

/// A state of the ledger as the protocol knows it.
fn state(of: EffectState) -> State {
    match of {
        EffectState::Recorded => State::Recorded,
        EffectState::Sent => State::Sent,
        EffectState::Confirmed => State::Confirmed,
        EffectState::Uncertain => State::Uncertain,
        EffectState::Refused => State::Refused,
        EffectState::Superseded => State::Superseded,
        EffectState::Expired => State::Expired,
        EffectState::Drifted => State::Drifted,
        EffectState::Held => State::Held,
    }
}

/// A state of the protocol as the ledger knows it.
fn stored(of: State) -> EffectState {
    match of {
        State::Recorded => EffectState::Recorded,
        State::Sent => EffectState::Sent,
        State::Confirmed => EffectState::Confirmed,
        State::Uncertain => EffectState::Uncertain,
        State::Refused => EffectState::Refused,
        State::Superseded => EffectState::Superseded,
        State::Expired => EffectState::Expired,
        State::Drifted => EffectState::Drifted,
        State::Held => EffectState::Held,
    }
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
        let grant = effect.request.auth.iter().find_map(|auth| self.grant(auth).transpose()).transpose()?;
        let tokens = grant.map(|(grant, scopes, address, header)| {
            let tokens = Tokens::new(grant, scopes, address, TokenStore::new(self.tokens.to_owned()));
            tokens.and_then(|tokens| tokens.in_header(header.as_deref())).map_err(|error| format!("{error:?}"))
        });
        Ok(Api { terms, tokens: tokens.transpose()? })
    }

    /// What gives a token; none where requests hold their credentials themselves.
    #[allow(clippy::type_complexity)]
    fn grant(&self, auth: &ServerAuth) -> Result<Option<(Grant, Vec<String>, String, Option<String>)>, String> {
        Ok(match auth {
            ServerAuth::OAuth2 { token_url, client_id, client_secret, refresh_token, scopes, header } => {
                let some = |credential: &Option<Credential>| {
                    credential.as_ref().map(|one| Ok::<_, String>(self.secret(one)?.in_secret_place())).transpose()
                };
                let (id, secret) = (self.secret(client_id)?, some(client_secret)?);
                let grant = Grant::Client { id, secret, refresh_token: some(refresh_token)? };
                Some((grant, scopes.clone(), token_url.clone(), header.clone()))
            }
            ServerAuth::GoogleServiceAccount { key, scopes } => {
                let (account, address) =
                    ServiceAccount::of(&self.secret(key)?).map_err(|error| format!("{error:?}"))?;
                Some((Grant::ServiceAccount(account), scopes.clone(), address, None))
            }
            _ => None,
        })
    }

    fn secret(&self, credential: &Credential) -> Result<Secret, String> {
        secret(self.secrets, credential).map_err(|cause| match cause {
            RequestCause::Secret { name, .. } => format!("the secret {name} is not there"),
            _ => "a secret is not there".to_owned(),
        })
    }

    /// The request, whole; `id` and the time are signed with it.
    fn request(&self, of: &ServerRequest, id: &str) -> Result<Request, String> {
        let invalid = |error: cpl_connect::InvalidRequest| format!("the request can't be sent: {error:?}");
        let address = self.secret(&of.address)?;
        let mut request = Request::at_address(of.method, &address).map_err(invalid)?.path(&of.path);
        for auth in &of.auth {
            let auth = match auth {
                ServerAuth::Bearer(token) => Auth::Bearer(self.secret(token)?.in_secret_place()),
                ServerAuth::Basic(user, password) => {
                    let password = password.as_ref().map(|password| self.secret(password)).transpose()?;
                    Auth::Basic(self.secret(user)?, password.map(Secret::in_secret_place))
                }
                ServerAuth::Header(name, value) => Auth::Header(name.clone(), self.secret(value)?.in_secret_place()),
                ServerAuth::Query(name, value) => Auth::Query(name.clone(), self.secret(value)?.in_secret_place()),
                ServerAuth::OAuth2 { .. } | ServerAuth::GoogleServiceAccount { .. } => continue,
            };
            request = request.auth(&auth).map_err(invalid)?;
        }
        for (name, value) in &of.headers {
            request = match value {
                Credential::Plain(text) => request.header(name, text).map_err(invalid)?,
                Credential::Secret(_) => request.secret_header(name, &self.secret(value)?).map_err(invalid)?,
            };
        }
        request = of.query.iter().fold(request, |request, (name, value)| request.query(name, value));
        if let Some(body) = &of.body {
            request = request.json(body.clone());
        }
        match &of.signed_with {
            Some(key) => request.signed(&self.secret(key)?, id, Timestamp::now()).map_err(invalid),
            None => Ok(request),
        }
    }
}

/// The protocol's requests, by HTTP.
struct HttpWire<'a> {
    open: &'a [OpenEffect],
    apis: Vec<OfApi>,
    servers: &'a Servers<'a>,
    connections: Connections,
}

impl HttpWire<'_> {
    /// What a call requests; else why it can't be.
    fn single(&self, call: Call) -> Result<SingleRequest, String> {
        let (Call::Send(at) | Call::Read(at)) = call;
        let effect = &self.open[at].effect;
        let of = match (call, &effect.read) {
            (Call::Read(_), Some(read)) => &read.request,
            _ => &effect.request,
        };
        let request = self.servers.request(of, &effect.idempotency_key)?;
        Ok(SingleRequest { request, api: self.apis[at].1.clone()? })
    }
}

impl Wire for HttpWire<'_> {
    fn perform(&mut self, calls: &[Call]) -> Vec<Outcome> {
        let singles: Vec<Result<SingleRequest, String>> = calls.iter().map(|call| self.single(*call)).collect();
        let ready: Vec<SingleRequest> = singles.iter().filter_map(|single| single.as_ref().ok().cloned()).collect();
        let mut sent = match self.connections.send_once(ready) {
            Ok(sent) => sent.into_iter(),
            Err(error) => {
                let why = format!("the network can't be used: {error:?}");
                return calls.iter().map(|call| not_sent(*call, why.clone())).collect();
            }
        };
        let outcome = |(call, single): (&Call, Result<SingleRequest, String>)| match single {
            Err(why) => not_sent(*call, why),
            Ok(_) => {
                let sent = sent.next().unwrap_or_else(|| Sent::Lost("no answer".to_owned()));
                let (Call::Send(at) | Call::Read(at)) = *call;
                let effect = &self.open[at].effect;
                match call {
                    Call::Send(_) => Outcome::Sent(answer(sent, effect)),
                    Call::Read(_) => Outcome::Read(found(sent, effect)),
                }
            }
        };
        calls.iter().zip(singles).map(outcome).collect()
    }
}

fn not_sent(call: Call, why: String) -> Outcome {
    match call {
        Call::Send(_) => Outcome::Sent(Answer::NotSent(why)),
        Call::Read(_) => Outcome::Read(Found::Unread(why)),
    }
}

/// What an answer says of the request.
fn answer(sent: Sent, effect: &ServerEffect) -> Answer {
    let answered = match sent {
        Sent::NotSent(why) => return Answer::NotSent(why),
        Sent::Lost(why) => return Answer::Lost(why),
        Sent::Answered(answered) => *answered,
    };
    let Answered { status, wait, error, excerpt, .. } = answered;
    let wait = wait.map(|wait| SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX));
    let has_key = matches!(effect.dedupe, Dedupe::Key { .. });
    // What stands in the answer says more than its status, but for one that says nothing of what was done.
    if let Some((text, may_repeat)) = error.filter(|_| status < 500) {
        let why = format!("HTTP {status}: {text}");
        return if may_repeat {
            Answer::Later(wait.or(longest_wait(effect)), why)
        } else {
            with_text(Answer::of_status(status.max(400), wait, has_key), &why)
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
        Sent::Answered(answered) => *answered,
    };
    let is_success = (200..300).contains(&answered.status);
    if let Some((text, _)) = answered.error.as_ref().filter(|_| is_success) {
        return Found::Unread(text.clone());
    }
    if !is_success {
        return Found::Unread(format!("HTTP {}: {}", answered.status, answered.excerpt));
    }
    match answered.value_at(&read.value).as_deref().and_then(decimal) {
        Some(value) => compared(value / Decimal::from(read.scale), read),
        None => Found::Unread(format!("no number is at {} of the answer", read.value)),
    }
}

fn compared(value: Decimal, read: &ServerRead) -> Found {
    let is = |text: &str| decimal(text) == Some(value);
    if is(&read.after) {
        Found::After
    } else if is(&read.before) {
        Found::Before
    } else {
        Found::Other(value.normalize().to_string())
    }
}

fn decimal(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

/// The protocol's steps, in the ledger.
struct LedgerStore<'a> {
    ledger: &'a mut Ledger,
    open: &'a [OpenEffect],
    pipeline: &'a str,
    clock: RunClock,
}

impl Store for LedgerStore<'_> {
    type Error = RunError;

    fn record(&mut self, steps: &[(usize, Step)]) -> Result<(), RunError> {
        let at = self.clock.time().as_microsecond();
        let mut transaction = self.ledger.begin()?;
        if steps.iter().any(|(_, step)| step.state == State::Sent)
            && let Some(pause) = transaction.pause(self.pipeline)?
        {
            return Err(RunError::Paused { text: format!("{} paused it", pause.by) });
        }
        for (place, step) in steps {
            let effect = self.open[*place].stored.serial;
            transaction.add(&StepRow { effect, state: stored(step.state), at, why: step.why.clone() })?;
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
