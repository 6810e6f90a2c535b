//! `applied(RULE over D)`: how often rules acted, as the ledger or a test's past has it.

use std::collections::{BTreeMap, BTreeSet};

use cpl_ledger::{LedgerReader, StoredEffect};
use cpl_model::{clock::Clock, program::AppliedCounts};
use cpl_plan::{
    Plan,
    bind::{BoundPlan, PastCounts, bind},
};
use jiff::Timestamp;

use crate::{RunContext, RunError, folder::ledger_folder};

impl RunContext<'_> {
    /// A plan, bound to the window and to what the ledger says of the windows before it.
    ///
    /// # Errors
    /// What keeps the plan from being bound, and the ledger from being read.
    pub(crate) fn bound(&self, plan: Plan) -> Result<BoundPlan, RunError> {
        let is_asked = !plan.applied().is_empty();
        let ledger = if is_asked { LedgerReader::open(&ledger_folder(self.workspace))? } else { None };
        let before = self.clock.now.timestamp().as_microsecond();
        let counts = past_counts(&plan, &self.clock, |rule, after| {
            let Some(ledger) = &ledger else { return Ok(AppliedCounts::new()) };
            let between = (after.as_microsecond(), before);
            Ok(counts(&ledger.applied(&plan.program().name, rule, between)?))
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
        counts.insert((rule, over), found);
    }
    Ok(counts)
}

/// How many decisions changed each row, by its raw values: those of one decision count once.
fn counts(effects: &[StoredEffect]) -> AppliedCounts {
    let decided: BTreeSet<(&str, &str)> =
        effects.iter().map(|one| (one.effect.key.as_str(), one.effect.decision_id.as_str())).collect();
    let mut counts = AppliedCounts::new();
    for (key, _) in decided {
        *counts.entry(raw_values(key)).or_default() += 1;
    }
    counts
}

/// The raw values of a key that is recorded as JSON, in the order of their names.
fn raw_values(key: &str) -> Vec<String> {
    let named: BTreeMap<String, serde_json::Value> = serde_json::from_str(key).unwrap_or_default();
    let raw = |value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    named.into_values().map(raw).collect()
}
