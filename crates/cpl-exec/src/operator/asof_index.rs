//! The index of an as-of join: the rows of each key, sorted by their moments.

use std::{collections::HashMap, ops::Range};

use cpl_model::program::Latest;
use foldhash::fast::FixedState;
use polars::prelude::{self as pl, DataType, IntoLazy};

use super::sort::sort;
use crate::engine::moment;

/// A name no column can have.
const ROW: &str = "·row";

/// Rows of a table by the hashes of their keys, those of each by their moments.
pub struct AsOfIndex {
    groups: HashMap<u64, usize, FixedState>,
    /// Where each group begins, then where the last ends.
    starts: Vec<usize>,
    /// Moments and rows, one group after the other.
    rows: Vec<(i64, pl::IdxSize)>,
    within: i64,
}

impl AsOfIndex {
    /// Of rows, each with its moment; of several of one moment the last is the latest.
    pub fn build(there: &[(pl::IdxSize, i64)], hashes: &[u64], within: i64) -> Self {
        let mut groups: HashMap<u64, usize, FixedState> = HashMap::default();
        let mut starts = vec![0];
        let mut group_of = Vec::with_capacity(there.len());
        for (row, _) in there {
            let next = groups.len();
            let group = *groups.entry(hashes[*row as usize]).or_insert(next);
            if group == next {
                starts.push(0);
            }
            starts[group + 1] += 1;
            group_of.push(group);
        }
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let (mut rows, mut places) = (vec![(0, 0); there.len()], starts.clone());
        for ((row, moment), group) in there.iter().zip(group_of) {
            rows[places[group]] = (*moment, *row);
            places[group] += 1;
        }
        for group in starts.windows(2) {
            rows[group[0]..group[1]].sort_by_key(|(moment, _)| *moment);
        }
        Self { groups, starts, rows, within }
    }

    fn group(&self, hash: u64) -> Option<Range<usize>> {
        self.groups.get(&hash).map(|group| self.starts[*group]..self.starts[group + 1])
    }

    /// Of the rows of a key the latest that is not after the moment, and less than `within` before it.
    pub fn latest_at(&self, hash: u64, moment: i64) -> Option<pl::IdxSize> {
        let group = &self.rows[self.group(hash)?];
        let after = group.partition_point(|(theirs, _)| *theirs <= moment);
        let (theirs, row) = group[after.checked_sub(1)?];
        (theirs > moment.saturating_sub(self.within)).then_some(row)
    }

    /// The first row of each row's group: of the same key unless hashes collide.
    pub fn group_representative(&self, hashes: &[u64]) -> Vec<Option<pl::IdxSize>> {
        hashes.iter().map(|hash| Some(self.rows[self.group(*hash)?.start].1)).collect()
    }
}

/// The rows that may match, each with its moment, in the order that decides between those of one moment.
pub fn build_rows(
    table: &pl::DataFrame,
    there: &pl::BooleanChunked,
    latest: &Latest,
) -> pl::PolarsResult<Vec<(pl::IdxSize, i64)>> {
    let time = moments(table.column(&latest.right)?)?;
    let order = latest.order.iter().map(|name| table.column(name).cloned());
    let order = order.collect::<pl::PolarsResult<Vec<_>>>()?;
    let mut rows = pl::DataFrame::new(table.height(), order)?.with_row_index(ROW.into(), None)?;
    if !is_in_order(&rows.columns()[1..]) {
        let by: Vec<(String, bool)> = latest.order.iter().map(|name| (name.clone(), false)).collect();
        rows = sort(rows.lazy(), &by).collect()?;
    }
    let rows = rows.column(ROW)?.idx()?.iter().flatten();
    let there = rows.filter(|row| there.get(*row as usize) == Some(true));
    Ok(there.filter_map(|row| Some((row, time.get(row as usize)?))).collect())
}

/// Whether rows stand in the order of these columns already; not looked at but of a column of numbers.
fn is_in_order(order: &[pl::Column]) -> bool {
    match order {
        [] => true,
        [one] if one.null_count() == 0 => one.to_physical_repr().i64().is_ok_and(|numbers| {
            let values = || numbers.iter().flatten();
            values().zip(values().skip(1)).all(|(one, next)| one <= next)
        }),
        _ => false,
    }
}

/// Moments in microseconds; days as where they begin.
pub fn moments(time: &pl::Column) -> pl::PolarsResult<pl::Int64Chunked> {
    Ok(time.cast(&moment())?.cast(&DataType::Int64)?.i64()?.clone())
}
