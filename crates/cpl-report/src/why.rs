//! `cpl why`: each row of a rule, and what each of its conditions says of it.

use cpl_model::report::{Alert, Decision, Outcome, Pairs, QuietRow, RunReport, State};
use serde_json::{Map, Value, json};

use crate::{
    page::Page,
    paint::{Ink, TerminalStyle},
};

/// The rows of one rule.
#[derive(Clone, Debug)]
pub struct Why<'r> {
    rule: &'r str,
    decisions: Vec<&'r Decision>,
    alerts: Vec<&'r Alert>,
    quiet: Vec<&'r QuietRow>,
}

impl<'r> Why<'r> {
    /// Those of a rule of a report, in which all quiet rows are explained: all, or those that a value names.
    #[must_use]
    pub fn of(report: &'r RunReport, rule: &'r str, row: Option<&str>) -> Self {
        let is_named = |key: &Pairs| {
            row.is_none_or(|row| key.0.iter().any(|(_, value)| value.to_string() == row || value.raw() == row))
        };
        let decisions = report.decisions.iter().filter(|one| one.rule == rule && is_named(&one.key));
        let alerts = report.alerts.iter().filter(|one| one.alert == rule && is_named(&one.key));
        let quiet = report.nearest.iter().filter(|one| one.rule == rule && is_named(&one.key));
        Self { rule, decisions: decisions.collect(), alerts: alerts.collect(), quiet: quiet.collect() }
    }

    /// The values that name its rows.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let decided = self.decisions.iter().map(|one| &one.key).chain(self.alerts.iter().map(|one| &one.key));
        let keys = decided.chain(self.quiet.iter().map(|one| &one.key));
        keys.flat_map(|key| key.0.iter().map(|(_, value)| value.to_string())).collect()
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty() && self.alerts.is_empty() && self.quiet.is_empty()
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut all = Map::new();
        all.insert("rule".to_owned(), json!(self.rule));
        if !self.alerts.is_empty() {
            all.insert("alerts".to_owned(), json!(self.alerts));
        }
        all.insert("decisions".to_owned(), json!(self.decisions));
        all.insert("quiet".to_owned(), json!(self.quiet));
        format!("{:#}", Value::Object(all))
    }

    /// As text, those that fire first and those that lack the most last.
    #[must_use]
    pub fn text(&self, style: TerminalStyle) -> String {
        let mut page = Page::new(style);
        for decision in &self.decisions {
            let (sign, ink, state) = match decision.state {
                State::Fires => ("●", Ink::Good, "fires"),
                State::Undecided => ("?", Ink::Warn, "undecided"),
                State::Held if decision.awaits_approval => ("◌", Ink::Warn, "waits for approval"),
                State::Held | State::Suppressed | State::Quiet => ("○", Ink::Warn, "held"),
            };
            let reason = decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            row(&mut page, (sign, ink), &decision.key, &format!("{state}{reason}"));
            // What one that is undecided rests on is told by its reason.
            let is_so = (decision.state != State::Undecided).then_some(true);
            for text in &decision.conditions {
                outcome(&mut page, text, is_so);
            }
        }
        for alert in &self.alerts {
            let (sign, ink) = match alert.state {
                State::Fires => ("●", Ink::Bad),
                State::Undecided => ("?", Ink::Warn),
                State::Held | State::Suppressed | State::Quiet => ("○", Ink::Warn),
            };
            row(&mut page, (sign, ink), &alert.key, &alert.text);
            for text in &alert.conditions {
                outcome(&mut page, text, (alert.state != State::Undecided).then_some(true));
            }
        }
        for QuietRow { key, conditions, .. } in &self.quiet {
            row(&mut page, ("·", Ink::Faint), key, "does not fire");
            for Outcome { text, is_so } in conditions {
                outcome(&mut page, text, *is_so);
            }
        }
        page.text()
    }
}

fn row(page: &mut Page, (sign, ink): (&str, Ink), key: &Pairs, text: &str) {
    let key: Vec<String> = key.0.iter().map(|(_, value)| value.to_string()).collect();
    let name = if key.is_empty() { String::new() } else { page.paint(Ink::Strong, &key.join(", ")) + "  " };
    let sign = page.paint(ink, sign);
    page.wrapped(&format!("{sign} {name}"), 4, text);
}

fn outcome(page: &mut Page, text: &str, is_so: Option<bool>) {
    let (sign, ink) = match is_so {
        Some(true) => ("✓", Ink::Good),
        Some(false) => ("✗", Ink::Bad),
        None => ("?", Ink::Warn),
    };
    let sign = page.paint(ink, sign);
    page.wrapped(&format!("    {sign} "), 6, text);
}
