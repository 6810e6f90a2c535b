//! The plan as text, batch by batch.

use std::fmt::Write;

use crate::{
    plan::{Plan, Step, StepKind},
    program::{Source, SourceKind, Stage, TableId},
};

/// The plan in lines of text.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let steps = plan.steps().count();
    let mut out = format!("{}: {steps} steps in {}\n", plan.program.name, batches(plan.batches()));
    let width = plan.steps().map(|step| plan.title(step).len()).max().unwrap_or(0);
    for batch in 0..plan.batches() {
        let _ = write!(out, "\nbatch {}\n", batch + 1);
        for step in plan.steps().filter(|step| step.batch == batch) {
            let inputs: Vec<String> = plan.inputs(step.id).iter().map(|id| name(&plan.title(plan.step(*id)))).collect();
            let from = if inputs.is_empty() { String::new() } else { format!("from {}", inputs.join(", ")) };
            let _ = writeln!(out, "  {:width$}  {}", plan.title(step), [from, detail(plan, step)].join(" ").trim());
            let is_total = matches!(step.kind, StepKind::Transform(id) if plan.program.table(id).total_of().is_some());
            if !step.columns.is_empty() && !is_total {
                let _ = writeln!(out, "  {:width$}  {}", "", step.columns.join(", "));
            }
        }
    }
    out
}

fn batches(n: usize) -> String {
    if n == 1 { "1 batch".to_owned() } else { format!("{n} batches") }
}

/// `fetch spend` → `spend`.
fn name(title: &str) -> String {
    title.rsplit(' ').next().unwrap_or(title).to_owned()
}

fn detail(plan: &Plan, step: &Step) -> String {
    match step.kind {
        StepKind::Fetch(id) => source(plan, id),
        StepKind::Transform(id) => match &plan.program.table(id).source {
            Source::Transform { stages, .. } if !stages.is_empty() && plan.program.table(id).total_of().is_none() => {
                format!("· {}", stages.iter().map(|each| stage(plan, each)).collect::<Vec<_>>().join(" · "))
            }
            _ => String::new(),
        },
        _ => String::new(),
    }
}

fn source(plan: &Plan, id: TableId) -> String {
    let Source::Fetch(fetch) = &plan.program.table(id).source else { return String::new() };
    match fetch.kind {
        SourceKind::Endpoint => fetch.path.clone(),
        _ => format!("{} {:?}", fetch.kind.word(), fetch.path),
    }
}

fn stage(plan: &Plan, stage: &Stage) -> String {
    match stage {
        Stage::Where(filter) => format!("where {}", plan.program.written(filter.span)),
        Stage::Derive(columns) => format!("derive {}", names(columns.iter().map(|(name, _)| name))),
        Stage::Join(join) => {
            let left = if join.left { "left join" } else { "join" };
            let keys: Vec<String> = join
                .on
                .iter()
                .map(|(ours, theirs)| if ours == theirs { ours.clone() } else { format!("{ours} = {theirs}") })
                .collect();
            let on = if keys.is_empty() { String::new() } else { format!(" on {}", keys.join(", ")) };
            let latest = join.latest.as_ref().map(|latest| format!(", latest {}", latest.right)).unwrap_or_default();
            format!("{left} {}{on}{latest}", plan.program.table(join.table).shown_name())
        }
        Stage::Group { keys, .. } if keys.is_empty() => "group".to_owned(),
        Stage::Group { keys, .. } => format!("group by {}", names(keys.iter().map(|key| &key.name))),
        Stage::Keep(columns) => format!("keep {}", names(columns.iter().map(|(name, _)| name))),
        Stage::Sort(order) => format!("sort {}", names(order.iter().map(|(name, _)| name))),
        Stage::Take(rows, None) => format!("take {rows}"),
        Stage::Take(rows, Some(per)) => format!("take {rows} per {per}"),
        Stage::Union(union) => {
            let names = union.tables.iter().map(|id| plan.program.table(*id).shown_name());
            format!("union {}", names.collect::<Vec<_>>().join(", "))
        }
        Stage::FillGaps(periods) => format!("fill gaps by {}", periods.grain.word()),
        Stage::Unpivot(unpivot) => format!("unpivot {}", names(unpivot.columns.iter().map(|(column, _)| column))),
    }
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
