//! Joins: by a hash table of the second input, or by the engine's own join where a row may have several matches.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use cpl_model::program::Join;
use cpl_plan::plan::NodeId;
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{
    hash_join::HashTable,
    unmatched::{BuildSide, JoinTracker, MatchedRows},
};
use crate::{engine::classify, error::ExecError};

/// A name no column can have: holds what joins a one-row table.
const ONE: &str = "·one";

/// What joins keep from one part of their rows to the next, by the join's node.
#[derive(Default)]
pub struct JoinState {
    /// Hash tables; none where rows share a key.
    tables: RefCell<BTreeMap<NodeId, Option<Arc<HashTable>>>>,
    matched: RefCell<BTreeMap<NodeId, MatchedRows>>,
}

impl JoinState {
    /// The hash table of a join; none where two rows share a known key.
    pub fn table(&self, id: NodeId, join: &Join, build: &pl::DataFrame) -> Result<Option<Arc<HashTable>>, ExecError> {
        if let Some(built) = self.tables.borrow().get(&id) {
            return Ok(built.clone());
        }
        let table = HashTable::build(build.clone(), join).map_err(classify)?;
        self.tables.borrow_mut().insert(id, table.clone());
        Ok(table)
    }

    fn matched(&self, id: NodeId) -> MatchedRows {
        self.matched.borrow_mut().entry(id).or_default().clone()
    }

    /// A frame joined with the second input. Its rows are marked with their matches, and the tracker counts them: rows
    /// of an inner join too.
    pub fn join(
        &self,
        id: NodeId,
        join: &Join,
        left: LazyFrame,
        build: &pl::DataFrame,
        tracker: &mut JoinTracker,
    ) -> Result<LazyFrame, ExecError> {
        let table = if join.many { None } else { self.table(id, join, build)? };
        let mark = JoinTracker::mark(id);
        let both = match table {
            Some(table) => probed(left, &table, join, &mark).map_err(classify)?,
            None => engine_join(left, build.clone().lazy(), join, &mark),
        };
        tracker.add(BuildSide { join: id, rows: build.height() as u64, matched: self.matched(id) });
        Ok(both)
    }
}

/// Whether a join leaves the rows of its first input as they are: only a plain left join does.
pub fn keeps_rows(join: &Join) -> bool {
    join.left && !join.many && !join.on.is_empty()
}

/// Only the matched rows.
pub fn inner(frame: LazyFrame, id: NodeId) -> LazyFrame {
    frame.filter(pl::col(JoinTracker::mark(id).as_str()).is_not_null())
}

/// All matches of each row, by the engine's own join. Unknown matches nothing; the first input's order stays. The column
/// `mark` holds the number of the match, none without one.
fn engine_join(left: LazyFrame, right: LazyFrame, join: &Join, mark: &str) -> LazyFrame {
    // The keys bear the first input's names: none of the second's columns has one of them.
    let keys = join.on.iter().map(|(left, right)| pl::col(right.as_str()).alias(left.as_str()));
    let columns = join.columns.iter().map(|(right, name)| pl::col(right.as_str()).alias(name.as_str()));
    let columns: Vec<pl::Expr> = keys.chain(columns).chain([pl::col(mark)]).collect();
    let right = right.with_row_index(mark, None).select(columns);
    left.join(right, keys_of(join), keys_of(join), args(pl::JoinType::Left, join.many))
}

/// Each row with its match, or the newest of them, found in the hash table.
fn probed(left: LazyFrame, table: &Arc<HashTable>, join: &Join, mark: &str) -> pl::PolarsResult<LazyFrame> {
    let time = join.latest.iter().map(|latest| pl::col(latest.left.as_str()));
    let matched = table.probe(keys_of(join).into_iter().chain(time).collect()).alias(mark);
    let columns = join.columns.iter().map(|(right, name)| {
        let column = table.column(right, pl::col(mark))?;
        Ok(column.alias(name.as_str()))
    });
    let columns = columns.collect::<pl::PolarsResult<Vec<_>>>()?;
    Ok(left.with_columns([matched]).with_columns(columns))
}

/// Each row with the one row of another table, or, where that is gone, as the join says.
pub fn with_one_row(left: LazyFrame, right: LazyFrame, join: &Join) -> LazyFrame {
    let columns = join.columns.iter().map(|(right, name)| pl::col(right.as_str()).alias(name.as_str()));
    let columns: Vec<pl::Expr> = columns.chain([pl::lit(1).alias(ONE)]).collect();
    let on = [pl::col(ONE)];
    let left = left.with_columns([pl::lit(1).alias(ONE)]);
    let args = args(if join.left { pl::JoinType::Left } else { pl::JoinType::Inner }, false);
    left.join(right.select(columns), on.clone(), on, args).drop(pl::by_name([ONE], true, false))
}

fn keys_of(join: &Join) -> Vec<pl::Expr> {
    join.on.iter().map(|(left, _)| pl::col(left.as_str())).collect()
}

fn args(how: pl::JoinType, many: bool) -> pl::JoinArgs {
    // Several matches of a row stand in their own order.
    let order = if many { pl::MaintainOrderJoin::LeftRight } else { pl::MaintainOrderJoin::Left };
    pl::JoinArgs { how, coalesce: pl::JoinCoalesce::CoalesceColumns, maintain_order: order, ..Default::default() }
}
