//! Partitionable scans: row-by-row operators and mergeable aggregates can process any part of the rows by itself.

use std::collections::BTreeSet;

use cpl_model::program::{Encoding, Expr, ExprKind, Fetch, TableId, TableSource};

use crate::{
    plan::{NodeId, Op, Plan},
    query::{Query, QueryKind},
};

/// Sets `partitionable` and `dictionary_columns` of the scans.
pub fn mark(plan: &mut Plan) {
    let scans = plan.nodes().filter(|node| matches!(node.op, Op::Scan(_)));
    let scans: Vec<(NodeId, TableId)> = scans.map(|node| (node.id, node.table)).collect();
    for (id, table) in scans {
        if !is_partitionable(plan, id) || holds_keys_and_rows(plan, id) {
            continue;
        }
        let columns = dictionary_columns(plan, id, table);
        if let Op::Scan(scan) = &mut plan.node_mut(id).op {
            (scan.partitionable, scan.dictionary_columns) = (true, columns);
        }
    }
}

/// Whether all consumers of a node can process its rows in parts.
fn is_partitionable(plan: &Plan, id: NodeId) -> bool {
    let node = plan.node(id);
    let queries = plan.queries_of(id).all(|query| query.stage == node.stage && query_merges(query));
    !node.materialized && queries && plan.consumers(id).into_iter().all(|consumer| takes_parts(plan, id, consumer))
}

/// A check of a key needs all keys, and groups of parts cost more than one sort of them: where a rule looks at the same
/// rows, nothing is saved by parts.
fn holds_keys_and_rows(plan: &Plan, scan: NodeId) -> bool {
    let (mut keys, mut rows, mut waiting) = (false, false, vec![scan]);
    while let Some(next) = waiting.pop() {
        for query in plan.queries_of(next).filter(|query| query.stage == plan.node(scan).stage) {
            keys |= matches!(query.kind, QueryKind::Duplicates { .. });
            rows |= matches!(query.kind, QueryKind::Rows(_));
        }
        if !plan.node(next).materialized {
            waiting.extend(plan.consumers(next));
        }
    }
    keys && rows
}

fn takes_parts(plan: &Plan, of: NodeId, consumer: NodeId) -> bool {
    let node = plan.node(consumer);
    // The parts are gone when a later stage begins, and only the first input comes in parts.
    if node.stage != plan.node(of).stage || node.inputs.iter().filter(|input| **input == of).count() != 1 {
        return false;
    }
    if node.inputs.first() != Some(&of) {
        return false;
    }
    match &node.op {
        // Groups are whole once all parts are merged: a query of the same stage reads them before.
        Op::Aggregate { items, .. } => {
            let is_queried = plan.queries_of(consumer).any(|query| query.stage == node.stage);
            items.iter().all(|(_, value)| merges(value)) && (node.materialized || !is_queried)
        }
        op => op.is_row_by_row() && is_partitionable(plan, consumer),
    }
}

fn query_merges(query: &Query) -> bool {
    match &query.kind {
        QueryKind::Aggregate { items, .. } => items.iter().all(|(_, value)| merges(value)),
        QueryKind::FirstRows { .. } | QueryKind::Duplicates { .. } | QueryKind::FirstGap(_) | QueryKind::Unmatched => {
            true
        }
        // Rows that are all wanted would be held anyway.
        QueryKind::Rows(rows) => rows.newest.is_none() && !rows.all_rows,
        QueryKind::Table { .. } => false,
    }
}

/// Whether all aggregates in it can be merged from those of parts.
fn merges(value: &Expr) -> bool {
    !value.any(|kind| matches!(kind, ExprKind::Aggregate(aggregate) if !aggregate.func.is_merged()))
}

/// The text columns of a scan that no expression reads: they only name groups.
fn dictionary_columns(plan: &Plan, id: NodeId, table: TableId) -> Vec<String> {
    let TableSource::Fetch(Fetch { columns, .. }) = &plan.program().table(table).source else { return Vec::new() };
    let mut read = BTreeSet::new();
    columns_read(plan, id, &mut read);
    let names = columns.iter().filter(|column| {
        matches!(column.encoding, Encoding::Text) && !column.is_currency && !read.contains(&column.name)
    });
    names.map(|column| column.name.clone()).collect()
}

/// The columns that some expression reads before the rows are grouped.
fn columns_read(plan: &Plan, id: NodeId, read: &mut BTreeSet<String>) {
    let query_exprs = plan.queries_of(id).flat_map(|query| query.kind.exprs());
    query_exprs.for_each(|expr| expr.columns_into(read));
    for query in plan.queries_of(id) {
        // These are put in order before the parts are merged.
        if let QueryKind::FirstRows { order, .. } = &query.kind {
            read.extend(order.iter().cloned());
        }
    }
    for consumer in plan.consumers(id) {
        let op = &plan.node(consumer).op;
        match op {
            // A column that is only passed on is not read.
            Op::Project(columns) => {
                let computed = columns.iter().filter(|(name, value)| !is_column(value, name));
                computed.for_each(|(_, value)| value.columns_into(read));
            }
            op => op.exprs().into_iter().for_each(|expr| expr.columns_into(read)),
        }
        match op {
            Op::Join(join) => read.extend(join.on.iter().map(|(left, _)| left.clone())),
            Op::Unpivot(unpivot) => read.extend(unpivot.columns.iter().map(|(column, _)| column.clone())),
            _ => {}
        }
        if !matches!(op, Op::Aggregate { .. }) {
            columns_read(plan, consumer, read);
        }
    }
}

fn is_column(value: &Expr, name: &str) -> bool {
    matches!(&value.kind, ExprKind::Column(column) if column == name)
}
