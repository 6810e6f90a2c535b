//! Each operator and each query in words.

use cpl_model::{
    program::{Check, CheckKind, Expr, ExprKind, SeriesOf, SourceKind, TableId, TableSource},
    value::Value,
};

use crate::{
    plan::{Node, Op, Plan},
    query::{DashboardPart, Query, Requester},
};

/// An operator or a query.
pub struct Line<'p> {
    /// A name for it: `n3`, `q1`.
    pub id: String,
    /// What it does.
    pub text: String,
    /// The names of those it needs.
    pub needs: Vec<String>,
    /// When it runs.
    pub stage: usize,
    /// Its rows are kept for later stages.
    pub materialized: bool,
    /// The operator; none of a query.
    pub op: Option<&'p Op>,
}

/// All operators, then all queries.
pub fn lines(plan: &Plan) -> Vec<Line<'_>> {
    let name = |id: crate::plan::NodeId| format!("n{}", id.0 + 1);
    let nodes = plan.nodes().map(|node| Line {
        id: name(node.id),
        text: operator(plan, node),
        needs: plan.needs(node.id).into_iter().map(name).collect(),
        stage: node.stage,
        materialized: node.materialized,
        op: Some(&node.op),
    });
    let queries = plan.queries().iter().map(|query| Line {
        id: format!("q{}", query.id.0 + 1),
        text: describe_query(plan, query),
        needs: plan.query_needs(query).into_iter().map(name).collect(),
        stage: query.stage,
        materialized: false,
        op: None,
    });
    nodes.chain(queries).collect()
}

/// What an operator does: `filter spend: day in last 7 days`.
#[must_use]
pub fn operator(plan: &Plan, node: &Node) -> String {
    let program = plan.program();
    let table = &program.table(node.table).name;
    let what = match &node.op {
        Op::Scan(_) => return format!("scan {table}: {}", source(plan, node.table)),
        Op::Filter(filter) => format!("filter {table}: {}", written(plan, filter)),
        Op::Derive(columns) => format!("derive {table}: {}", derived(plan, columns).join(", ")),
        Op::Project(columns) => format!("project {table}: {}", names(columns.iter().map(|(name, _)| name))),
        Op::Drop(_) => format!("drop {table}: the looks at other rows"),
        Op::Window(columns) => {
            let mut expressions: Vec<String> = Vec::new();
            for (_, series) in columns {
                let value = program.written(series.of.values()[0].span);
                let looks =
                    if matches!(series.of, SeriesOf::Pattern(_)) { format!("pattern of {value}") } else { value };
                if !expressions.contains(&looks) {
                    expressions.push(looks);
                }
            }
            format!("window {table}: {}", expressions.join(", "))
        }
        Op::Join(join) => {
            let left = if join.left { "left join" } else { "join" };
            let keys: Vec<String> = join
                .on
                .iter()
                .map(|(ours, theirs)| if ours == theirs { ours.clone() } else { format!("{ours} = {theirs}") })
                .collect();
            let on = if keys.is_empty() { String::new() } else { format!(" on {}", keys.join(", ")) };
            let latest = join.latest.as_ref().map(|latest| format!(", latest {}", latest.right)).unwrap_or_default();
            format!("{left} {table}: {}{on}{latest}", program.table(join.table).name)
        }
        Op::Aggregate { keys, .. } if keys.is_empty() => format!("aggregate {table}"),
        Op::Aggregate { keys, .. } => format!("aggregate {table}: by {}", names(keys.iter().map(|key| &key.name))),
        Op::Sort(order) => format!("sort {table}: {}", names(order.iter().map(|(name, _)| name))),
        Op::Limit { rows, per } if per.is_empty() => format!("limit {table}: {rows}"),
        Op::Limit { rows, per } => format!("limit {table}: {rows} per {}", per.join(", ")),
        Op::Union(union) => {
            let names = union.tables.iter().map(|id| program.table(*id).name.as_str());
            format!("union {table}: {}", names.collect::<Vec<_>>().join(", "))
        }
        Op::FillGaps(periods) => format!("fill gaps {table}: by {}", periods.grain.word()),
        Op::Unpivot(unpivot) => format!("unpivot {table}: {}", names(unpivot.columns.iter().map(|(column, _)| column))),
    };
    match program.table(node.table).total_of() {
        Some(column) => format!("total {table}.{column}"),
        None => what,
    }
}

/// The new columns, by their names; those of the plan's own by what they hold.
fn derived(plan: &Plan, columns: &[(String, Expr)]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (name, value) in columns {
        let text = match value.kind {
            ExprKind::Surely(_) => format!("whether {}", written(plan, value)),
            // The mark of a column that the plan adds.
            _ => name.trim_start_matches('·').to_owned(),
        };
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// A query in words: `decide raise_budget`.
#[must_use]
pub fn describe_query(plan: &Plan, query: &Query) -> String {
    let program = plan.program();
    let table = |id: &TableId| &program.table(*id).name;
    match &query.requester {
        Requester::Source(id) => format!("rows of {}", table(id)),
        Requester::Check { table: id, at } => {
            format!("check {}: {}", table(id), check(plan, &program.table(*id).checks[*at]))
        }
        Requester::BrokenRows { table: id, at } => {
            format!("rows that break {}: {}", table(id), check(plan, &program.table(*id).checks[*at]))
        }
        Requester::Uniqueness { .. } => format!("unique {}", table(&plan.node(query.of).table)),
        Requester::Unmatched { table: id, with, .. } => format!("unmatched {}: {}", table(id), table(with)),
        Requester::PassedOver { table: id, of } => {
            format!("unknown values {}: {}", table(id), program.written(*of))
        }
        Requester::Dashboard(DashboardPart::Now) => "dashboard".to_owned(),
        Requester::Dashboard(DashboardPart::Before) => "dashboard: the window before".to_owned(),
        Requester::Dashboard(part) => {
            let by = program.dashboard.as_ref().and_then(|dashboard| dashboard.by.as_deref()).unwrap_or_default();
            let before = if *part == DashboardPart::ByBefore { ": the window before" } else { "" };
            format!("dashboard{before}: by {by}")
        }
        Requester::Decide(at, _) => format!("decide {}", program.decisions[*at].name),
        Requester::Alert(at, _) => format!("alert {}", program.alerts[*at].name),
        Requester::Show(id) => format!("show {}", table(id)),
    }
}

fn check(plan: &Plan, check: &Check) -> String {
    let what = match &check.kind {
        CheckKind::Key(columns) => format!("key {}", columns.join(", ")),
        CheckKind::Fresh(column, micros) => format!("fresh {column} within {}", Value::Duration(*micros)),
        CheckKind::Expect(_) => {
            let word = if check.watched { "watch" } else { "expect" };
            format!("{word} {}", plan.program().written(check.span))
        }
        CheckKind::NoGaps(periods) => format!("no gaps by {}", periods.grain.word()),
    };
    if check.series.is_empty() { what } else { format!("{what} for {}", check.series.join(", ")) }
}

fn source(plan: &Plan, id: TableId) -> String {
    let TableSource::Fetch(fetch) = &plan.program().table(id).source else { return String::new() };
    match fetch.kind {
        SourceKind::Endpoint(_) => fetch.path.clone(),
        _ => format!("{} {:?}", fetch.kind.word(), fetch.path),
    }
}

/// An expression as the file has it; one that the plan adds is a row's date against `now`.
fn written(plan: &Plan, expr: &Expr) -> String {
    let table = plan.program().tables.iter().any(|table| table.span == expr.span);
    if table { "not after now".to_owned() } else { plan.program().written(expr.span) }
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}
