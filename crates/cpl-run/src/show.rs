//! `show`: one table, whole.

use cpl_exec::TableRows;
use cpl_model::{
    program::TableId,
    report::{Check, Source},
};
use cpl_plan::{Plan, bind::BoundPlan};
use cpl_rules::NoPast;

use crate::{RunContext, RunError, inputs::RunInputs};

/// A table's rows, and what was found on the way to them.
pub struct Shown {
    /// The rows.
    pub table: TableRows,
    /// Its key, where it has one.
    pub key: Option<Vec<String>>,
    /// What was read of each fetch it is made of.
    pub sources: Vec<Source>,
    /// Broken checks of the tables it is made of.
    pub broken: Vec<Check>,
}

/// Makes one table of the plan: sorted by its key where it has one, else in its own order.
///
/// # Errors
/// What kept it from being made.
pub fn show(plan: Plan, id: TableId, context: &RunContext<'_>) -> Result<Shown, RunError> {
    let plan = context.bound(plan)?;
    let inputs = context.inputs(&plan)?;
    shown(&plan, id, context, &inputs)
}

/// The same of the first pages that servers answer, with the requests, secrets struck out: also where they answer
/// nothing that can be used.
pub fn first_page(plan: Plan, id: TableId, context: &RunContext<'_>) -> (Vec<String>, Result<Shown, RunError>) {
    let context = RunContext { first_page: true, ..context.clone() };
    let plan = match context.bound(plan) {
        Ok(plan) => plan,
        Err(error) => return (Vec::new(), Err(error)),
    };
    match context.inputs(&plan) {
        Ok(inputs) => (inputs.requests(), shown(&plan, id, &context, &inputs)),
        Err(error) => (Vec::new(), Err(error)),
    }
}

/// What a server answers first to the only fetch of a plan, unpacked; none where no server is read.
///
/// # Errors
/// What kept it from being answered.
pub fn first_answer(plan: Plan, context: &RunContext<'_>) -> Result<Option<Vec<u8>>, RunError> {
    let context = RunContext { first_page: true, ..context.clone() };
    let plan = context.bound(plan)?;
    let inputs = context.inputs(&plan)?;
    inputs.first_answer(&plan)
}

fn shown(plan: &BoundPlan, id: TableId, context: &RunContext<'_>, inputs: &RunInputs<'_>) -> Result<Shown, RunError> {
    let (table, answers) = context.engine(inputs).table(plan)?;
    let report = context.report(plan, &answers, (&NoPast, &context.workspace.name), false);
    let checks = report.checks().into_iter();
    Ok(Shown {
        table,
        key: plan.program().table(id).key.clone(),
        sources: report.sources(),
        broken: checks.filter(|check| check.broken && !check.watched).collect(),
    })
}
