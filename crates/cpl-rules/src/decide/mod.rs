//! Decisions: the rows of a rule become proposals, guards hold or shorten them, what remains acts.

pub mod amount;
pub mod change;
pub mod context;
mod guards;
pub mod memory;
mod pair;
mod proposal;
mod propose;
#[cfg(test)]
mod tests;

use cpl_model::{
    program::{Decision as Rule, Program},
    report::{Decision, State},
    value::Value,
};
use cpl_plan::{backend::Answer, rule::CompiledRule};

use self::{context::GuardContext, memory::Memory, proposal::Proposal};
use crate::condition::{RuleRow, Verdict, key_order};

/// What becomes of a rule's rows, by key, and how many are quiet.
pub fn decide(
    rule: &Rule,
    compiled: &CompiledRule,
    answer: &Answer,
    program: &Program,
    context: &mut GuardContext<'_>,
) -> (Vec<Decision>, usize) {
    let rows = &answer.rows;
    let mut proposals: Vec<_> = rows.iter().filter_map(|row| propose::propose(compiled, row, rule, program)).collect();
    let quiet = answer.quiet + rows.len() - proposals.len();
    proposals.sort_by_cached_key(|proposal| key_order(&proposal.key));
    let (mut proposals, passed_over) = pair::pair(proposals, &compiled.actions);
    let quiet = quiet + passed_over;
    guards::hold_by_context(&mut proposals, rule, program, context);
    guards::keep_bounds(&mut proposals, &compiled.bounds);
    let memory = Memory { rule, program, context };
    if let Some(keep) = &compiled.keep_change {
        guards::firing(&mut proposals).for_each(|proposal| memory.keep_change(proposal, keep));
    }
    keep_together(&mut proposals, rule, compiled, (rows, program), context);
    let mut decisions: Vec<Decision> =
        proposals.into_iter().map(|proposal| proposal.decision(rule, program, context)).collect();
    if context.show_quiet {
        decisions.extend(quiet_rows(compiled, rows, rule, program, context));
    }
    (decisions, quiet)
}

/// What rows may do together, with those that acted before: how many, how much in all, what waits for a person.
fn keep_together(
    proposals: &mut [Proposal],
    rule: &Rule,
    compiled: &CompiledRule,
    (rows, program): (&[Vec<Value>], &Program),
    context: &mut GuardContext<'_>,
) {
    if context.past.is_alone() {
        return guards::settle(proposals, &[], &[]);
    }
    let done = context.past.done(&rule.name);
    if let Some(at_most) = &rule.at_most {
        guards::at_most(proposals, at_most, done);
    }
    if done > 0 {
        guards::hold_totals(proposals, &compiled.totals);
    }
    // A series without the row that is looked at has no part in a total of such rows.
    let present = |row: &&Vec<Value>| !RuleRow { conditions: &compiled.conditions, values: row }.is_missing();
    let present: Vec<&Vec<Value>> = rows.iter().filter(present).collect();
    guards::settle(proposals, &compiled.totals, &present);
    if let Some(approval) = &compiled.approval {
        let memory = Memory { rule, program, context };
        guards::firing(proposals).for_each(|proposal| memory.await_approval(proposal, approval));
    }
    for proposal in proposals.iter().filter(|proposal| proposal.state == State::Fires) {
        for resource in proposal.resources(program) {
            context.claimed.insert(resource, rule.name.clone());
        }
    }
}

/// The rows that do not fire, with the values that were looked at.
fn quiet_rows(
    compiled: &CompiledRule,
    rows: &[Vec<Value>],
    rule: &Rule,
    program: &Program,
    context: &GuardContext<'_>,
) -> Vec<Decision> {
    let rows = rows.iter().map(|values| RuleRow { conditions: &compiled.conditions, values });
    let quiet = rows.filter(|row| row.verdict() == Verdict::Quiet);
    let decisions = quiet.map(|row| {
        let key = row.key();
        Decision {
            id: context.identity.decision(&rule.name, &key, context.past),
            rule: rule.name.clone(),
            key,
            state: State::Quiet,
            reason: None,
            because: row.because(program),
            changes: Vec::new(),
            awaits_approval: false,
            conditions: row.false_conditions(program),
            undoes: None,
        }
    });
    decisions.collect()
}
