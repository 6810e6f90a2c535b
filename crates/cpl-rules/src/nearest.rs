//! The quiet rows of a rule that are nearest to firing.

use cpl_model::{program::Program, report::QuietRow, value::Value};
use cpl_plan::{
    backend::Answer,
    query::SHOWN_ROWS,
    rule::{Conditions, ValueRef},
};

use crate::condition::{RuleRow, Verdict, key_order};

/// How many quiet rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuietRows {
    /// The first of each rule.
    First,
    /// All of them.
    All,
}

/// The quiet rows of a rule, by how much they lack; of an alert, which is an exception, by their names.
pub fn nearest(
    rule: &str,
    (conditions, missing): (&Conditions, Option<ValueRef>),
    answer: &Answer,
    shown: QuietRows,
    program: &Program,
) -> Vec<QuietRow> {
    let rows = answer.rows.iter().chain(&answer.nearest).map(|values| RuleRow { conditions, values });
    let mut quiet: Vec<RuleRow<'_>> = rows.filter(|row| row.verdict() == Verdict::Quiet).collect();
    let lacks = |row: &RuleRow<'_>| match missing.map(|at| &row.values[at.0]) {
        Some(Value::Number(lacks)) => *lacks,
        _ => 0.0,
    };
    let by_key = |row: &RuleRow<'_>| key_order(&row.key());
    quiet.sort_by(|a, b| lacks(a).total_cmp(&lacks(b)).then_with(|| by_key(a).cmp(&by_key(b))));
    if shown == QuietRows::First {
        quiet.truncate(SHOWN_ROWS as usize);
    }
    quiet.into_iter().map(|row| row.quiet_row(rule, program)).collect()
}
