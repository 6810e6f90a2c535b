//! Runs a bound plan, stage by stage: all sources of a stage are started, its frames are built, then they are run in one
//! call, so that they share what they read.

mod build;
mod jobs;
mod partitioned;
mod results;

use std::collections::BTreeMap;

use cpl_model::program::{Fetch, Table, TableSource};
use cpl_plan::{
    backend::Answers,
    bind::BoundPlan,
    plan::{Node, NodeId, Op},
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::{
    Polars,
    engine::classify,
    error::ExecError,
    expr::Translator,
    operator::{JoinState, JoinTracker, PartialPlan},
    source::{DeferredValidation, Inputs, OpenScan, RejectedRows},
};

use jobs::{Jobs, Output};

/// Runs a bound plan.
pub struct Scheduler<'a> {
    plan: &'a BoundPlan,
    inputs: &'a dyn Inputs,
    progress: &'a (dyn Fn(&str) + Sync),
    /// About how many rows of a source are taken at once.
    part_rows: usize,
    translator: Translator<'a>,
    nodes: BTreeMap<NodeId, NodeState>,
    joins: JoinState,
    validations: Vec<DeferredValidation>,
    answers: Answers<RejectedRows>,
    /// The rows of the table that is shown.
    shown: Option<pl::DataFrame>,
}

/// The rows of a node, as far as they are computed.
enum NodeState {
    /// A frame that is a part of its consumers; joins whose rows are not counted yet have marked its rows.
    Lazy(Box<LazyFrame>, JoinTracker),
    /// Of a part of the rows: the states of groups, and the operators that come after the group.
    Grouped(Box<PartialPlan>, Vec<NodeId>),
    /// Computed rows.
    Materialized(pl::DataFrame),
}

/// What a plan comes to.
pub struct Outcome {
    /// The answers to its queries.
    pub answers: Answers<RejectedRows>,
    /// The rows of the table that it shows.
    pub shown: Option<pl::DataFrame>,
}

/// What one node or query costs by itself.
pub struct Made {
    /// Rows of a node.
    pub rows: Option<u64>,
    /// Bytes of the files it reads.
    pub bytes: Option<u64>,
}

impl<'a> Scheduler<'a> {
    /// Of a plan, by an engine.
    #[must_use]
    pub fn new(plan: &'a BoundPlan, engine: &Polars<'a>) -> Self {
        Self {
            plan,
            inputs: engine.inputs,
            progress: engine.progress,
            part_rows: engine.part_rows.max(1),
            translator: Translator { zone: &plan.program().timezone, totals: BTreeMap::new() },
            nodes: BTreeMap::new(),
            joins: JoinState::default(),
            validations: Vec::new(),
            answers: Answers::default(),
            shown: None,
        }
    }

    /// Runs all stages.
    ///
    /// # Errors
    /// What kept it from being finished.
    pub fn run(mut self) -> Result<Outcome, ExecError> {
        for stage in 0..self.plan.stages() {
            self.stage(stage)?;
        }
        if let Some(changed) = self.changed() {
            return Err(changed);
        }
        Ok(Outcome { answers: self.answers, shown: self.shown })
    }

