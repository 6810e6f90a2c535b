//! Program → plan: each table becomes a chain of operators, each rule, check and metric a query.
//!
//! Implicit steps become explicit: rows dated after `now` are filtered out, times are truncated to their period,
//! amounts in minor units are converted, and joins get a uniqueness query.

pub use window_functions::independent;

mod except_on;
mod fetch;
mod group;
mod queries;
pub(crate) mod window_functions;

use std::collections::BTreeSet;

use cpl_model::program::{Expr, Join, Program, Stage, TableId, TableSource};
use cpl_syntax::Span;

use crate::{
    partition,
    plan::{NodeId, Op, Plan},
    prune::{Pruned, Purpose},
    query::{QueryKind, Requester},
    stages,
};

/// The fetches whose rows a test gives. All others are empty, and no file is read.
pub type Given = BTreeSet<TableId>;

/// The plan of a pruned program.
pub fn lower(program: Pruned, purpose: Purpose, given: Option<&Given>) -> Plan {
    let joined = joined(&program);
    let mut lowering = Lowering { plan: Plan::new(program), joined, given };
    lowering.tables();
    lowering.queries(purpose);
    let mut plan = lowering.plan;
    stages::assign(&mut plan);
    partition::mark(&mut plan);
    plan
}

/// The tables that a join reads as its second input.
fn joined(program: &Pruned) -> BTreeSet<TableId> {
    let needed = program.tables.iter().enumerate().filter(|(at, _)| program.required(TableId(*at)).is_some());
    needed.flat_map(|(_, table)| table.joined()).collect()
}

struct Lowering<'a> {
    plan: Plan,
    joined: BTreeSet<TableId>,
    given: Option<&'a Given>,
}

/// The operators of one table, so far.
struct Chain {
    table: TableId,
    span: Span,
    at: NodeId,
}

impl Lowering<'_> {
    fn program(&self) -> &Program {
        self.plan.program()
    }

    /// Lowers all tables. A table comes after its inputs.
    fn tables(&mut self) {
        for id in (0..self.program().tables.len()).map(TableId) {
            let Some(required) = self.plan.pruned().required(id) else { continue };
            let end = match self.program().table(id).source.clone() {
                TableSource::Fetch(fetch) => self.fetch(id, &fetch, &required),
                TableSource::Transform { from, stages } => self.transform(id, from, &stages, required),
            };
            self.plan.end_table(id, end);
            self.checks(id);
        }
    }

    fn transform(&mut self, id: TableId, from: TableId, stages: &[Stage], required: Vec<String>) -> NodeId {
        let span = self.program().table(id).span;
        let mut chain = Chain { table: id, span, at: self.end(from) };
        for stage in stages {
            self.stage(&mut chain, stage);
        }
        // After a group few rows are left: they are kept, and not computed anew for each consumer.
        let grouped = stages.iter().any(|stage| matches!(stage, Stage::Group { .. }));
        let small = grouped || stages.iter().any(|stage| matches!(stage, Stage::Take(_, per) if per.is_empty()));
        let kept = small || self.joined.contains(&id);
        if kept && !grouped {
            self.select(&mut chain, required);
        }
        if kept {
            self.plan.node_mut(chain.at).materialized = true;
        }
        chain.at
    }

    /// The node that holds the rows of a table.
    fn end(&self, table: TableId) -> NodeId {
        let Some(end) = self.plan.end(table) else { unreachable!("a table is lowered before what is made of it") };
        end
    }

    /// Appends an operator to a table's chain.
    fn push(&mut self, chain: &mut Chain, op: Op) {
        self.push_with(chain, op, Vec::new());
    }

    /// The same with more inputs.
    fn push_with(&mut self, chain: &mut Chain, op: Op, more: Vec<NodeId>) {
        let totals: Vec<TableId> = op.exprs().into_iter().flat_map(Expr::totals).collect();
        if op.is_eager() {
            self.plan.node_mut(chain.at).materialized = true;
        }
        let inputs = std::iter::once(chain.at).chain(more).collect();
        chain.at = self.plan.add(op, inputs, chain.table, chain.span);
        for total in totals {
            let needed = self.end(total);
            self.plan.add_need(chain.at, needed);
        }
    }

    /// Whether a table has rows to be checked: in a test, those that the test gives.
    fn is_given(&self, table: TableId) -> bool {
        let Some(given) = self.given else { return true };
        let program = self.program();
        let fetched = |id: &TableId| matches!(program.table(*id).source, TableSource::Fetch(_));
        program.upstream(table).iter().filter(|id| fetched(id)).all(|id| given.contains(id))
    }

    fn select(&mut self, chain: &mut Chain, columns: Vec<String>) {
        let program = self.plan.program();
        let table = program.table(chain.table);
        let column = |name: String| {
            let of = table.column(&name);
            let (ty, unknown) = of.map_or((cpl_model::types::Type::Bool, true), |column| (column.ty, column.unknown));
            (name.clone(), Expr::column(&name, ty, unknown, chain.span))
        };
        let columns = columns.into_iter().map(column).collect();
        self.push(chain, Op::Project(columns));
    }

    fn stage(&mut self, chain: &mut Chain, stage: &Stage) {
        match stage {
            Stage::Where(filter) => {
                let (filter, added) = self.windowed_one(chain, filter);
                self.push(chain, Op::Filter(filter));
                self.drop(chain, added);
            }
            Stage::Derive(columns) => self.derive(chain, columns),
            Stage::Keep(columns) => {
                let values: Vec<&Expr> = columns.iter().map(|(_, value)| value).collect();
                let (values, _) = self.windowed(chain, &values);
                let names = columns.iter().map(|(name, _)| name.clone());
                self.push(chain, Op::Project(names.zip(values).collect()));
            }
            Stage::Join(join) => self.join(chain, join),
            Stage::Group { keys, items, .. } => {
                self.passed_over(chain, items.iter().map(|(_, value)| value), None);
                self.group(chain, keys, items);
            }
            Stage::Sort(order) => self.push(chain, Op::Sort(order.clone())),
            Stage::Take(rows, per) => self.push(chain, Op::Limit { rows: *rows, per: per.clone() }),
            Stage::Union(union) => {
                let others = union.tables.iter().map(|id| self.end(*id)).collect();
                self.push_with(chain, Op::Union(union.clone()), others);
            }
            Stage::Unpivot(unpivot) => self.push(chain, Op::Unpivot(unpivot.clone())),
            Stage::FillGaps(periods) => self.push(chain, Op::FillGaps(periods.clone())),
        }
    }

    fn join(&mut self, chain: &mut Chain, join: &Join) {
        let right = self.end(join.table);
        self.plan.node_mut(right).materialized = true;
        self.push_with(chain, Op::Join(join.clone()), vec![right]);
        self.plan.node_mut(chain.at).span = join.span;
        if join.on.is_empty() {
            return;
        }
        if join.check_unique {
            let key = self.typed(join.table, join.on.iter().map(|(_, right)| right));
            let requester = Requester::Uniqueness { join: chain.at };
            self.add_query(right, QueryKind::Duplicates { key, known_only: true }, requester, join.span);
        }
        let holds = !join.or_none && self.is_given(chain.table) && self.is_given(join.table);
        let requester = Requester::Unmatched { table: chain.table, with: join.table, left: join.left, holds };
        self.add_query(chain.at, QueryKind::Unmatched, requester, chain.span);
    }
}
