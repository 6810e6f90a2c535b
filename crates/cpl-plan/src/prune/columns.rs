//! Drops from a table what nothing needs, and adds to its inputs what it needs of them.

use std::collections::BTreeSet;

use super::required_columns::RequiredColumns;
use cpl_model::program::{Join, Program, Stage, Table, TableId, TableSource, Union};

/// Prunes one table; those made of it were pruned before.
pub fn prune(program: &mut Program, id: TableId, required: &mut RequiredColumns) {
    if required.table(id).is_none() {
        return;
    }
    required.checks(id, program.table(id));
    let Some(needed) = required.table(id).cloned() else { return };
    // Tables that this one is made of stand before it.
    let (before, rest) = program.tables.split_at_mut(id.0);
    let table = &mut rest[0];
    match &mut table.source {
        TableSource::Fetch(_) => required.fetch(id, table),
        TableSource::Transform { from, stages } => {
            let mut needed = needed;
            let kept: Vec<Stage> = std::mem::take(stages)
                .into_iter()
                .rev()
                .filter_map(|each| stage(each, &mut needed, required, before))
                .collect();
            *stages = kept.into_iter().rev().collect();
            required.add(*from, needed.iter().map(String::as_str));
        }
    }
}

/// The stage without what is not needed; `needed` becomes what it needs itself.
fn stage(
    stage: Stage,
    needed: &mut BTreeSet<String>,
    required: &mut RequiredColumns,
    tables: &[Table],
) -> Option<Stage> {
    let kept = kept(stage, needed, required, tables)?;
    kept.exprs().into_iter().for_each(|expr| required.totals(expr));
    Some(kept)
}

fn kept(
    stage: Stage,
    needed: &mut BTreeSet<String>,
    required: &mut RequiredColumns,
    tables: &[Table],
) -> Option<Stage> {
    match stage {
        Stage::Where(filter) => {
            needed.extend(filter.columns().into_iter().map(str::to_owned));
            Some(Stage::Where(filter))
        }
        Stage::Derive(columns) => {
            let mut kept = Vec::new();
            for (name, value) in columns.into_iter().rev() {
                if needed.remove(&name) {
                    needed.extend(value.columns().into_iter().map(str::to_owned));
                    kept.push((name, value));
                }
            }
            kept.reverse();
            (!kept.is_empty()).then_some(Stage::Derive(kept))
        }
        Stage::Join(join) => self::join(join, needed, required),
        Stage::Group { keys, mut items, days, span } => {
            items.retain(|(name, _)| needed.contains(name));
            *needed = keys.iter().map(|key| key.name.clone()).collect();
            needed.extend(items.iter().flat_map(|(_, value)| value.columns()).map(str::to_owned));
            Some(Stage::Group { keys, items, days, span })
        }
        Stage::Keep(mut columns) => {
            // Rows without any column would be none: one stays.
            let first = columns.first().cloned();
            columns.retain(|(name, _)| needed.contains(name));
            if columns.is_empty() {
                columns.extend(first);
            }
            *needed = columns.iter().flat_map(|(_, value)| value.columns()).map(str::to_owned).collect();
            Some(Stage::Keep(columns))
        }
        Stage::Sort(order) => {
            needed.extend(order.iter().map(|(name, _)| name.clone()));
            Some(Stage::Sort(order))
        }
        Stage::Take(rows, per) => {
            needed.extend(per.clone());
            Some(Stage::Take(rows, per))
        }
        Stage::Union(union) => Some(Stage::Union(self::union(union, needed, required, tables))),
        Stage::Unpivot(unpivot) => {
            needed.remove(&unpivot.name);
            needed.remove(&unpivot.value.0);
            needed.extend(unpivot.columns.iter().map(|(column, _)| column.clone()));
            Some(Stage::Unpivot(unpivot))
        }
        Stage::FillGaps(periods) => {
            needed.extend(periods.names().into_iter().chain(periods.order.iter().cloned()));
            Some(Stage::FillGaps(periods))
        }
    }
}

fn join(mut join: Join, needed: &mut BTreeSet<String>, required: &mut RequiredColumns) -> Option<Stage> {
    join.columns.retain(|(_, name)| needed.remove(name));
    // A left join of which no column is looked at changes nothing, where it can't fan out.
    if join.left && join.columns.is_empty() && !join.check_unique && !join.many {
        return None;
    }
    needed.extend(join.on.iter().map(|(left, _)| left.clone()));
    required.add(join.table, join.columns.iter().map(|(right, _)| right.as_str()));
    required.add(join.table, join.on.iter().map(|(_, right)| right.as_str()));
    if let Some(latest) = &join.latest {
        needed.insert(latest.left.clone());
        required.add(join.table, latest.order.iter().chain([&latest.right]).map(String::as_str));
    }
    Some(Stage::Join(join))
}

fn union(mut union: Union, needed: &mut BTreeSet<String>, required: &mut RequiredColumns, tables: &[Table]) -> Union {
    // Rows without any column would be none: one stays.
    let first = union.columns.first().cloned();
    union.columns.retain(|column| needed.contains(&column.name));
    if union.columns.is_empty() {
        needed.extend(first.iter().map(|column| column.name.clone()));
        union.columns.extend(first);
    }
    if union.into.as_ref().is_some_and(|(into, _)| !needed.remove(into)) {
        union.into = None;
    }
    for id in &union.tables {
        let of = &tables[id.0];
        let there = union.columns.iter().map(|column| column.name.as_str()).filter(|name| of.column(name).is_some());
        let there: Vec<&str> = there.collect();
        let first = of.columns.first().map(|column| column.name.as_str()).filter(|_| there.is_empty());
        required.add(*id, there.into_iter().chain(first));
    }
    union
}
