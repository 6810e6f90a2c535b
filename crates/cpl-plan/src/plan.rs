//! The plan: a DAG of relational operators, and queries on its nodes.
//!
//! A plan contains everything to compute: an engine needs nothing else of the program.

use std::collections::{BTreeMap, BTreeSet};

use cpl_model::{
    clock::Clock,
    program::{Column, Expr, Join, Judged, Periods, Program, Series, SeriesOf, TableId, Union, Unpivot},
};
use cpl_syntax::Span;
use petgraph::{
    Direction::{Incoming, Outgoing},
    graph::{DiGraph, NodeIndex},
};

pub use crate::ids::NodeId;
use crate::{
    ids::QueryId,
    prune::Pruned,
    query::{Query, QueryKind},
};

/// One operator: it makes rows of the rows of its inputs.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its place.
    pub id: NodeId,
    /// What it does.
    pub op: Op,
    /// The nodes whose rows it reads; the first is the one whose rows it passes on.
    pub inputs: Vec<NodeId>,
    /// The table of the file that it is a part of.
    pub table: TableId,
    /// Its source span.
    pub span: Span,
    /// The stage it runs in: stages run one after the other, the nodes of one stage together.
    pub stage: usize,
    /// Its rows are computed once and kept for later stages; otherwise each consumer computes them as a part of itself.
    pub materialized: bool,
}

/// What an operator does. Columns are named as the pipeline names them.
#[derive(Clone, Debug)]
pub enum Op {
    /// The rows of a fetch, in the order of its files.
    Scan(Scan),
    /// Rows for which it is true.
    Filter(Expr),
    /// New or redefined columns, each seeing those before it.
    Derive(Vec<(String, Expr)>),
    /// These columns, in this order.
    Project(Vec<(String, Expr)>),
    /// All columns but these.
    Drop(Vec<String>),
    /// Values of other rows of the series, or of other series at the same time, as columns of these names.
    Window(Vec<(String, Series)>),
    /// The matching rows of the second input; without keys its only row; with `latest` an as-of join.
    Join(Join),
    /// One row per group, sorted by the keys; one row if there are no keys.
    Aggregate {
        /// What groups.
        keys: Vec<Column>,
        /// What is computed.
        items: Vec<(String, Expr)>,
    },
    /// In this order; true for largest first. Unknown values come last, equal rows keep their order.
    Sort(Vec<(String, bool)>),
    /// The first rows, of each value of a column where one is named.
    Limit {
        /// How many.
        rows: u32,
        /// Of each value of these columns.
        per: Vec<String>,
    },
    /// The rows of all inputs, one after the other.
    Union(Union),
    /// A row for each of several columns.
    Unpivot(Unpivot),
    /// A row for each period that a series has none of.
    FillGaps(Periods),
}

/// What is read of a fetch.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The needed columns, in the order of the declaration.
    pub columns: Vec<String>,
    /// All consumers take any part of the rows by itself: the rows need never be held together.
    pub partitionable: bool,
    /// Text columns that no expression reads: they only name groups, so an engine may read them as numbers.
    pub dictionary_columns: Vec<String>,
}

/// What is to be computed, pruned to what is needed.
#[derive(Clone, Debug)]
pub struct Plan {
    program: Pruned,
    graph: DiGraph<Node, ()>,
    ends: BTreeMap<TableId, NodeId>,
    queries: Vec<Query>,
}

impl Plan {
    pub(crate) fn new(program: Pruned) -> Self {
        Self { program, graph: DiGraph::new(), ends: BTreeMap::new(), queries: Vec::new() }
    }

