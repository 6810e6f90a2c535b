//! A scan that is taken in parts: what reads it is made of each part and merged, so that memory is bounded by the result
//! and not by the files.

use std::collections::BTreeMap;

use cpl_plan::plan::Node;
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{
    Scheduler,
    build::lazy,
    jobs::{Job, Jobs, Output},
};
use crate::{
    engine::{classify, collect_one, concat},
    error::ExecError,
    operator::PartialPlan,
    source::{Chunk, OpenScan},
};

/// Parts of the rows of a file that the engine reads by itself: 16 million rows, as a rule. polars' multiplexer buffers
/// without bound for the slower of several consumers: that caps the rows of a pass.
const SCANNED_PARTS: usize = 128;

/// What the parts so far have made, by what it is for.
type PartialResults = BTreeMap<Output, (Job, PartialState)>;

impl<'a> Scheduler<'a> {
    /// Reads a scan part by part, and adds the merged frames of what reads it.
    pub(super) fn run_partitions(
        &mut self,
        scan: &'a Node,
        mut open: OpenScan<'a>,
        downstream: &[&'a Node],
        jobs: &mut Jobs,
    ) -> Result<(), ExecError> {
        let mut results = PartialResults::new();
        self.read_of(scan.table).utc_days = open.utc_days();
        if open.is_lazy() {
            let scanned = open.partitions(self.part_rows.saturating_mul(SCANNED_PARTS))?;
            self.validations.push(scanned.validation);
            if let Some(rounded) = scanned.rounded {
                jobs.add(Output::Rounded(scan.table), PartialPlan::rows(rounded));
            }
            for part in scanned.partitions {
                let of_part = self.of_part(scan, part, downstream)?;
                self.add_part(&mut results, of_part, pl::Engine::Streaming, Ok)?;
            }
        } else {
            let stats = open.chunks(self.part_rows, |Chunk { rows, dictionary }| {
                let of_part = self.of_part(scan, rows.lazy(), downstream)?;
                let decode = |part| dictionary.decode(part).map_err(classify);
                self.add_part(&mut results, of_part, pl::Engine::InMemory, decode)
            })?;
            self.keep_stats(scan.table, stats);
        }
        for (output, (job, state)) in results {
            let merged = job.plan.merge(state.all());
            self.finish(output, job, merged, jobs)?;
        }
        Ok(())
    }

    /// What a part of a scan's rows, and the nodes and queries that read it, come to.
    fn of_part(&mut self, scan: &'a Node, rows: LazyFrame, downstream: &[&'a Node]) -> Result<Jobs, ExecError> {
        let mut jobs = Jobs::default();
        self.nodes.insert(scan.id, lazy(rows));
        for node in downstream {
            self.build(node, &mut jobs, true)?;
        }
        let of_part = |id| id == scan.id || downstream.iter().any(|node| node.id == id);
        for query in self.plan.queries() {
            let now = query.stage == scan.stage && of_part(query.of) && !self.plan.node(query.of).materialized;
            if now {
                self.add_query(query, &mut jobs);
            }
        }
        Ok(jobs)
    }

    fn add_part(
        &self,
        results: &mut PartialResults,
        jobs: Jobs,
        engine: pl::Engine,
        decode: impl Fn(pl::DataFrame) -> Result<pl::DataFrame, ExecError>,
    ) -> Result<(), ExecError> {
        let (outputs, frames) = jobs
            .into_iter()
            .map(|(output, job)| {
                let frame = job.plan.partial.clone();
                ((output, job), frame)
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        let ids: Vec<Output> = outputs.iter().map(|(output, _)| *output).collect();
        let found = self.collect_for(&ids, frames, engine)?;
        for ((output, job), part) in outputs.into_iter().zip(found) {
            let part = decode(part)?;
            match results.entry(output) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert((job, PartialState::default())).1.parts.push(part);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    let (first, state) = entry.get_mut();
                    state.add(part, &first.plan, self.part_rows / 2)?;
                }
            }
        }
        Ok(())
    }

    /// The frame of all parts: groups get their values, and the operators after them.
    fn finish(&mut self, output: Output, job: Job, merged: LazyFrame, jobs: &mut Jobs) -> Result<(), ExecError> {
        let frame = job.plan.finalize(merged, &self.translator);
        if job.then.is_empty() {
            let plan = PartialPlan::rows(frame);
            jobs.add_finished(output, plan, job.joins);
            return Ok(());
        }
        let Some(first) = job.then.first().and_then(|id| self.plan.node(*id).inputs.first()) else { return Ok(()) };
        self.nodes.insert(*first, lazy(frame));
        let plan: &'a cpl_plan::bind::BoundPlan = self.plan;
        for id in &job.then {
            self.build(plan.node(*id), jobs, false)?;
        }
        Ok(())
    }
}

/// What the parts so far have made of one frame.
#[derive(Default)]
struct PartialState {
    parts: Vec<pl::DataFrame>,
    /// Rows of those that were merged last.
    merged: usize,
}

impl PartialState {
    /// Merges parts once they are many times larger than what they come to; of `few` rows it is not worth it yet.
    fn add(&mut self, part: pl::DataFrame, plan: &PartialPlan, few: usize) -> Result<(), ExecError> {
        self.parts.push(part);
        let rows: usize = self.parts.iter().map(pl::DataFrame::height).sum();
        if plan.shrinks() && rows > few.max(self.merged * 4) {
            let merged = plan.merge(std::mem::take(self).all());
            let merged = collect_one(merged, pl::Engine::InMemory)?;
            self.merged = merged.height();
            self.parts = vec![merged];
        }
        Ok(())
    }

    fn all(self) -> LazyFrame {
        concat(self.parts.into_iter().map(IntoLazy::lazy).collect())
    }
}
