//! `profile`: what each step costs by itself, and the whole plan as it runs.

use std::time::{Duration, Instant};

use cpl_plan::{
    plan::{Plan, Step, StepKind},
    program::Source,
};
use polars::prelude::{self as pl, IntoLazy};

use crate::{World, batch::Batches, collect::collected_one, trouble::Trouble};

/// What a step, or the whole, costs.
pub struct Cost {
    /// The step: `fetch spend`.
    pub title: String,
    /// Rows of its table.
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

/// Runs the plan as it is, and then each step by itself, its table held whole. Nothing leaves.
///
/// # Errors
/// What keeps the plan from being run.
pub fn profile(plan: &Plan, world: &World<'_>) -> Result<(Cost, Vec<Cost>), Trouble> {
    let all = measured("the whole", || crate::planned(plan, world).map(drop))?.1;
    let mut batches = Batches::new(plan, world);
    let mut costs = Vec::new();
    for step in plan.steps() {
        let (made, mut cost) = measured(&plan.title(step), || batches.by_itself(step))?;
        (cost.rows, cost.bytes) = made;
        if let StepKind::Fetch(id) = step.kind
            && let Source::Fetch(fetch) = &plan.program.table(id).source
        {
            cost.columns = Some((step.columns.clone(), fetch.columns.len()));
        }
        costs.push(cost);
    }
    Ok((all, costs))
}

impl Batches<'_> {
    /// Makes one step, whose tables are made before; its rows, and the bytes it reads.
    fn by_itself(&mut self, step: &Step) -> Result<(Option<u64>, Option<u64>), Trouble> {
        let (made, bytes) = match step.kind {
            StepKind::Fetch(id) => {
                let opened = self.opened(id, step)?;
                let bytes = opened.bytes();
                let rows = opened.rows()?;
                let frame = self.one(rows.frame)?;
                (self.fetched(step, frame.lazy())?, Some(bytes))
            }
            _ => (self.step(step)?, None),
        };
        let wanted = self.whole(made)?;
        self.collect(wanted)?;
        let rows = match step.kind {
            StepKind::Fetch(id) | StepKind::Transform(id) => {
                let frame = self.one(self.frames.table(id))?;
                let rows = frame.height() as u64;
                self.frames.put_stored(id, frame);
                Some(rows)
            }
            StepKind::Dashboard | StepKind::Decide(_) | StepKind::Alert(_) | StepKind::Show(_) => None,
        };
        Ok((rows, bytes))
    }

    fn one(&self, frame: pl::LazyFrame) -> Result<pl::DataFrame, Trouble> {
        collected_one(frame, pl::Engine::Streaming).map_err(|trouble| self.explained(trouble))
    }
}

fn measured<T>(title: &str, act: impl FnOnce() -> Result<T, Trouble>) -> Result<(T, Cost), Trouble> {
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
