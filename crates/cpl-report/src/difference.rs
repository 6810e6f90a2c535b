//! The difference of two versions of a pipeline, in decisions on the same data.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::{
    report::{Decision, RunReport, State},
    types::Denomination,
    value::Value,
};
use serde_json::{Value as Json, json};

use crate::{
    page::{Page, counted, row_name},
    paint::{Ink, TerminalStyle},
    terminal::changes,
};

/// What one version decides on the data of a window, compared with another one.
pub struct Difference<'r> {
    new: &'r RunReport,
    old: &'r RunReport,
    /// Rows that act in the new version only.
    more: Vec<&'r Decision>,
    /// Rows that act in the old version only.
    fewer: Vec<&'r Decision>,
    /// Rows that act in both, with other changes: as they are now, and as they were.
    other: Vec<(&'r Decision, &'r Decision)>,
}

/// What names a row of a rule in both versions.
type Row = (String, Vec<String>);

fn row(decision: &Decision) -> Row {
    (decision.rule.clone(), decision.key.0.iter().map(|(_, value)| value.raw()).collect())
}

/// The decisions that act, by their rows.
fn acting(report: &RunReport) -> BTreeMap<Row, &Decision> {
    let acts = report.decisions.iter().filter(|decision| decision.state == State::Fires);
    acts.map(|decision| (row(decision), decision)).collect()
}

impl<'r> Difference<'r> {
    /// Of two reports of one window.
    #[must_use]
    pub fn of(new: &'r RunReport, old: &'r RunReport) -> Self {
        let (now, before) = (acting(new), acting(old));
        let only = |these: &BTreeMap<Row, &'r Decision>, those: &BTreeMap<Row, &'r Decision>| {
            these.iter().filter(|(row, _)| !those.contains_key(*row)).map(|(_, decision)| *decision).collect()
        };
        let both = now.iter().filter_map(|(row, decision)| Some((*decision, *before.get(row)?)));
        let other = both.filter(|(now, before)| changes(now) != changes(before)).collect();
        Self { new, old, more: only(&now, &before), fewer: only(&before, &now), other }
    }

    /// What becomes of a row in the new version, where it does not act.
    fn instead(&self, of: &Decision) -> String {
        let found = self.new.decisions.iter().find(|decision| row(decision) == row(of));
        let rule_is_there = self.new.quiet.contains_key(&of.rule);
        match found {
            Some(decision) => {
                let word = if decision.state == State::Undecided { "undecided" } else { "held" };
                decision.reason.as_ref().map_or_else(|| word.to_owned(), |reason| format!("{word}: {reason}"))
            }
            None if rule_is_there => "its conditions are not true".to_owned(),
            None => "there is no such rule".to_owned(),
        }
    }

    /// By each rule how many decisions act, now and before.
    fn by_rule(&self) -> Vec<(&str, usize, usize)> {
        let count = |report: &RunReport, rule: &str| {
            report.decisions.iter().filter(|one| one.state == State::Fires && one.rule == rule).count()
        };
        let rules: BTreeSet<&str> = self.new.quiet.keys().chain(self.old.quiet.keys()).map(String::as_str).collect();
        rules.into_iter().map(|rule| (rule, count(self.new, rule), count(self.old, rule))).collect()
    }

    /// By each column how much it changes in all, now and before: amounts and counts.
    fn totals(&self) -> BTreeMap<Amount, (Option<Value>, Option<Value>)> {
        let mut totals: BTreeMap<Amount, (Option<Value>, Option<Value>)> = BTreeMap::new();
        for (column, total) in totals_of(self.new) {
            totals.entry(column).or_default().0 = Some(total);
        }
        for (column, total) in totals_of(self.old) {
            totals.entry(column).or_default().1 = Some(total);
        }
        totals
    }

    /// The difference as text.
    #[must_use]
    pub fn text(&self, versions: (&str, &str), style: TerminalStyle) -> String {
        let mut page = Page::new(style);
        page.pipeline(self.new);
        page.line(&format!("{} against {}: nothing is sent or changed", versions.0, versions.1));
        let counts = [(self.more.len(), "more"), (self.fewer.len(), "fewer"), (self.other.len(), "changed otherwise")];
        let is_same = counts.iter().all(|(count, _)| *count == 0);
        let counted = if is_same { "the same in both".to_owned() } else { counted(&counts) };
        page.title("DECISIONS", &counted);
        for decision in &self.more {
            page.changed("+", Ink::Good, decision, &decision.conditions.join(", "));
        }
        for decision in &self.fewer {
            page.changed("-", Ink::Bad, decision, &self.instead(decision));
        }
        for (now, before) in &self.other {
            page.changed("~", Ink::Warn, now, &format!("was {}", changes(before).join(", ")));
        }
        page.title("IN ALL", "");
        for (rule, now, before) in self.by_rule() {
            page.line(&format!("  {rule}: {now}, was {before}{}", signed_count(now, before)));
        }
        for ((column, _), (now, before)) in self.totals() {
            let shown = |value: Option<&Value>| value.map_or_else(|| "0".to_owned(), signed);
            let more =
                difference(now.as_ref(), before.as_ref()).map_or_else(String::new, |of| format!(" ({})", signed(&of)));
            page.line(&format!("  {column}: {}, was {}{more}", shown(now.as_ref()), shown(before.as_ref())));
        }
        page.text()
    }

