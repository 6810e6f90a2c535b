//! The plan as a diagram: Mermaid for Markdown, DOT for Graphviz.

use std::fmt::Write;

use super::describe::{Line, lines};
use crate::plan::{Op, Plan};

/// A Mermaid flowchart, one box an operator or a query.
#[must_use]
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    let lines = lines(plan);
    for stage in 0..plan.stages() {
        let _ = writeln!(out, "  subgraph stage{n}[stage {n}]", n = stage + 1);
        for line in lines.iter().filter(|line| line.stage == stage) {
            let (open, close) = brackets(line);
            let _ = writeln!(out, "    {}{open}\"{}\"{close}", line.id, line.text.replace('"', "#quot;"));
        }
        out.push_str("  end\n");
    }
    for line in &lines {
        for from in &line.needs {
            let _ = writeln!(out, "  {from} --> {}", line.id);
        }
    }
    out
}

/// A DOT digraph, one node an operator or a query.
#[must_use]
pub fn dot(plan: &Plan) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR\n  node [fontname=\"sans-serif\"]\n", plan.program().name);
    let lines = lines(plan);
    for stage in 0..plan.stages() {
        let _ = writeln!(out, "  subgraph cluster_{n} {{\n    label=\"stage {n}\"", n = stage + 1);
        for line in lines.iter().filter(|line| line.stage == stage) {
            let _ = writeln!(out, "    {} [label={:?}, shape={}]", line.id, line.text, shape(line));
        }
        out.push_str("  }\n");
    }
    for line in &lines {
        for from in &line.needs {
            let _ = writeln!(out, "  {from} -> {}", line.id);
        }
    }
    out.push_str("}\n");
    out
}

fn brackets(line: &Line<'_>) -> (&'static str, &'static str) {
    match line.op {
        Some(Op::Scan(_)) => ("[(", ")]"),
        Some(_) => ("[", "]"),
        None => ("{{", "}}"),
    }
}

fn shape(line: &Line<'_>) -> &'static str {
    match line.op {
        Some(Op::Scan(_)) => "cylinder",
        Some(_) => "box",
        None => "hexagon",
    }
}
