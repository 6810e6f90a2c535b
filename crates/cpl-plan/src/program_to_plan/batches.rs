//! Puts steps into batches: a step runs with the unstored ones it needs, and behind the stored ones.

use std::collections::BTreeSet;

use crate::plan::{Plan, StepId, StepKind};

/// The batch of a step that needs those.
pub fn behind(plan: &Plan, inputs: &[StepId]) -> usize {
    let ready = inputs.iter().map(|id| plan.step(*id)).map(|step| step.batch + usize::from(step.stored));
    ready.max().unwrap_or(0)
}

/// Lets each fetch wait for the tables that are joined to its rows, so that its rows are read once, by all that needs
/// them.
pub fn wait(plan: &mut Plan) {
    let fetches: Vec<StepId> = plan
        .steps()
        .filter(|step| matches!(step.kind, StepKind::Fetch(_)) && !step.stored)
        .map(|step| step.id)
        .collect();
    // One that waits may let another wait. Those that wait for each other never come to rest: one of them is read twice.
    for _ in 0..fetches.len() {
        let waiting = fetches.iter().filter(|fetch| waits(plan, **fetch)).count();
        if waiting == 0 {
            return;
        }
    }
}

/// Puts a fetch into the batch in which all that joins its rows is there; whether it was in another.
fn waits(plan: &mut Plan, fetch: StepId) -> bool {
    let (with, after) = (fused(plan, fetch), after(plan, fetch));
    let others = with.iter().flat_map(|step| plan.inputs(*step)).filter(|input| !after.contains(input));
    let ready = behind(plan, &others.collect::<Vec<_>>());
    if ready <= plan.step(fetch).batch {
        return false;
    }
    plan.set_batch(fetch, ready);
    put_behind(plan, &after);
    true
}

/// The steps that take a fetch's rows as they come.
fn fused(plan: &Plan, fetch: StepId) -> BTreeSet<StepId> {
    followed(plan, fetch, |plan, step| !plan.step(step).stored)
}

/// The fetch, and all steps made of it, however far on.
fn after(plan: &Plan, fetch: StepId) -> BTreeSet<StepId> {
    let mut after = followed(plan, fetch, |_, _| true);
    after.insert(fetch);
    after
}

fn followed(plan: &Plan, from: StepId, further: impl Fn(&Plan, StepId) -> bool) -> BTreeSet<StepId> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(next) = waiting.pop() {
        if next == from || further(plan, next) {
            waiting.extend(plan.outputs(next).into_iter().filter(|step| found.insert(*step)));
        }
    }
    found
}

/// The batches of steps anew; a step comes behind those it needs.
fn put_behind(plan: &mut Plan, steps: &BTreeSet<StepId>) {
    for step in steps {
        let inputs = plan.inputs(*step);
        if !inputs.is_empty() {
            plan.set_batch(*step, behind(plan, &inputs));
        }
    }
}