    /// The difference for machines.
    #[must_use]
    pub fn json(&self, versions: (&str, &str)) -> Json {
        let list = |decisions: &[&Decision]| decisions.iter().map(|decision| json!(decision)).collect::<Vec<_>>();
        let other = |(now, before): &(&Decision, &Decision)| json!({ "now": now, "before": before });
        let totals = self.totals().into_iter().map(|((column, _), (now, before))| {
            let more = difference(now.as_ref(), before.as_ref());
            json!({ "column": column, "now": now, "before": before, "difference": more })
        });
        json!({
            "pipeline": self.new.pipeline,
            "window": self.new.window,
            "new": versions.0,
            "old": versions.1,
            "more": list(&self.more),
            "fewer": list(&self.fewer),
            "other": self.other.iter().map(other).collect::<Vec<_>>(),
            "rules": self.by_rule().into_iter().map(|(rule, now, before)| json!({ "rule": rule, "now": now, "before": before })).collect::<Vec<_>>(),
            "totals": totals.collect::<Vec<_>>(),
        })
    }
}

/// A column, and the currency of its amounts: those of two are not added.
type Amount = (String, String);

/// By each column how much the decisions that act change it in all.
fn totals_of(report: &RunReport) -> BTreeMap<Amount, Value> {
    let mut totals: BTreeMap<Amount, Value> = BTreeMap::new();
    for change in acting(report).values().flat_map(|decision| &decision.changes) {
        let Some((column, by)) = change.column.as_ref().zip(difference(Some(&change.to), Some(&change.from))) else {
            continue;
        };
        let unit = match &by {
            Value::Money(_, Denomination::One(currency)) => currency.code(),
            Value::Money(_, Denomination::Of(column)) => column,
            _ => "",
        };
        let name = (column.clone(), unit.to_owned());
        let sum = match totals.remove(&name) {
            None => by,
            Some(sum) => added(&sum, &by).unwrap_or(sum),
        };
        totals.insert(name, sum);
    }
    totals
}

/// Amounts and counts have a difference; shares of two things have none.
fn difference(now: Option<&Value>, before: Option<&Value>) -> Option<Value> {
    Some(match (now, before) {
        (Some(now @ (Value::Money(..) | Value::Integer(_) | Value::Number(_))), None) => now.clone(),
        (Some(Value::Money(now, unit)), Some(Value::Money(before, _))) => Value::Money(now - before, *unit),
        (Some(Value::Integer(now)), Some(Value::Integer(before))) => Value::Integer(now.checked_sub(*before)?),
        (Some(Value::Number(now)), Some(Value::Number(before))) => Value::Number(now - before),
        (None, Some(Value::Money(before, unit))) => Value::Money(-before, *unit),
        (None, Some(Value::Integer(before))) => Value::Integer(before.checked_neg()?),
        (None, Some(Value::Number(before))) => Value::Number(-before),
        _ => return None,
    })
}

fn added(sum: &Value, by: &Value) -> Option<Value> {
    difference(Some(sum), difference(None, Some(by)).as_ref())
}

/// `+$310.00`, `-3`.
fn signed(value: &Value) -> String {
    let text = value.exact();
    if text.starts_with('-') || text.starts_with('−') { text } else { format!("+{text}") }
}

fn signed_count(now: usize, before: usize) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Greater => format!(" (+{})", now - before),
        std::cmp::Ordering::Less => format!(" (-{})", before - now),
        std::cmp::Ordering::Equal => String::new(),
    }
}

impl Page {
    /// A row that the versions decide in two ways.
    fn changed(&mut self, sign: &str, ink: Ink, decision: &Decision, why: &str) {
        let sign = self.paint(ink, sign);
        let name = row_name(&decision.rule, &decision.key);
        self.wrapped(&format!("{sign} "), 4, &format!("{name}  {}", changes(decision).join(", ")));
        if !why.is_empty() {
            self.wrapped("    ", 4, why);
        }
    }
}
