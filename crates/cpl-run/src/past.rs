//! The past of a workspace, from its ledger.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
};

use cpl_effects::{Places, ServerEffect};
use cpl_ledger::{
    Alert as AlertRow, AlertState, EffectState, LedgerError, LedgerReader, LoggedEffect, VerdictKind, Window, WindowId,
};
use cpl_model::{report::Pairs, value::Value};
use cpl_rules::{Changed, Observed, Past, PastAlert, PastChange, Pause, Verdict, parsed_decimal, short};
use jiff::Timestamp;

/// How much of what was decided before is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastSeen {
    /// All of it.
    All,
    /// What was decided in windows before: so does a replay.
    BeforeWindow,
    /// Nothing: each row is decided by itself.
    Nothing,
}

/// What alerts found last in a window, by the alert and the row's key.
type SeenAlerts = BTreeMap<(String, String), AlertRow>;

/// What a run asks its ledger while it decides; without one there is no past.
pub struct LedgerPast<'l> {
    ledger: Option<&'l LedgerReader>,
    places: &'l Places,
    of: WindowId<'l>,
    /// How much of the past is seen.
    seen: PastSeen,
    /// What is known of the window itself, where that is seen.
    window: Option<&'l Window>,
    /// What changed settings last, by their resources and names: what was looked up already.
    last: RefCell<BTreeMap<(String, String), Option<PastChange>>>,
    /// The newest windows before, by their names and starts.
    windows: OnceCell<Vec<(String, i64)>>,
    /// What alerts found last in windows, by the windows' names: what was looked up already.
    alerts: RefCell<BTreeMap<String, SeenAlerts>>,
    /// Why the ledger can't be read: then nothing of the report counts.
    failed: RefCell<Option<LedgerError>>,
}

impl<'l> LedgerPast<'l> {
    /// Of a run of a window, of which this is known where the past is seen that far.
    pub fn new(
        ledger: Option<&'l LedgerReader>,
        places: &'l Places,
        of: WindowId<'l>,
        seen: PastSeen,
        window: Option<&'l Window>,
    ) -> Self {
        let (last, windows, alerts, failed) = Default::default();
        Self { ledger, places, of, seen, window, last, windows, alerts, failed }
    }
}

