//! Alerts that stay true: reported once, and again when `repeat after` has passed; and those that are over.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::{
    clock::{earlier, iso},
    program::{Alert as Rule, Program},
    report::{Alert, AlertOver, Pairs, State},
};
use jiff::Timestamp;

use crate::{
    holds::Holds,
    past::{Past, PastAlert},
};

/// After how long an alert that stays true is reported again, where the rule says nothing: 7 days, in microseconds.
const REPEAT_AFTER: i64 = 7 * 86_400_000_000;

/// What was seen of an alert's rows before this run, by what names them.
pub struct Earlier<'p> {
    /// In the newest window before this one in which the rule was looked at: what was reported, and was not over.
    before: BTreeMap<String, PastAlert>,
    /// In earlier runs of this window: what was reported, also where it was over by then.
    so_far: BTreeMap<String, PastAlert>,
    /// What was reported before then is reported again.
    repeat: Timestamp,
    /// The start of this window.
    now: Timestamp,
    rule: &'p Rule,
    program: &'p Program,
}

impl<'p> Earlier<'p> {
    /// Of a rule, in a run of the window that begins now.
    pub fn of(rule: &'p Rule, program: &'p Program, past: &dyn Past, now: Timestamp) -> Self {
        let day = |at: Timestamp| at.to_zoned_datetime(program.timezone.clone()).date();
        let is_looked_at = |at: Timestamp| rule.rows.is_looked_at(&rule.on, day(at));
        let named = |seen: Vec<PastAlert>| seen.into_iter().map(|one| (name(&one.key), one)).collect();
        let before = past.alerts_before(&rule.name, &is_looked_at).into_iter().filter(|one| !one.is_over).collect();
        let repeat = earlier(now, rule.repeat_after.unwrap_or(REPEAT_AFTER), &program.timezone);
        Self { before: named(before), so_far: named(past.alerts_so_far(&rule.name)), repeat, now, rule, program }
    }

    /// Says of each alert when it was reported: of one that fires only where it is no news.
    pub fn mark(&self, alerts: &mut [Alert]) {
        for alert in alerts {
            let name = name(&alert.key);
            let reported = match alert.state {
                State::Fires => self.reported(&name).filter(|at| *at > self.repeat && *at != self.now),
                State::Undecided | State::Suppressed => self.reported(&name),
                State::Quiet | State::Held => None,
            };
            alert.reported = reported.map(|at| self.iso(at));
        }
    }

    /// What was reported, and is not found any longer: over, unless what it rests on is broken, or its period left out.
    pub fn gone(&self, alerts: &[Alert], holds: &Holds, left_out: &[(Pairs, String)]) -> (Vec<Alert>, Vec<AlertOver>) {
        let left_out: BTreeMap<String, &String> = left_out.iter().map(|(key, why)| (name(key), why)).collect();
        let there: BTreeSet<String> =
            alerts.iter().filter(|one| one.state != State::Quiet).map(|one| name(&one.key)).collect();
        let (mut held, mut over) = (Vec::new(), Vec::new());
        let all: BTreeMap<&String, &PastAlert> = self.before.iter().chain(&self.so_far).collect();
        for (name, one) in all.into_iter().filter(|(name, _)| !there.contains(*name)) {
            let (alert, key, reported) = (self.rule.name.clone(), one.key.clone(), self.iso(one.reported));
            match holds.reason(&key).or_else(|| Some(left_out.get(name)?.as_str())) {
                None => over.push(AlertOver { alert, key, reported }),
                Some(why) => held.push(Alert {
                    alert,
                    key,
                    state: State::Suppressed,
                    severity: self.rule.severity,
                    text: why.to_owned(),
                    reported: Some(reported),
                    because: Vec::new(),
                    conditions: Vec::new(),
                    evidence: Vec::new(),
                }),
            }
        }
        (held, over)
    }

    /// When a row was reported that was not over since. What earlier runs of the window saw is the newest that is known.
    fn reported(&self, name: &str) -> Option<Timestamp> {
        let seen = self.so_far.get(name).or_else(|| self.before.get(name))?;
        (!seen.is_over).then_some(seen.reported)
    }

    fn iso(&self, at: Timestamp) -> String {
        iso(&at.to_zoned_datetime(self.program.timezone.clone()))
    }
}

/// What names a row, whatever the order of its columns: a JSON object.
fn name(key: &Pairs) -> String {
    let mut key = key.clone();
    key.0.sort_by(|(a, _), (b, _)| a.cmp(b));
    serde_json::to_string(&key).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
