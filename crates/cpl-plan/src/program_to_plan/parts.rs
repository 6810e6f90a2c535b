//! Finds the fetches whose rows need not be held together: what works row by row, and groups whose
//! aggregates can be put together from those of parts, take them as they are read.

use std::collections::BTreeSet;

use crate::{
    plan::{Plan, Step, StepId, StepKind},
    program::{Check, CheckKind, Expr, ExprKind, Fetch, Source, Stage, Stored, TableId},
};

/// Marks them.
pub fn mark(plan: &mut Plan) {
    let fetches = plan.steps().filter_map(|step| match step.kind {
        StepKind::Fetch(id) => Some((step.id, id)),
        _ => None,
    });
    let fetches: Vec<(StepId, TableId)> = fetches.collect();
    for (step, table) in fetches {
        if taken_in_parts(plan, step, table) {
            let names = names(plan, step, table);
            plan.set_in_parts(step, names);
        }
    }
}

/// The texts of a fetch at which nobody looks, but to tell groups apart.
fn names(plan: &Plan, id: StepId, table: TableId) -> Vec<String> {
    let Source::Fetch(Fetch { columns, .. }) = &plan.program.table(table).source else { return Vec::new() };
    let mut read = BTreeSet::new();
    read_of(plan, id, table, &mut read);
    let names = columns
        .iter()
        .filter(|column| matches!(column.stored, Stored::Text) && !column.is_currency && !read.contains(&column.name));
    names.map(|column| column.name.clone()).collect()
}

/// The columns of a table that is taken in parts, at which some expression looks.
fn read_of(plan: &Plan, id: StepId, table: TableId, read: &mut BTreeSet<String>) {
    for check in &plan.program.table(table).checks {
        if let CheckKind::Expect(expected) = &check.kind {
            expected.columns_into(read);
        }
    }
    for step in plan.outputs(id) {
        match plan.step(step).kind {
            StepKind::Transform(of) => {
                let Source::Transform { stages, .. } = &plan.program.table(of).source else { continue };
                let group = stages.iter().position(|stage| matches!(stage, Stage::Group { .. }));
                let until = group.map_or(stages.len(), |at| at + 1);
                stages[..until].iter().for_each(|stage| looked_at(stage, read));
                if group.is_none() {
                    read_of(plan, step, of, read);
                }
            }
            StepKind::Dashboard => {
                for metric in plan.program.dashboard.iter().flat_map(|dashboard| &dashboard.metrics) {
                    metric.value.columns_into(read);
                }
            }
            StepKind::Fetch(_) | StepKind::Decide(_) | StepKind::Alert(_) | StepKind::Show(_) => {}
        }
    }
}

/// The columns a stage looks at.
fn looked_at(stage: &Stage, read: &mut BTreeSet<String>) {
    stage.exprs().into_iter().for_each(|expr| expr.columns_into(read));
    match stage {
        Stage::Join(join) => read.extend(join.on.iter().map(|(left, _)| left.clone())),
        Stage::Unpivot(unpivot) => read.extend(unpivot.columns.iter().map(|(column, _)| column.clone())),
        _ => {}
    }
}

/// Whether all that needs a step's table takes its rows in parts.
fn taken_in_parts(plan: &Plan, id: StepId, table: TableId) -> bool {
    let merged = |check: &Check| match &check.kind {
        CheckKind::Expect(expected) => is_merged(expected),
        CheckKind::Key(_) | CheckKind::Fresh(..) | CheckKind::NoGaps(_) => true,
    };
    plan.program.table(table).checks.iter().all(merged)
        && plan.outputs(id).into_iter().map(|output| plan.step(output)).all(|step| {
            // The parts are gone when a later batch begins.
            step.batch == plan.step(id).batch && takes_parts(plan, step, table)
        })
}

fn takes_parts(plan: &Plan, step: &Step, table: TableId) -> bool {
    match step.kind {
        StepKind::Transform(id) => transforms_parts(plan, step, id, table),
        StepKind::Dashboard => plan
            .program
            .dashboard
            .iter()
            .flat_map(|dashboard| &dashboard.metrics)
            .all(|metric| is_merged(&metric.value)),
        StepKind::Decide(_) | StepKind::Alert(_) | StepKind::Show(_) | StepKind::Fetch(_) => false,
    }
}

fn transforms_parts(plan: &Plan, step: &Step, id: TableId, of: TableId) -> bool {
    let Source::Transform { from, stages } = &plan.program.table(id).source else { return false };
    let elsewhere = plan.program.table(id).inputs().iter().skip(1).any(|input| *input == of);
    if *from != of || elsewhere {
        return false;
    }
    match stages.iter().find(|stage| !is_row_by_row(stage)) {
        None => !step.stored && taken_in_parts(plan, step.id, id),
        Some(Stage::Group { items, .. }) => items.iter().all(|(_, value)| is_merged(value)),
        Some(_) => false,
    }
}

/// Whether a stage looks at each row by itself.
fn is_row_by_row(stage: &Stage) -> bool {
    match stage {
        Stage::Where(filter) => !filter.looks_at_others(),
        Stage::Derive(columns) | Stage::Keep(columns) => !columns.iter().any(|(_, value)| value.looks_at_others()),
        Stage::Unpivot(_) => true,
        // The table that is joined is held.
        Stage::Join(join) => !join.many,
        _ => false,
    }
}

/// Whether all aggregates in it can be put together from those of parts.
fn is_merged(value: &Expr) -> bool {
    !value.any(|kind| matches!(kind, ExprKind::Aggregate(aggregate) if !aggregate.func.is_merged()))
}
