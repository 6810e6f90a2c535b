//! Stages: a node runs with the nodes it reads, unless those are materialized; then it runs in a later stage.

use std::collections::BTreeSet;

use crate::plan::{NodeId, Op, Plan};

/// Gives each node and each query its stage.
pub fn assign(plan: &mut Plan) {
    let nodes: Vec<NodeId> = plan.nodes().map(|node| node.id).collect();
    for id in nodes {
        let needs = plan.needs(id);
        plan.node_mut(id).stage = ready(plan, &needs);
    }
    delay_scans(plan);
    keep_groups(plan);
    let queries: Vec<_> =
        plan.queries().iter().map(|query| (query.id, ready(plan, &plan.query_needs(query)))).collect();
    for (id, stage) in queries {
        plan.query_mut(id).stage = stage;
    }
}

/// The first stage in which all of those are there.
fn ready(plan: &Plan, needs: &[NodeId]) -> usize {
    let ready = needs.iter().map(|id| plan.node(*id)).map(|node| node.stage + usize::from(node.materialized));
    ready.max().unwrap_or(0)
}

/// Materializes groups, and what is made of them in their stage, where a later stage goes on with them: a scan may come
/// in parts, which are merged in the stage in which they are read.
fn keep_groups(plan: &mut Plan) {
    let mut grouped: BTreeSet<NodeId> = BTreeSet::new();
    let nodes: Vec<NodeId> = plan.nodes().map(|node| node.id).collect();
    for id in nodes {
        let node = plan.node(id);
        let of_group = |input: &NodeId| grouped.contains(input) && !plan.node(*input).materialized;
        if !matches!(node.op, Op::Aggregate { .. }) && !node.inputs.first().is_some_and(of_group) {
            continue;
        }
        grouped.insert(id);
        let later = plan.consumers(id).into_iter().any(|consumer| plan.node(consumer).stage > node.stage);
        if later {
            plan.node_mut(id).materialized = true;
        }
    }
}

/// Lets each scan wait for the tables that are joined to its rows, so that it is read once for all its consumers.
fn delay_scans(plan: &mut Plan) {
    let scans: Vec<NodeId> =
        plan.nodes().filter(|node| matches!(node.op, Op::Scan(_)) && !node.materialized).map(|node| node.id).collect();
    // A scan that waits may let another wait. Scans that wait for each other never come to rest: one is read twice.
    for _ in 0..scans.len() {
        let delayed = scans.iter().filter(|scan| delay(plan, **scan)).count();
        if delayed == 0 {
            return;
        }
    }
}

/// Moves a scan to the stage in which all that its consumers read is there; whether it was in another.
fn delay(plan: &mut Plan, scan: NodeId) -> bool {
    let (fused, downstream) = (fused(plan, scan), downstream(plan, scan));
    let of_nodes = fused.iter().flat_map(|node| plan.needs(*node));
    let query_inputs = plan.queries().iter().filter(|query| query.of == scan || fused.contains(&query.of));
    let query_inputs =
        query_inputs.filter(|query| !plan.node(query.of).materialized).flat_map(|query| plan.query_needs(query));
    let others: Vec<NodeId> = of_nodes.chain(query_inputs).filter(|input| !downstream.contains(input)).collect();
    let stage = ready(plan, &others);
    if stage <= plan.node(scan).stage {
        return false;
    }
    plan.node_mut(scan).stage = stage;
    for node in downstream {
        let needs = plan.needs(node);
        if !needs.is_empty() {
            plan.node_mut(node).stage = ready(plan, &needs);
        }
    }
    true
}

/// The nodes that take a scan's rows as they come.
fn fused(plan: &Plan, scan: NodeId) -> BTreeSet<NodeId> {
    follow(plan, scan, |node| !plan.node(node).materialized)
}

/// The scan, and all nodes made of it.
fn downstream(plan: &Plan, scan: NodeId) -> BTreeSet<NodeId> {
    let mut found = follow(plan, scan, |_| true);
    found.insert(scan);
    found
}

fn follow(plan: &Plan, from: NodeId, further: impl Fn(NodeId) -> bool) -> BTreeSet<NodeId> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(next) = waiting.pop() {
        if next == from || further(next) {
            waiting.extend(plan.consumers(next).into_iter().filter(|node| found.insert(*node)));
        }
    }
    found
}