    fn stage(&mut self, stage: usize) -> Result<(), ExecError> {
        let nodes: Vec<&'a Node> = self.nodes_of(stage);
        let mut scans = self.start(&nodes)?;
        self.build_hash_tables(&nodes)?;
        let mut jobs = Jobs::default();
        let mut partitioned: Vec<(&'a Node, OpenScan<'a>, Vec<&'a Node>)> = Vec::new();
        for node in nodes {
            if partitioned.iter().any(|(_, _, downstream)| downstream.iter().any(|one| one.id == node.id)) {
                continue;
            }
            match (&node.op, scans.remove(&node.id)) {
                (Op::Scan(scan), Some(open)) if scan.partitionable => {
                    partitioned.push((node, open, self.downstream(node)));
                }
                (_, Some(open)) => self.gather(node, open, &mut jobs)?,
                (_, None) => self.build(node, &mut jobs, false)?,
            }
        }
        let in_parts = |id: NodeId, partitioned: &[(&Node, OpenScan<'_>, Vec<&Node>)]| {
            partitioned.iter().any(|(scan, _, below)| scan.id == id || below.iter().any(|node| node.id == id))
        };
        for query in self.plan.queries().iter().filter(|query| query.stage == stage) {
            if !in_parts(query.of, &partitioned) || self.plan.node(query.of).materialized {
                self.add_query(query, &mut jobs);
            }
        }
        for (scan, open, downstream) in partitioned {
            self.run_partitions(scan, open, &downstream, &mut jobs)?;
        }
        self.collect(jobs)
    }

    fn nodes_of(&self, stage: usize) -> Vec<&'a Node> {
        let plan: &'a BoundPlan = self.plan;
        plan.nodes().filter(|node| node.stage == stage).collect()
    }

    /// Starts all sources of a stage, before one is drained.
    fn start(&self, nodes: &[&'a Node]) -> Result<BTreeMap<NodeId, OpenScan<'a>>, ExecError> {
        let mut open = BTreeMap::new();
        for node in nodes {
            if let Op::Scan(scan) = &node.op {
                // Rows that are held together are not worth a dictionary.
                let dictionary: &[String] = if scan.partitionable { &scan.dictionary_columns } else { &[] };
                let (table, fetch) = self.fetch_of(node);
                open.insert(node.id, OpenScan::start(self.inputs, table, fetch, &scan.columns, dictionary)?);
            }
        }
        Ok(open)
    }

    fn fetch_of(&self, node: &Node) -> (&'a Table, &'a Fetch) {
        let plan: &'a BoundPlan = self.plan;
        let table = plan.program().table(node.table);
        let TableSource::Fetch(fetch) = &table.source else { unreachable!("a scan reads a fetch") };
        (table, fetch)
    }

    /// The nodes of the same stage that need a node, directly or not, in their order.
    fn downstream(&self, scan: &Node) -> Vec<&'a Node> {
        let mut found = vec![scan.id];
        let mut nodes = Vec::new();
        for node in self.nodes_of(scan.stage) {
            if self.plan.needs(node.id).iter().any(|input| found.contains(input)) {
                found.push(node.id);
                nodes.push(node);
            }
        }
        nodes
    }

    /// All rows of a scan together: in memory, or as the engine reads them while the plan runs.
    fn gather(&mut self, node: &Node, mut open: OpenScan<'a>, jobs: &mut Jobs) -> Result<(), ExecError> {
        self.read_of(node.table).utc_days = open.utc_days();
        let frame = if open.is_lazy() {
            let scanned = open.partitions(usize::MAX)?;
            self.validations.push(scanned.validation);
            if let Some(rounded) = scanned.rounded {
                jobs.add(Output::Rounded(node.table), PartialPlan::rows(rounded));
            }
            crate::engine::concat(scanned.partitions)
        } else {
            let mut all: Option<pl::DataFrame> = None;
            let stats = open.chunks(self.part_rows, |chunk| {
                match &mut all {
                    Some(all) => drop(all.vstack_mut_owned(chunk.rows).map_err(classify)?),
                    None => all = Some(chunk.rows),
                }
                Ok(())
            })?;
            self.keep_stats(node.table, stats);
            all.unwrap_or_default().lazy()
        };
        self.nodes.insert(node.id, build::lazy(frame));
        self.materialize(node, jobs);
        Ok(())
    }

    /// Runs one node by itself, whose inputs were run before, and keeps its rows.
    ///
    /// # Errors
    /// What kept it from being finished.
    pub fn run_node(&mut self, node: &'a Node) -> Result<Made, ExecError> {
        let mut jobs = Jobs::default();
        let mut bytes = None;
        self.build_hash_tables(&[node])?;
        if let Op::Scan(scan) = &node.op {
            let (table, fetch) = self.fetch_of(node);
            let open = OpenScan::start(self.inputs, table, fetch, &scan.columns, &[])?;
            bytes = Some(open.bytes());
            self.gather(node, open, &mut jobs)?;
            bytes = bytes.filter(|bytes| *bytes > 0).or_else(|| self.bytes_read(node));
        } else {
            self.build(node, &mut jobs, false)?;
        }
        self.collect(jobs)?;
        let mut jobs = Jobs::default();
        let frame = self.frame(node.id, &mut jobs);
        self.collect(jobs)?;
        let rows = self.one(frame)?;
        let made = Made { rows: Some(rows.height() as u64), bytes };
        self.nodes.insert(node.id, NodeState::Materialized(rows));
        Ok(made)
    }

    /// Answers one query by itself.
    ///
    /// # Errors
    /// What kept it from being finished.
    pub fn run_query(&mut self, query: &'a cpl_plan::query::Query) -> Result<(), ExecError> {
        let mut jobs = Jobs::default();
        self.add_query(query, &mut jobs);
        self.collect(jobs)
    }
}