impl LedgerPast<'_> {
    /// Whether all questions were answered.
    ///
    /// # Errors
    /// Why one was not.
    pub fn end(self) -> Result<(), LedgerError> {
        self.failed.into_inner().map_or(Ok(()), Err)
    }

    fn ask<T>(&self, question: impl FnOnce(&LedgerReader) -> Result<T, LedgerError>) -> Option<T> {
        match question(self.ledger?) {
            Ok(found) => Some(found),
            Err(error) => {
                self.failed.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    /// The same of the window itself.
    fn ask_window<T>(&self, question: impl FnOnce(&LedgerReader) -> Result<T, LedgerError>) -> Option<T> {
        if self.seen == PastSeen::All { self.ask(question) } else { None }
    }

    /// What an alert reported, as a window saw it last.
    fn reported(&self, alert: &str, of: WindowId<'_>) -> Vec<PastAlert> {
        let mut seen = self.alerts.borrow_mut();
        let rows =
            seen.entry(of.name.to_owned()).or_insert_with(|| self.ask(|ledger| ledger.alerts(of)).unwrap_or_default());
        let rows = rows.values().filter(|row| row.alert == alert);
        let reported = rows.filter_map(|row| {
            // Rows of older versions say nothing, and what fired was reported.
            let start = row.reported.or((row.state == AlertState::Fires).then_some(of.start))?;
            let (key, is_over) = (recorded_key(&row.key), row.state == AlertState::Over);
            Some(PastAlert { key, reported: Timestamp::from_microsecond(start).ok()?, is_over })
        });
        reported.collect()
    }

    /// The end of what is seen, in microseconds since 1970.
    fn end_of_past(&self) -> i64 {
        if self.seen == PastSeen::All { i64::MAX } else { self.of.start }
    }

    fn name(&self, of: Changed<'_>) -> String {
        self.places.resource_name(of.resource)
    }

    fn change(&self, logged: LoggedEffect) -> Option<PastChange> {
        let LoggedEffect { run, decision, effect, state } = logged;
        let is_undo = decision.undoes.is_some();
        let undo = if is_undo { "the undo of " } else { "" };
        let is_own = run.pipeline == self.of.pipeline;
        let of = if is_own { String::new() } else { format!(" of {}", run.pipeline) };
        // Where the file got another time of day since, its window has another start.
        let is_of_window = is_own && effect.window == self.of.name;
        let start = if is_of_window { self.of.start } else { effect.window_start };
        Some(PastChange {
            at: Timestamp::from_microsecond(start).ok()?,
            by: format!("{undo}{}{of}", decision.rule),
            decision: decision.undoes.unwrap_or(decision.id),
            is_own,
            is_undo,
            before: parsed_decimal(&effect.before),
            after: parsed_decimal(&effect.after),
            // Effects of the first version have no setting of their own.
            setting: effect.setting.or(effect.name),
            unit: effect.unit,
            is_applied: state == EffectState::Confirmed && !Places::is_handed_over(&effect.place),
        })
    }
}

impl Past for LedgerPast<'_> {
    fn outcome(&self, decision: &str) -> Option<String> {
        let worst = self.window?.effects_of(decision).max_by_key(|one| gravity(one.state))?;
        let id = short(decision);
        Some(match worst.state {
            EffectState::Recorded if ServerEffect::of(&worst.effect.payload).is_some() => {
                "decided already in this window, and not sent yet".to_owned()
            }
            EffectState::Recorded | EffectState::Confirmed => "done already in this window".to_owned(),
            EffectState::Sent | EffectState::Uncertain => {
                format!("sent already in this window, and nobody knows what became of it: `cpl explain {id}`")
            }
            EffectState::Drifted => format!("somebody else changed it meanwhile: `cpl explain {id}`"),
            EffectState::Refused
            | EffectState::Superseded
            | EffectState::Expired
            | EffectState::Held
            | EffectState::Undone => {
                format!("{} already in this window: `cpl explain {id}`", worst.state.word())
            }
        })
    }

    fn is_alone(&self) -> bool {
        self.seen == PastSeen::Nothing
    }

    fn is_redone(&self, decision: &str) -> bool {
        self.window.is_some_and(|window| window.is_redone(decision))
    }

    fn done(&self, rule: &str) -> usize {
        self.window.map_or(0, |window| window.acting(rule))
    }

    fn changes_since(&self, of: Changed<'_>, after: Timestamp) -> Vec<PastChange> {
        let between = (after.as_microsecond(), self.end_of_past());
        let found = self.ask(|ledger| ledger.changes(&self.name(of), between)).unwrap_or_default();
        found.into_iter().filter_map(|logged| self.change(logged)).collect()
    }

    fn look_up_last_changes(&self, settings: &[(Changed<'_>, &str)]) {
        let named = settings.iter().map(|(of, setting)| (self.name(*of), (*setting).to_owned()));
        let named: Vec<(String, String)> = named.collect();
        let wanted: Vec<(&str, &str)> = named.iter().map(|(of, setting)| (of.as_str(), setting.as_str())).collect();
        let nothing = Window::default();
        let window = self.window.unwrap_or(&nothing);
        let found = self.ask(|ledger| ledger.last_changes(&wanted, self.end_of_past(), window)).unwrap_or_default();
        let changes = found.into_iter().map(|found| found.and_then(|logged| self.change(logged)));
        self.last.borrow_mut().extend(named.into_iter().zip(changes));
    }

    fn last_change(&self, of: Changed<'_>, setting: Option<&str>) -> Option<PastChange> {
        let name = self.name(of);
        let Some(setting) = setting else {
            return self.change(self.ask(|ledger| ledger.last_change(&name, None, self.end_of_past()))??);
        };
        let wanted = (name, setting.to_owned());
        if let Some(known) = self.last.borrow().get(&wanted) {
            return known.clone();
        }
        self.change(self.ask(|ledger| ledger.last_change(&wanted.0, Some(setting), self.end_of_past()))??)
    }

    fn observed(&self, of: Changed<'_>, setting: &str) -> Option<Observed> {
        let found = self.ask(|ledger| ledger.observed(&self.name(of), setting, self.end_of_past()))??;
        let at = Timestamp::from_microsecond(found.window_start).ok()?;
        Some(Observed { value: parsed_decimal(&found.value)?, at })
    }

    fn verdict(&self, decision: &str) -> Option<Verdict> {
        let found = self.ask_window(|ledger| ledger.verdict(decision))??;
        let is_approved = found.verdict == VerdictKind::Approved;
        Some(Verdict { is_approved, changes: found.changes, by: found.by, why: found.why })
    }

    fn alerts_before(&self, alert: &str, is_looked_at: &dyn Fn(Timestamp) -> bool) -> Vec<PastAlert> {
        let windows =
            self.windows.get_or_init(|| self.ask(|ledger| ledger.windows_before(self.of)).unwrap_or_default());
        let is_wanted = |start: i64| Timestamp::from_microsecond(start).is_ok_and(is_looked_at);
        let newest = windows.iter().find(|(_, start)| is_wanted(*start));
        newest.map_or_else(Vec::new, |(name, start)| {
            let of = WindowId { name, start: *start, ..self.of };
            self.reported(alert, of)
        })
    }

    fn alerts_so_far(&self, alert: &str) -> Vec<PastAlert> {
        if self.seen == PastSeen::All { self.reported(alert, self.of) } else { Vec::new() }
    }

    fn pause(&self) -> Option<Pause> {
        let found = self.ask_window(|ledger| ledger.pause(self.of.pipeline))??;
        Some(Pause { by: found.by, why: found.why, at: Timestamp::from_microsecond(found.at).ok()? })
    }
}

/// What names a row, as it was recorded: what has no form of its own in JSON is a text.
fn recorded_key(json: &str) -> Pairs {
    let key: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let plain = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::Integer)
            .or_else(|| number.as_f64().map(Value::Number))
            .unwrap_or_else(|| Value::Text(number.to_string())),
        _ => Value::Unknown,
    };
    Pairs(key.into_iter().map(|(name, value)| (name, plain(value))).collect())
}

/// What says most of a decision of several effects.
fn gravity(state: EffectState) -> u8 {
    match state {
        EffectState::Confirmed => 0,
        EffectState::Recorded
        | EffectState::Held
        | EffectState::Superseded
        | EffectState::Expired
        | EffectState::Refused
        | EffectState::Undone => 1,
        EffectState::Sent | EffectState::Uncertain => 2,
        EffectState::Drifted => 3,
    }
}
