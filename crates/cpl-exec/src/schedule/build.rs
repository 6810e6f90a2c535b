//! Builds the frames of nodes and queries.

use cpl_plan::{
    plan::{Node, NodeId, Op},
    query::{Query, QueryKind, Requester, RowQuery},
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{
    NodeState, Scheduler,
    jobs::{Jobs, Output},
};
use crate::{
    engine::collect_one,
    error::{ExecError, FanOut},
    operator::{
        Aggregation, JoinTracker, PartialPlan, RuleRows, apply, fill, inner, keeps_rows, rule_rows, sort, union,
        windows, with_one_row,
    },
};

impl<'a> Scheduler<'a> {
    /// Builds a node; in parts, groups stay states that are merged later.
    pub(super) fn build(&mut self, node: &'a Node, jobs: &mut Jobs, in_parts: bool) -> Result<(), ExecError> {
        let input = node.inputs.first().copied();
        let Some(input) = input else { unreachable!("only a scan has no input") };
        let state = if let Some(NodeState::Grouped(plan, then)) = self.nodes.get(&input) {
            // What comes after a group waits until its parts are merged.
            let then = then.iter().copied().chain([node.id]).collect();
            NodeState::Grouped(plan.clone(), then)
        } else {
            self.operator(node, input, jobs, in_parts)?
        };
        self.nodes.insert(node.id, state);
        self.materialize(node, jobs);
        Ok(())
    }

    fn operator(
        &mut self,
        node: &'a Node,
        input: NodeId,
        jobs: &mut Jobs,
        in_parts: bool,
    ) -> Result<NodeState, ExecError> {
        Ok(match &node.op {
            Op::Join(_) => return self.join(node, input, jobs),
            Op::Window(functions) => {
                let rows = self.rows(input);
                NodeState::Materialized(windows(&rows, functions, &self.translator)?)
            }
            Op::FillGaps(periods) => NodeState::Materialized(fill(&self.rows(input), periods, self.translator.zone)?),
            Op::Union(columns) => {
                let tables = node.inputs.iter().map(|input| self.frame(*input, jobs)).collect();
                lazy(union(tables, columns)?)
            }
            Op::Aggregate { keys, items } if in_parts => {
                let keys = keys.iter().map(|key| key.name.clone()).collect();
                let aggregation = Aggregation::new(keys, items, &self.translator);
                NodeState::Grouped(Box::new(PartialPlan::groups(self.frame(input, jobs), aggregation)), Vec::new())
            }
            op => lazy(apply(op, self.frame(input, jobs), &self.translator)?),
        })
    }

    /// A plain left join leaves the marks of those before it; any other is counted at once.
    fn join(&mut self, node: &'a Node, input: NodeId, jobs: &mut Jobs) -> Result<NodeState, ExecError> {
        let (Op::Join(join), Some(right)) = (&node.op, node.inputs.get(1)) else {
            unreachable!("a join has two inputs")
        };
        let build = self.rows(*right);
        if join.on.is_empty() {
            return Ok(lazy(with_one_row(self.frame(input, jobs), build.lazy(), join)));
        }
        let (left, mut tracker) = match self.nodes.get(&input) {
            Some(NodeState::Lazy(frame, tracker)) if keeps_rows(join) && self.is_only_consumer(node, input) => {
                ((**frame).clone(), tracker.clone())
            }
            _ => (self.frame(input, jobs), JoinTracker::default()),
        };
        if !tracker.is_empty() {
            // Its rows are counted with this join's: nobody else reads them.
            self.nodes.remove(&input);
        }
        let both = self.joins.join(node.id, join, left, &build, &mut tracker)?;
        if keeps_rows(join) {
            return Ok(NodeState::Lazy(Box::new(both), tracker));
        }
        if let Some(counts) = tracker.counts(&both) {
            jobs.add_unmatched(counts);
        }
        let taken = if join.left { both } else { inner(both, node.id) };
        Ok(lazy(tracker.unmarked(taken)))
    }

    /// Marks of joins are passed on only within one chain.
    fn is_only_consumer(&self, node: &Node, input: NodeId) -> bool {
        let queries = self.plan.queries_of(input).filter(|query| !matches!(query.kind, QueryKind::Unmatched));
        self.plan.consumers(input) == [node.id] && queries.count() == 0
    }

    /// A node that later stages read is a job of its own.
    pub(super) fn materialize(&mut self, node: &Node, jobs: &mut Jobs) {
        if !node.materialized {
            return;
        }
        let output = Output::Materialize(node.id);
        match self.nodes.get(&node.id) {
            Some(NodeState::Grouped(plan, then)) => jobs.add_groups(output, (**plan).clone(), then.clone()),
            Some(NodeState::Lazy(..)) => {
                let frame = self.frame(node.id, jobs);
                jobs.add(output, PartialPlan::rows(frame));
            }
            Some(NodeState::Materialized(_)) | None => {}
        }
    }

    /// The frame of a node, its joins' rows counted.
    pub(super) fn frame(&mut self, id: NodeId, jobs: &mut Jobs) -> LazyFrame {
        match self.nodes.get(&id) {
            Some(NodeState::Materialized(rows)) => rows.clone().lazy(),
            Some(NodeState::Lazy(frame, tracker)) => {
                let Some(counts) = tracker.counts(frame) else { return (**frame).clone() };
                jobs.add_unmatched(counts);
                let frame = tracker.unmarked((**frame).clone());
                self.nodes.insert(id, lazy(frame.clone()));
                frame
            }
            Some(NodeState::Grouped(..)) | None => unreachable!("a node is built before what reads it"),
        }
    }

    /// The rows of a node that is materialized.
    fn rows(&self, id: NodeId) -> pl::DataFrame {
        match self.nodes.get(&id) {
            Some(NodeState::Materialized(rows)) => rows.clone(),
            _ => unreachable!("the plan materializes what is read all at once"),
        }
    }

    /// Builds the hash tables of joins whose second inputs are there. Where rows of one that must be unique share a key,
    /// the join would fan out.
    pub(super) fn build_hash_tables(&self, nodes: &[&'a Node]) -> Result<(), ExecError> {
        for node in nodes {
            let Op::Join(join) = &node.op else { continue };
            if join.many || join.on.is_empty() {
                continue;
            }
            let Some(NodeState::Materialized(build)) = node.inputs.get(1).and_then(|input| self.nodes.get(input))
            else {
                continue;
            };
            if self.joins.table(node.id, join, build)?.is_none() && join.check_unique {
                return Err(self.fan_out(node, build.clone())?);
            }
        }
        Ok(())
    }

    /// The answer to a join's query for duplicates, which the hash table has found.
    fn fan_out(&self, node: &Node, build: pl::DataFrame) -> Result<ExecError, ExecError> {
        let of_join = |query: &&Query| matches!(query.requester, Requester::Uniqueness { join } if join == node.id);
        let (Some(query), Op::Join(join)) = (self.plan.queries().iter().find(of_join), &node.op) else {
            unreachable!("a join that must not fan out asks whether its keys are unique")
        };
        let Some(plan) = self.query_plan(query, build.lazy()) else { unreachable!("duplicates are looked for") };
        let duplicates = plan.finalize(plan.full(), &self.translator);
        let found = self.decode(query, &collect_one(duplicates, pl::Engine::InMemory)?)?;
        let Some([key @ .., count, _]) = found.first().map(Vec::as_slice) else {
            unreachable!("a hash table finds keys of several rows")
        };
        let rows = if let cpl_model::value::Value::Integer(rows) = count { *rows } else { 0 };
        let on = join.on.iter().map(|(_, right)| right.clone()).collect();
        let table = self.plan.program().table(join.table).name.clone();
        Ok(ExecError::FanOut(Box::new(FanOut { table, on, join: join.span, key: key.to_vec(), rows })))
    }

    /// Adds what a query asks for.
    pub(super) fn add_query(&mut self, query: &'a Query, jobs: &mut Jobs) {
        (self.progress)(&cpl_plan::describe_query(self.plan, query));
        if let QueryKind::Unmatched = query.kind {
            // Counted with the last join of a chain, which may wait for a group.
            if let Some(NodeState::Lazy(..)) = self.nodes.get(&query.of) {
                let _ = self.frame(query.of, jobs);
            }
            return;
        }
        if let Requester::Uniqueness { .. } = query.requester {
            // The hash table answers it.
            return;
        }
        let frame = self.frame(query.of, jobs);
        if let QueryKind::Rows(wanted) = &query.kind {
            let RuleRows { rows, quiet, nearest } = rule_rows(frame, wanted, &self.translator);
            jobs.add(Output::Answer(query.id), rows);
            if let Some(nearest) = nearest {
                jobs.add(Output::Nearest(query.id), nearest);
            }
            if let Some(quiet) = quiet.filter(|_| self.rows_held(query, wanted).is_none()) {
                jobs.add(Output::Quiet(query.id), quiet);
            }
        } else if let Some(plan) = self.query_plan(query, frame) {
            jobs.add(Output::Answer(query.id), plan);
        }
    }

    /// How many rows a rule looks at, where they are held and each is looked at.
    pub(super) fn rows_held(&self, query: &Query, rows: &RowQuery) -> Option<usize> {
        match self.nodes.get(&query.of) {
            Some(NodeState::Materialized(held)) if rows.newest.is_none() => Some(held.height()),
            _ => None,
        }
    }

    fn query_plan(&self, query: &Query, frame: LazyFrame) -> Option<PartialPlan> {
        Some(match &query.kind {
            QueryKind::Aggregate { filter, keys, items } => {
                let rows = match filter {
                    Some(filter) => frame.filter(self.translator.expr(filter)),
                    None => frame,
                };
                let keys = keys.iter().map(|(name, _)| name.clone()).collect();
                PartialPlan::groups(rows, Aggregation::new(keys, items, &self.translator))
            }
            QueryKind::Table { columns, order } => {
                let names: Vec<pl::Expr> = columns.iter().map(|(name, _)| pl::col(name.as_str())).collect();
                let order: Vec<(String, bool)> = order.iter().map(|name| (name.clone(), false)).collect();
                let rows = if order.is_empty() { frame } else { sort(frame, &order) };
                PartialPlan::rows(rows.select(names))
            }
            QueryKind::FirstRows { filter, columns, order } => {
                let names: Vec<pl::Expr> = columns.iter().map(|(name, _)| pl::col(name.as_str())).collect();
                let rows = frame.filter(self.translator.expr(filter)).select(names);
                PartialPlan::first_rows(rows, order.iter().map(|name| (name.clone(), false)).collect())
            }
            QueryKind::Duplicates { key, known_only } => {
                let names: Vec<String> = key.iter().map(|(name, _)| name.clone()).collect();
                let known = names.iter().map(|name| pl::col(name.as_str()).is_not_null()).reduce(pl::Expr::and);
                let rows = match known {
                    Some(known) if *known_only => frame.filter(known),
                    _ => frame,
                };
                PartialPlan::duplicates(rows, &names)
            }
            QueryKind::FirstGap(gaps) => PartialPlan::first_gap(frame, &gaps.periods),
            QueryKind::Rows(_) | QueryKind::Unmatched => return None,
        })
    }
}

pub(super) fn lazy(frame: LazyFrame) -> NodeState {
    NodeState::Lazy(Box::new(frame), JoinTracker::default())
}
