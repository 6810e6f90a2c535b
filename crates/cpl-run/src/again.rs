//! A decision of the past, taken again by itself on the data of today.

use std::{cmp::Ordering, collections::BTreeMap};

use cpl_ledger::Decision as LedgerDecision;
use cpl_model::report::{Decision, RunReport, State};
use cpl_rules::parsed_decimal;
use serde::Serialize;
use serde_json::{Value, json};

use crate::history::Taken;

/// What became of a decision that is taken again, by itself, on the data of today.
#[derive(Debug, Serialize)]
pub struct Again {
    /// The decision.
    pub decision: String,
    /// Its rule.
    pub rule: String,
    /// What names its row.
    pub key: Value,
    /// Its window.
    pub window: String,
    /// Whether it would be taken today.
    pub verdict: HoldsUp,
    /// Why it would not be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Whether a decision would be taken today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldsUp {
    /// It would be taken today, too.
    Yes,
    /// It would not: values that it rested on were corrected since.
    Corrected,
    /// It would not, on the same values.
    No,
    /// It can't be taken again.
    Unknown,
}

/// Decisions of one window, and what a report on the data of today says of each; else why there is none.
#[must_use]
pub fn taken_again(taken: &[&Taken], report: &Result<RunReport, String>) -> Vec<Again> {
    let now = report.as_ref().map(|report| {
        let rows = report.decisions.iter().map(|decision| (row_of(&decision.rule, &json!(decision.key)), decision));
        rows.collect::<BTreeMap<Row<'_>, &Decision>>()
    });
    taken.iter().map(|one| again(one, now.as_ref().map_err(|why| why.as_str()))).collect()
}

/// A row by its rule and its key, whatever the order of the columns.
type Row<'r> = (&'r str, BTreeMap<String, String>);

fn row_of<'r>(rule: &'r str, key: &Value) -> Row<'r> {
    let values = key.as_object().into_iter().flatten();
    (rule, values.map(|(name, value)| (name.clone(), value.to_string())).collect())
}

fn again(taken: &Taken, now: Result<&BTreeMap<Row<'_>, &Decision>, &str>) -> Again {
    let decision = &taken.recorded.decision;
    let key = json_of(&decision.key);
    let (verdict, why) = match now {
        Err(why) => (HoldsUp::Unknown, Some(why.to_owned())),
        Ok(rows) => verdict(decision, rows.get(&row_of(&decision.rule, &key)).copied()),
    };
    Again {
        decision: decision.id.clone(),
        rule: decision.rule.clone(),
        key,
        window: taken.recorded.run.window.clone(),
        verdict,
        why,
    }
}

fn verdict(then: &LedgerDecision, now: Option<&Decision>) -> (HoldsUp, Option<String>) {
    let Some(now) = now else { return (HoldsUp::Corrected, Some("its row is no longer there".to_owned())) };
    if now.state == State::Fires
        && directions(&json_of(then.changes.as_deref().unwrap_or("[]"))) == directions(&json!(now.changes))
    {
        return (HoldsUp::Yes, None);
    }
    let corrected = corrected(then, now);
    if !corrected.is_empty() {
        return (HoldsUp::Corrected, Some(corrected.join(", ")));
    }
    let why = now.reason.clone().unwrap_or_else(|| "on the same values it is decided otherwise".to_owned());
    (HoldsUp::No, Some(why))
}

/// The values that are no longer what they were.
fn corrected(then: &LedgerDecision, now: &Decision) -> Vec<String> {
    let was = json_of(&then.because);
    let mut found = Vec::new();
    for because in &now.because {
        let before = was.as_array().into_iter().flatten().find(|one| one["text"] == because.text);
        let Some(before) = before.map(|one| one["value"].clone()) else { continue };
        let value = json!(because.value);
        if before != value {
            let shown = |value: &Value| match value {
                Value::Null => "unknown".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            found.push(format!("{} was {}, is {}", because.text, shown(&before), shown(&value)));
        }
    }
    found
}

/// Whether each change went up or down; none of a call.
fn directions(changes: &Value) -> Vec<Option<Ordering>> {
    let direction = |change: &Value| {
        let amount = |value: &Value| match value {
            Value::String(text) => parsed_decimal(text),
            Value::Number(number) => parsed_decimal(&number.to_string()),
            _ => None,
        };
        Some(amount(&change["to"])?.cmp(&amount(&change["from"])?))
    };
    changes.as_array().into_iter().flatten().map(direction).collect()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
