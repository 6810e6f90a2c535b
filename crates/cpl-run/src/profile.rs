//! `profile`: what each operator and each query costs by itself, and the whole plan as it runs.

use std::time::{Duration, Instant};

use cpl_exec::Scheduler;
use cpl_model::program::TableSource;
use cpl_plan::{Plan, describe_query, operator, plan::Op};

use crate::{RunContext, RunError};

/// What an operator, a query or the whole costs.
pub struct Cost {
    /// What it does: `scan spend: csv "spend.csv"`.
    pub title: String,
    /// Its rows.
    pub rows: Option<u64>,
    /// Bytes of the files it reads.
    pub bytes: Option<u64>,
    /// The columns that are read, and how many are declared.
    pub columns: Option<(Vec<String>, usize)>,
    /// How long it takes.
    pub took: Duration,
    /// The most memory the process held meanwhile, in bytes; none where the system does not tell.
    pub peak: Option<u64>,
}

/// Runs the plan as it is, and then each operator and each query by itself, its rows held whole. Nothing leaves.
///
/// # Errors
/// What keeps the plan from being run.
pub fn profile(plan: Plan, context: &RunContext<'_>) -> Result<(Cost, Vec<Cost>), RunError> {
    let bound = context.bound(plan.clone())?;
    let all = measured("the whole", || crate::plan(plan, context).map(drop))?.1;
    let inputs = context.inputs(&bound)?;
    let engine = context.engine(&inputs);
    let mut scheduler = Scheduler::new(&bound, &engine);
    let mut costs = Vec::new();
    for node in bound.nodes() {
        let title = operator(&bound, node);
        let (made, mut cost) = measured(&title, || Ok(scheduler.run_node(node)?))?;
        (cost.rows, cost.bytes) = (made.rows, made.bytes);
        if let (Op::Scan(scan), TableSource::Fetch(fetch)) = (&node.op, &bound.program().table(node.table).source) {
            cost.columns = Some((scan.columns.clone(), fetch.columns.len()));
        }
        costs.push(cost);
    }
    for query in bound.queries() {
        costs.push(measured(&describe_query(&bound, query), || Ok(scheduler.run_query(query)?))?.1);
    }
    Ok((all, costs))
}

fn measured<T>(title: &str, act: impl FnOnce() -> Result<T, RunError>) -> Result<(T, Cost), RunError> {
    forget_peak();
    let started = Instant::now();
    let made = act()?;
    let (took, peak) = (started.elapsed(), peak());
    let title = title.to_owned();
    Ok((made, Cost { title, rows: None, bytes: None, columns: None, took, peak }))
}

/// Lets the system count the most memory anew (Linux: proc(5), `clear_refs`).
fn forget_peak() {
    // Where it does not, the peak is that of all steps before.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory since then (Linux: proc(5), `VmHWM`).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