    /// The program, without the columns, stages and aggregates that nothing needs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn pruned(&self) -> &Pruned {
        &self.program
    }

    pub(crate) fn add(&mut self, op: Op, inputs: Vec<NodeId>, table: TableId, span: Span) -> NodeId {
        let id = NodeId(self.graph.node_count());
        let edges = inputs.clone();
        let node = self.graph.add_node(Node { id, op, inputs, table, span, stage: 0, materialized: false });
        for input in edges {
            self.graph.update_edge(NodeIndex::new(input.0), node, ());
        }
        id
    }

    pub(crate) fn add_query(&mut self, query: impl FnOnce(QueryId) -> Query) {
        let query = query(QueryId(self.queries.len()));
        self.queries.push(query);
    }

    pub(crate) fn end_table(&mut self, table: TableId, at: NodeId) {
        self.ends.insert(table, at);
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.graph[NodeIndex::new(id.0)]
    }

    pub(crate) fn query_mut(&mut self, id: QueryId) -> &mut Query {
        &mut self.queries[id.0]
    }

    /// Changes all expressions of the plan in place.
    pub(crate) fn change_exprs<E>(&mut self, change: &mut impl FnMut(&mut Expr) -> Result<(), E>) -> Result<(), E> {
        for node in self.graph.node_weights_mut() {
            node.op.exprs_mut().into_iter().try_for_each(&mut *change)?;
        }
        for query in &mut self.queries {
            query.kind.exprs_mut().into_iter().try_for_each(&mut *change)?;
        }
        Ok(())
    }

    /// Which period is judged, of patterns that judge the newest.
    pub(crate) fn bind_patterns(&mut self, clock: &Clock) -> Result<(), jiff::Error> {
        for node in self.graph.node_weights_mut() {
            let Op::Window(columns) = &mut node.op else { continue };
            for (_, series) in columns {
                if let SeriesOf::Pattern(pattern) = &mut series.of
                    && let Judged::Newest(on) = &pattern.judged
                {
                    pattern.judged = Judged::At(clock.newest(pattern.grain, on)?);
                }
            }
        }
        Ok(())
    }

    /// All nodes; a node comes after those it reads.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights()
    }

    /// The node of that id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[NodeIndex::new(id.0)]
    }

    /// The same plan, where the quiet rows of rules come back too.
    #[must_use]
    pub fn with_quiet_rows(mut self) -> Self {
        for query in &mut self.queries {
            if let QueryKind::Rows(rows) = &mut query.kind {
                rows.all_rows = true;
            }
        }
        self
    }

    /// All queries, in the order in which their answers are shown.
    #[must_use]
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// The query of that id.
    #[must_use]
    pub fn query(&self, id: QueryId) -> &Query {
        &self.queries[id.0]
    }

    /// The node that holds the rows of a table; none where nothing needs the table.
    #[must_use]
    pub fn end(&self, table: TableId) -> Option<NodeId> {
        self.ends.get(&table).copied()
    }

    /// The nodes that a node needs, in the order of their ids: its inputs, and those whose totals it looks at.
    #[must_use]
    pub fn needs(&self, id: NodeId) -> Vec<NodeId> {
        self.neighbours(id, Incoming)
    }

    /// The nodes that need it, in the order of their ids.
    #[must_use]
    pub fn consumers(&self, id: NodeId) -> Vec<NodeId> {
        self.neighbours(id, Outgoing)
    }

    /// The nodes that a query needs: its own node, and those whose totals it reads.
    #[must_use]
    pub fn query_needs(&self, query: &Query) -> Vec<NodeId> {
        let totals = query.kind.exprs().into_iter().flat_map(Expr::totals);
        let needs = std::iter::once(query.of).chain(totals.filter_map(|table| self.end(table)));
        needs.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The queries on a node.
    pub fn queries_of(&self, id: NodeId) -> impl Iterator<Item = &Query> {
        self.queries.iter().filter(move |query| query.of == id)
    }

    /// The node that reads a fetch; none where nothing needs it.
    #[must_use]
    pub fn scan_of(&self, table: TableId) -> Option<&Node> {
        self.nodes().find(|node| node.table == table && matches!(node.op, Op::Scan(_)))
    }

    /// The fetches that are read.
    pub fn fetches(&self) -> impl Iterator<Item = TableId> + '_ {
        self.nodes().filter(|node| matches!(node.op, Op::Scan(_))).map(|node| node.table)
    }

    /// Whether a column of a fetch is read.
    #[must_use]
    pub fn reads(&self, table: TableId, column: &str) -> bool {
        let scan = self.scan_of(table).map(|node| &node.op);
        matches!(scan, Some(Op::Scan(scan)) if scan.columns.iter().any(|read| read == column))
    }

    pub(crate) fn add_need(&mut self, id: NodeId, needs: NodeId) {
        self.graph.update_edge(NodeIndex::new(needs.0), NodeIndex::new(id.0), ());
    }

    fn neighbours(&self, id: NodeId, direction: petgraph::Direction) -> Vec<NodeId> {
        let mut found: Vec<NodeId> =
            self.graph.neighbors_directed(NodeIndex::new(id.0), direction).map(|node| NodeId(node.index())).collect();
        found.sort_unstable();
        found
    }

    /// How many stages there are.
    #[must_use]
    pub fn stages(&self) -> usize {
        let nodes = self.nodes().map(|node| node.stage);
        nodes.chain(self.queries.iter().map(|query| query.stage)).map(|stage| stage + 1).max().unwrap_or(0)
    }
}

impl Op {
    /// The expressions it computes.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Filter(filter) => vec![filter],
            Self::Derive(columns) | Self::Project(columns) | Self::Aggregate { items: columns, .. } => {
                columns.iter().map(|(_, value)| value).collect()
            }
            Self::Window(columns) => {
                columns.iter().flat_map(|(_, series)| series.key.iter().chain(series.of.values())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Filter(filter) => vec![filter],
            Self::Derive(columns) | Self::Project(columns) | Self::Aggregate { items: columns, .. } => {
                columns.iter_mut().map(|(_, value)| value).collect()
            }
            Self::Window(columns) => columns.iter_mut().flat_map(|(_, series)| series.of.values_mut()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it looks at each row by itself, so that rows may come in parts.
    #[must_use]
    pub fn is_row_by_row(&self) -> bool {
        match self {
            Self::Filter(_) | Self::Derive(_) | Self::Project(_) | Self::Drop(_) | Self::Unpivot(_) => true,
            // The second input is materialized.
            Self::Join(join) => !join.many,
            _ => false,
        }
    }

    /// Whether it needs all rows of its input at once, materialized.
    #[must_use]
    pub fn is_eager(&self) -> bool {
        matches!(self, Self::Window(_) | Self::FillGaps(_))
    }
}

impl QueryKind {
    /// The query's expressions.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Self::Aggregate { filter, items, .. } => {
                filter.iter().chain(items.iter().map(|(_, value)| value)).collect()
            }
            Self::Rows(rows) => rows.layout.columns().iter().collect(),
            Self::FirstRows { filter, .. } => vec![filter],
            Self::Table { .. } | Self::Duplicates { .. } | Self::FirstGap(_) | Self::Unmatched => Vec::new(),
        }
    }

    fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Aggregate { filter, items, .. } => {
                filter.iter_mut().chain(items.iter_mut().map(|(_, value)| value)).collect()
            }
            Self::Rows(rows) => rows.layout.columns_mut().iter_mut().collect(),
            Self::FirstRows { filter, .. } => vec![filter],
            Self::Table { .. } | Self::Duplicates { .. } | Self::FirstGap(_) | Self::Unmatched => Vec::new(),
        }
    }
}
