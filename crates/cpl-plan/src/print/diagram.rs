//! The plan as a diagram: Mermaid for Markdown, DOT for Graphviz.

use std::fmt::Write;

use crate::plan::{Plan, Step, StepKind};

/// A Mermaid flowchart, one box a step.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for batch in 0..plan.batches() {
        let _ = writeln!(out, "  subgraph batch{n}[batch {n}]", n = batch + 1);
        for step in plan.steps().filter(|step| step.batch == batch) {
            let (open, close) = brackets(step);
            let _ = writeln!(out, "    s{}{open}\"{}\"{close}", step.id.0, plan.title(step));
        }
        out.push_str("  end\n");
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(out, "  s{from} --> s{to}");
    }
    out
}

/// A DOT digraph, one node a step.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR\n  node [fontname=\"sans-serif\"]\n", plan.program.name);
    for batch in 0..plan.batches() {
        let _ = writeln!(out, "  subgraph cluster_{n} {{\n    label=\"batch {n}\"", n = batch + 1);
        for step in plan.steps().filter(|step| step.batch == batch) {
            let _ = writeln!(out, "    s{} [label={:?}, shape={}]", step.id.0, plan.title(step), shape(step));
        }
        out.push_str("  }\n");
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(out, "  s{from} -> s{to}");
    }
    out.push_str("}\n");
    out
}

fn edges(plan: &Plan) -> Vec<(usize, usize)> {
    plan.steps().flat_map(|step| plan.inputs(step.id).into_iter().map(|from| (from.0, step.id.0))).collect()
}

fn brackets(step: &Step) -> (&'static str, &'static str) {
    match step.kind {
        StepKind::Fetch(_) => ("[(", ")]"),
        StepKind::Transform(_) => ("[", "]"),
        _ => ("{{", "}}"),
    }
}

fn shape(step: &Step) -> &'static str {
    match step.kind {
        StepKind::Fetch(_) => "cylinder",
        StepKind::Transform(_) => "box",
        _ => "hexagon",
    }
}
