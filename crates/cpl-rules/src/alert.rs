//! Alerts: the rows for which a rule is true.

use cpl_model::{
    program::{Alert as Rule, Program},
    report::{Alert, Pairs, State},
    value::Value,
};
use cpl_plan::{
    backend::Answer,
    rule::{CompiledAlert, CompiledPiece},
};

use crate::{
    condition::{RuleRow, Verdict, key_order},
    holds::Holds,
};

/// What an alert found.
pub struct Found {
    /// Its rows that fire, are undecided or held, by key.
    pub alerts: Vec<Alert>,
    /// How many others there are.
    pub quiet: usize,
    /// Those of which the period is left out, and why.
    pub left_out: Vec<(Pairs, String)>,
}

/// The alerts of a rule, by key, and how many of its rows are quiet. Rows that rest on broken data are suppressed; quiet rows are shown too where `show_quiet` says so.
pub fn alerts(
    rule: &Rule,
    compiled: &CompiledAlert,
    answer: &Answer,
    program: &Program,
    holds: &Holds,
    show_quiet: bool,
) -> Found {
    let (mut alerts, mut quiet, mut left_out) = (Vec::new(), answer.quiet, Vec::new());
    for values in &answer.rows {
        let row = RuleRow { conditions: &compiled.conditions, values };
        let key = row.key();
        let (state, text) = match (row.verdict(), holds.reason(&key)) {
            (Verdict::Quiet, _) => {
                quiet += 1;
                left_out.extend(row.left_out().map(|why| (key.clone(), why)));
                if !show_quiet {
                    continue;
                }
                (State::Quiet, row.false_conditions(program).join(", "))
            }
            (_, Some(why)) => (State::Suppressed, why.to_owned()),
            (Verdict::Undecided, None) => (State::Undecided, row.unknown(program).join("; ")),
            (Verdict::Fires, None) => (State::Fires, text(compiled, row, program)),
        };
        let (conditions, because) = (row.shown_conditions(program), row.because(program));
        let is_told = state == State::Fires && !compiled.say.is_empty();
        let evidence = if is_told { row.evidence(program) } else { Vec::new() };
        let (alert, severity) = (rule.name.clone(), rule.severity);
        alerts.push(Alert { alert, key, state, severity, text, reported: None, because, conditions, evidence });
    }
    alerts.sort_by_cached_key(|alert| key_order(&alert.key));
    Found { alerts, quiet, left_out }
}

/// What is said; where the rule says nothing itself, its conditions with their values.
fn text(compiled: &CompiledAlert, row: RuleRow<'_>, program: &Program) -> String {
    if compiled.say.is_empty() {
        let conditions = row.shown_conditions(program).join(" and ");
        let key: Vec<String> = row.key().0.iter().map(|(_, value)| value.to_string()).collect();
        return if key.is_empty() { conditions } else { format!("{}: {conditions}", key.join(", ")) };
    }
    let pieces = compiled.say.iter().map(|piece| match piece {
        CompiledPiece::Letters(letters) => letters.clone(),
        CompiledPiece::Hole(at) => Value::to_string(&row.values[at.0]),
    });
    pieces.collect()
}
