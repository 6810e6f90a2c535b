//! A scan that is taken in parts: what reads it is made of each part and merged, so that memory is bounded by the result
//! and not by the files.

use std::collections::BTreeMap;

use cpl_plan::plan::{Node, Op, Scan};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{
    Scheduler,
    build::lazy,
    jobs::{Job, Jobs, Output},
};
use crate::{
    engine::{classify, collect_one, concat},
    error::ExecError,
    operator::{GroupTable, PartialPlan},
    source::{Chunk, Dictionary, OpenScan},
};

/// Parts of the rows of Parquet files that the engine reads: 16 million rows, as a rule. polars' multiplexer buffers
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
            let paged = self.run_pages(scan, &open, downstream)?;
            let is_paged = paged.is_some();
            results = paged.unwrap_or_default();
            for part in scanned.partitions.into_iter().filter(|_| !is_paged) {
                let of_part = self.of_part(scan, part, downstream)?;
                self.add_part(&mut results, of_part)?;
            }
        } else {
            let stats = open.chunks(self.part_rows, |Chunk { rows, dictionary }| {
                let of_part = self.of_part(scan, rows.lazy(), downstream)?;
                self.add_chunk(&mut results, of_part, &dictionary)
            })?;
            self.keep_stats(scan.table, stats);
        }
        for (output, (job, state)) in results {
            let merged = match state {
                PartialState::Merged(parts) => job.plan.finalize(job.plan.merge(parts.all()), &self.translator),
                PartialState::Table(table) => {
                    let groups = table.finish().map_err(|error| self.too_large_for(output, error))?;
                    job.plan.finalize_table(groups.lazy(), &self.translator)
                }
            };
            self.finish(output, job, merged, jobs)?;
        }
        Ok(())
    }

    /// Reads Parquet page by page where all that reads it are simple groups; none where the engine is to read it.
    /// That finds what is wrong, always in the same place.
    fn run_pages(
        &mut self,
        scan: &'a Node,
        open: &OpenScan<'a>,
        downstream: &[&'a Node],
    ) -> Result<Option<PartialResults>, ExecError> {
        let Op::Scan(Scan { dictionary_columns, .. }) = &scan.op else { return Ok(None) };
        // The engine joins on all threads; here one thread would.
        if downstream.iter().any(|node| matches!(node.op, Op::Join(_))) {
            return Ok(None);
        }
        let Some(pages) = open.pages(dictionary_columns) else { return Ok(None) };
        let mut results = PartialResults::new();
        let none = self.of_part(scan, open.no_rows()?.rows.lazy(), downstream)?;
        if !none.all(|job| job.plan.has_simple_states()) {
            return Ok(None);
        }
        self.add_chunk(&mut results, none, &Dictionary::default())?;
        let read = pages.read(self.part_rows, |Chunk { rows, dictionary }| {
            let of_part = self.of_part(scan, rows.lazy(), downstream)?;
            self.add_chunk(&mut results, of_part, &dictionary)
        });
        Ok(read.ok().map(|()| results))
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

    /// Adds a part that the engine reads by itself.
    fn add_part(&self, results: &mut PartialResults, jobs: Jobs) -> Result<(), ExecError> {
        let (outputs, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let frames = jobs.iter().map(|job| job.plan.partial.clone()).collect();
        let found = self.collect_for(&outputs, frames, pl::Engine::Streaming)?;
        for ((output, job), part) in outputs.into_iter().zip(jobs).zip(found) {
            let (first, state) = results.entry(output).or_insert_with(|| (job, PartialState::Merged(Parts::default())));
            let PartialState::Merged(parts) = state else { unreachable!("all parts of a scan go one way") };
            parts.add(part, &first.plan, self.part_rows / 2)?;
        }
        Ok(())
    }

    /// Adds a part that is held in memory: groups are put into a hash table.
    fn add_chunk(&self, results: &mut PartialResults, jobs: Jobs, dictionary: &Dictionary) -> Result<(), ExecError> {
        let (outputs, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let frame = |job: &Job| job.plan.table_rows().unwrap_or_else(|| job.plan.partial.clone());
        let found = self.collect_for(&outputs, jobs.iter().map(frame).collect(), pl::Engine::InMemory)?;
        for ((output, job), part) in outputs.into_iter().zip(jobs).zip(found) {
            let (first, state) = results.entry(output).or_insert_with(|| {
                let table = job.plan.table().map(|table| PartialState::Table(Box::new(table)));
                (job, table.unwrap_or_else(|| PartialState::Merged(Parts::default())))
            });
            match state {
                PartialState::Table(table) => {
                    table.add(&part, dictionary).map_err(|error| self.too_large_for(output, error))?;
                }
                PartialState::Merged(parts) => {
                    parts.add(dictionary.decode(part).map_err(classify)?, &first.plan, self.part_rows / 2)?;
                }
            }
        }
        Ok(())
    }

    /// The error says what was computed.
    fn too_large_for(&self, output: Output, error: pl::PolarsError) -> ExecError {
        let error = classify(error);
        match self.span(output) {
            Some(span) => error.computed_for(span),
            None => error,
        }
    }

    /// The frame of all parts: groups get their values, and the operators after them.
    fn finish(&mut self, output: Output, job: Job, frame: LazyFrame, jobs: &mut Jobs) -> Result<(), ExecError> {
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
enum PartialState {
    /// Parts that are merged by the engine.
    Merged(Parts),
    /// Groups.
    Table(Box<GroupTable>),
}

/// Parts, and what they were merged to.
#[derive(Default)]
struct Parts {
    parts: Vec<pl::DataFrame>,
    /// Rows of those that were merged last.
    merged: usize,
}

impl Parts {
    /// Merges parts once they are many times larger than what they come to; of `few` rows it is not worth it yet.
    fn add(&mut self, part: pl::DataFrame, plan: &PartialPlan, few: usize) -> Result<(), ExecError> {
        self.parts.push(part);
        let rows: usize = self.parts.iter().map(pl::DataFrame::height).sum();
        if self.parts.len() > 1 && plan.shrinks() && rows > few.max(self.merged * 4) {
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
