//! Alerts that stay true: reported once, and again when `repeat after` has passed; and those that are over.

use cpl_model::{
    clock::{earlier, iso, weekday},
    program::{Alert as Rule, Grain, Program},
    report::{Alert, AlertOver, Pairs, State},
    value::Value,
};
use jiff::Timestamp;

use crate::past::{AlertSeen, Past, PastAlerts};

/// After how long an alert that stays true is reported again, where the rule says nothing: 7 days, in microseconds.
const REPEAT_AFTER: i64 = 7 * 86_400_000_000;

/// What earlier windows saw of an alert, as far back as that counts.
pub struct Earlier<'p> {
    windows: Vec<PastAlerts>,
    /// What was reported before then is reported again.
    repeat: Timestamp,
    program: &'p Program,
}

impl<'p> Earlier<'p> {
    /// Of a rule, in a run of the window that begins now.
    pub fn of(rule: &Rule, program: &'p Program, past: &dyn Past, now: Timestamp) -> Self {
        let ago = |moment| earlier(moment, rule.repeat_after.unwrap_or(REPEAT_AFTER), &program.timezone);
        let repeat = ago(now);
        // One that was still true in the window before may have been reported that much earlier.
        let mut windows = past.alerts_since(&rule.name, ago(repeat));
        // On a series of days they are the days of its rows: it is looked at in each window.
        let of_rows = rule.rows.newest.as_ref().is_some_and(|newest| newest.grain == Grain::Day);
        if !rule.on.is_empty() && !of_rows {
            let day = |at: Timestamp| weekday(at.to_zoned_datetime(program.timezone.clone()).date());
            windows.retain(|window| rule.on.contains(&day(window.at)));
        }
        Self { windows, repeat, program }
    }

    /// Says of each alert that fires in which window it was reported already.
    pub fn mark(&self, alerts: &mut [Alert]) {
        for alert in alerts.iter_mut().filter(|alert| alert.state == State::Fires) {
            let reported = self.reported(&named(&alert.key)).filter(|at| *at > self.repeat);
            alert.reported = reported.map(|at| self.iso(at));
        }
    }

    /// What was reported, and is neither true nor unknown any longer.
    pub fn over(&self, rule: &Rule, alerts: &[Alert]) -> Vec<AlertOver> {
        let now: Vec<Vec<String>> =
            alerts.iter().filter(|one| one.state != State::Quiet).map(|one| named(&one.key)).collect();
        let mut found: Vec<AlertOver> = Vec::new();
        for (name, (key, _)) in self.windows.iter().flat_map(|window| &window.rows) {
            let is_new = !now.contains(name) && !found.iter().any(|over| over.key == *key);
            if let Some(at) = self.reported(name).filter(|_| is_new) {
                found.push(AlertOver { alert: rule.name.clone(), key: key.clone(), reported: self.iso(at) });
            }
        }
        found
    }

    /// The window in which a row was reported, if it fired in all since then of which it is known.
    fn reported(&self, name: &[String]) -> Option<Timestamp> {
        for window in &self.windows {
            match window.rows.get(name)?.1 {
                AlertSeen::Reported => return Some(window.at),
                AlertSeen::Still | AlertSeen::Unknown => {}
                AlertSeen::Over => return None,
            }
        }
        None
    }

    fn iso(&self, at: Timestamp) -> String {
        iso(&at.to_zoned_datetime(self.program.timezone.clone()))
    }
}

/// What names a row, as it is recorded.
fn named(key: &Pairs) -> Vec<String> {
    key.0.iter().map(|(_, value)| Value::raw(value)).collect()
}
