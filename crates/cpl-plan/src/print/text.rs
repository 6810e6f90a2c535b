//! The plan as text, stage by stage.

use std::fmt::Write;

use super::describe::lines;
use crate::plan::{Op, Plan};

/// The plan in lines of text.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let lines = lines(plan);
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let operators = count(plan.nodes().count(), "operator");
    let mut out = format!("{}: {operators} in {}\n", plan.program().name, count(plan.stages(), "stage"));
    let width = lines.iter().map(|line| line.id.len()).max().unwrap_or(0);
    for stage in 0..plan.stages() {
        let _ = write!(out, "\nstage {}\n", stage + 1);
        for line in lines.iter().filter(|line| line.stage == stage) {
            let from = if line.needs.is_empty() { String::new() } else { format!("  ← {}", line.needs.join(", ")) };
            let kept = if line.materialized { ", kept" } else { "" };
            let _ = writeln!(out, "  {:width$}  {}{from}{kept}", line.id, line.text);
            if let Some(Op::Scan(scan)) = line.op {
                let _ = writeln!(out, "  {:width$}  columns {}", "", scan.columns.join(", "));
            }
        }
    }
    out
}
