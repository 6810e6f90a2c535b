//! The past that a test gives: what rules decided before.

use std::collections::BTreeMap;

use cpl_model::{
    clock::Clock,
    program::{AppliedCounts, PastDecision, Program},
    report::Pairs,
    value::Value,
};
use cpl_rules::{Changed, Past, PastChange, decimal, unit};
use jiff::Timestamp;

/// Past decisions of a test's rules, each of the row of its key.
pub struct GivenPast<'t> {
    pub program: &'t Program,
    pub decisions: &'t [PastDecision],
}

impl GivenPast<'_> {
    /// What changed the row's resource, the oldest first: rules of other targets change other resources.
    fn changes(&self, of: Changed<'_>) -> Vec<PastChange> {
        let mut found: Vec<PastChange> =
            self.decisions.iter().filter(|past| is_of(past, of)).filter_map(|past| self.change(past, of)).collect();
        found.sort_by_key(|change| change.at);
        found
    }

    /// How often a rule acted on each row after a moment, and before the test's window.
    pub fn counts(&self, rule: &str, after: Timestamp, clock: &Clock) -> AppliedCounts {
        let Some(decided) = self.program.decisions.iter().find(|one| one.name == rule) else {
            return AppliedCounts::new();
        };
        let is_in = |past: &&PastDecision| match past.at {
            Value::Datetime(at, _) => past.rule == rule && at > after && at < clock.now.timestamp(),
            _ => false,
        };
        let mut counts = AppliedCounts::new();
        for past in self.decisions.iter().filter(is_in) {
            let named: BTreeMap<&String, String> =
                decided.rows.key.iter().zip(past.key.iter().map(Value::raw)).collect();
            *counts.entry(named.into_values().collect()).or_default() += 1;
        }
        counts
    }

    fn change(&self, past: &PastDecision, of: Changed<'_>) -> Option<PastChange> {
        let rule = self.program.decisions.iter().find(|rule| rule.name == past.rule)?;
        let is_there = |via: usize| self.program.targets[via].name == of.resource.target();
        let action = rule.actions.iter().find(|action| is_there(action.via().target))?;
        let Value::Datetime(at, _) = past.at else { return None };
        let setting = action.columns().first().map(|column| {
            let new = action.via().arguments.iter().find(|(_, value)| value.is_new());
            new.map_or((*column).to_owned(), |(parameter, _)| parameter.clone())
        });
        Some(PastChange {
            at: Timestamp::from_microsecond(at.as_microsecond()).ok()?,
            by: past.rule.clone(),
            decision: String::new(),
            is_own: true,
            is_undo: false,
            setting,
            before: past.before.as_ref().and_then(decimal),
            after: past.after.as_ref().and_then(decimal),
            unit: past.after.as_ref().or(past.before.as_ref()).and_then(unit),
            is_applied: true,
        })
    }
}

/// Whether a decision was one of that row.
fn is_of(past: &PastDecision, of: Changed<'_>) -> bool {
    let Pairs(row) = of.row;
    row.len() == past.key.len() && row.iter().zip(&past.key).all(|((_, value), key)| value.raw() == key.raw())
}

impl Past for GivenPast<'_> {
    fn changes_since(&self, of: Changed<'_>, after: Timestamp) -> Vec<PastChange> {
        let mut changes = self.changes(of);
        changes.retain(|change| change.at > after);
        changes
    }

    fn last_change(&self, of: Changed<'_>, setting: Option<&str>) -> Option<PastChange> {
        let is_wanted = |change: &PastChange| setting.is_none() || change.setting.as_deref() == setting;
        self.changes(of).into_iter().rfind(is_wanted)
    }
}
