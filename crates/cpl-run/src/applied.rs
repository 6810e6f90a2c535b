//! `applied(RULE over D)`: how often rules acted, as the ledger or a test's past has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cpl_ledger::StoredEffect;
use cpl_model::{clock::Clock, program::AppliedCounts};
use cpl_plan::{
    Plan,
    bind::{BoundPlan, PastCounts, bind},
};
use jiff::Timestamp;

use crate::{RunContext, RunError, ledgers::read_ledger};

impl RunContext<'_> {
    /// A plan, bound to the window and to what the ledger says of the windows before it.
    ///
    /// # Errors
    /// What keeps the plan from being bound, and the ledger from being read.
    pub(crate) fn bound(&self, plan: Plan) -> Result<BoundPlan, RunError> {
        let is_asked = !plan.applied().is_empty();
        let ledger = if is_asked { read_ledger(self.workspace)? } else { None };
        let before = self.clock.now.timestamp().as_microsecond();
        let counts = past_counts(&plan, &self.clock, |rule, after| {
            let Some(ledger) = &ledger else { return Ok(AppliedCounts::new()) };
            let between = (after.as_microsecond(), before);
            let decided = plan.program().decisions.iter().find(|one| one.name == rule);
            let key = decided.map(|decided| decided.rows.key.as_slice()).unwrap_or_default();
            Ok(counts(&ledger.applied(&plan.program().name, rule, between)?, key))
        })?;
        Ok(bind(plan, self.clock.clone(), &counts, false)?)
    }
}

/// What `count` says of each rule that the plan asks for, after a moment.
pub fn past_counts(
    plan: &Plan,
    clock: &Clock,
    count: impl Fn(&str, Timestamp) -> Result<AppliedCounts, RunError>,
) -> Result<PastCounts, RunError> {
    let mut counts = PastCounts::new();
    for (rule, over) in plan.applied() {
        // What began before the calendar is all of it.
        let after = clock.before(over.length, over.unit).unwrap_or(Timestamp::MIN);
        let found = count(&rule, after)?;
        counts.insert((rule, over), Arc::new(found));
    }
    Ok(counts)
}

/// How many decisions changed each row, by its raw values: those of one decision count once, and none that was made when the
/// rule named its rows by other columns.
fn counts(effects: &[StoredEffect], key: &[String]) -> AppliedCounts {
    let decided: BTreeSet<(&str, &str)> =
        effects.iter().map(|one| (one.effect.key.as_str(), one.effect.decision_id.as_str())).collect();
    let wanted: BTreeSet<&String> = key.iter().collect();
    let mut counts = AppliedCounts::new();
    for (recorded, _) in decided {
        let named: BTreeMap<String, serde_json::Value> = serde_json::from_str(recorded).unwrap_or_default();
        if named.keys().collect::<BTreeSet<_>>() == wanted {
            *counts.entry(named.into_values().map(raw).collect()).or_default() += 1;
        }
    }
    counts
}

/// A value that is recorded as JSON, as [`Value::raw`](cpl_model::value::Value::raw) writes it.
fn raw(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) if number.as_i64().is_none() => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        other => other.to_string(),
    }
}
