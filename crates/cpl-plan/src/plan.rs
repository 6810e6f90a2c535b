//! The plan: a DAG of fetch, transform and decide steps, in batches.

use std::collections::BTreeSet;

use petgraph::{
    Direction::{Incoming, Outgoing},
    graph::{DiGraph, NodeIndex},
};

use cpl_syntax::Diagnostic;

use crate::{
    program::{Later, Program, TableId},
    tree_to_program::not_yet,
};

/// A step's place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub usize);

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Reads a table from files.
    Fetch(TableId),
    /// Makes a table of others.
    Transform(TableId),
    /// The constraint and its drivers.
    Dashboard,
    /// A rule that acts, by its place in the program.
    Decide(usize),
    /// A rule that tells, by its place in the program.
    Alert(usize),
    /// A table that is shown.
    Show(TableId),
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place.
    pub id: StepId,
    /// What it does.
    pub kind: StepKind,
    /// The columns of its table that something needs, in the table's order.
    pub columns: Vec<String>,
    /// Its rows are kept for the steps behind it; else it runs as a part of each of them.
    pub stored: bool,
    /// The batch it runs in.
    pub batch: usize,
    /// A fetch of which all that needs it takes any part of its rows by itself: they are never held together.
    pub in_parts: bool,
    /// Those of its texts at which nobody looks, but to tell groups apart; of a fetch in parts.
    pub names: Vec<String>,
}

/// What is to be done, pruned to what is needed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program, without the columns, stages and aggregates that nothing needs.
    pub program: Program,
    graph: DiGraph<Step, ()>,
}

impl Plan {
    pub(crate) fn new(program: Program) -> Self {
        Self { program, graph: DiGraph::new() }
    }

    pub(crate) fn add(
        &mut self,
        kind: StepKind,
        columns: Vec<String>,
        stored: bool,
        batch: usize,
        inputs: &[StepId],
    ) -> StepId {
        let id = StepId(self.graph.node_count());
        let node = self.graph.add_node(Step { id, kind, columns, stored, batch, in_parts: false, names: Vec::new() });
        for input in inputs {
            self.graph.update_edge(NodeIndex::new(input.0), node, ());
        }
        id
    }

    pub(crate) fn set_batch(&mut self, id: StepId, batch: usize) {
        self.graph[NodeIndex::new(id.0)].batch = batch;
    }

    pub(crate) fn set_in_parts(&mut self, id: StepId, names: Vec<String>) {
        let step = &mut self.graph[NodeIndex::new(id.0)];
        (step.in_parts, step.names) = (true, names);
    }

    /// All steps; one comes behind those it needs.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.graph.node_weights()
    }

    /// The step of that id.
    #[must_use]
    pub fn step(&self, id: StepId) -> &Step {
        &self.graph[NodeIndex::new(id.0)]
    }

    /// The steps it needs, in the order of their ids.
    #[must_use]
    pub fn inputs(&self, id: StepId) -> Vec<StepId> {
        self.neighbours(id, Incoming)
    }

    /// The steps that need it, in the order of their ids.
    #[must_use]
    pub fn outputs(&self, id: StepId) -> Vec<StepId> {
        self.neighbours(id, Outgoing)
    }

    fn neighbours(&self, id: StepId, direction: petgraph::Direction) -> Vec<StepId> {
        let mut found: Vec<StepId> =
            self.graph.neighbors_directed(NodeIndex::new(id.0), direction).map(|node| StepId(node.index())).collect();
        found.sort_unstable();
        found
    }

    /// How many batches there are.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.steps().map(|step| step.batch + 1).max().unwrap_or(0)
    }

    /// The tables a step is made of, itself included, however far back.
    #[must_use]
    pub fn upstream(&self, table: TableId) -> BTreeSet<TableId> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![table];
        while let Some(next) = waiting.pop() {
            if seen.insert(next) {
                waiting.extend(self.program.table(next).inputs());
            }
        }
        seen
    }

    /// What of the plan a later version runs, in a test or at all: each is an error.
    #[must_use]
    pub fn later(&self, in_test: bool) -> Vec<Diagnostic> {
        let made = |id: TableId| {
            self.steps().any(|step| matches!(step.kind, StepKind::Fetch(of) | StepKind::Transform(of) if of == id))
        };
        let shown = self.steps().any(|step| matches!(step.kind, StepKind::Show(_)));
        let needed = self.program.later.iter().filter(|later| !(in_test && later.in_test));
        // What a table computes is needed where the table is, whatever else the plan is for.
        let computed = |later: &&Later| {
            self.steps().any(|step| match step.kind {
                StepKind::Transform(id) => self.program.table(id).remembers(later.span),
                _ => false,
            })
        };
        let needed = needed.filter(|later| later.table.map_or(!shown || computed(later), made));
        needed.map(|later| not_yet(&later.what, later.span)).collect()
    }

    /// What a step is called: `fetch spend`.
    #[must_use]
    pub fn title(&self, step: &Step) -> String {
        let table = |id: TableId| self.program.table(id).shown_name();
        match step.kind {
            StepKind::Fetch(id) => format!("fetch {}", table(id)),
            StepKind::Transform(id) => match self.program.table(id).total_of() {
                Some(column) => format!("total {}.{column}", table(id)),
                None => format!("transform {}", table(id)),
            },
            StepKind::Dashboard => "dashboard".to_owned(),
            StepKind::Decide(at) => format!("decide {}", self.program.decisions[at].name),
            StepKind::Alert(at) => format!("alert {}", self.program.alerts[at].name),
            StepKind::Show(id) => format!("show {}", table(id)),
        }
    }
}
