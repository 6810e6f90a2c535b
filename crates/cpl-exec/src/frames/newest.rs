//! The newest of several partners: the rows of each key by their moments.

use std::{collections::HashMap, ops::Range};

use cpl_plan::program::Latest;
use foldhash::fast::FixedState;
use polars::prelude::{self as pl, DataType, IntoLazy};

use super::sort;
use crate::types;

/// A name no column can have.
const ROW: &str = "·row";

/// Rows of a table by numbers, those of each by their moments.
pub struct Newest {
    groups: HashMap<u64, usize, FixedState>,
    /// Where each group begins, and where the last ends.
    starts: Vec<usize>,
    /// Moments and rows, one group behind the other.
    rows: Vec<(i64, pl::IdxSize)>,
    within: i64,
}

impl Newest {
    /// Of rows, each with its moment; of several of one moment the last is the newest.
    pub fn of(there: &[(pl::IdxSize, i64)], numbers: &[u64], within: i64) -> Self {
        let mut groups: HashMap<u64, usize, FixedState> = HashMap::default();
        let mut starts = vec![0];
        let mut group_of = Vec::with_capacity(there.len());
        for (row, _) in there {
            let next = groups.len();
            let group = *groups.entry(numbers[*row as usize]).or_insert(next);
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

    fn group(&self, number: u64) -> Option<Range<usize>> {
        self.groups.get(&number).map(|group| self.starts[*group]..self.starts[group + 1])
    }

    /// Of the rows of a number the newest that is not after the moment, and near enough.
    pub fn before(&self, number: u64, moment: i64) -> Option<pl::IdxSize> {
        let group = &self.rows[self.group(number)?];
        let behind = group.partition_point(|(theirs, _)| *theirs <= moment);
        let (theirs, row) = group[behind.checked_sub(1)?];
        (theirs > moment.saturating_sub(self.within)).then_some(row)
    }

    /// A row of each row's number: of one key if the numbers tell keys apart.
    pub fn of_its_group(&self, numbers: &[u64]) -> Vec<Option<pl::IdxSize>> {
        numbers.iter().map(|number| Some(self.rows[self.group(*number)?.start].1)).collect()
    }
}

/// The rows that may be somebody's newest, each with its moment, in the order that tells those of one moment apart.
pub fn candidates(
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
    Ok(time.cast(&types::moment())?.cast(&DataType::Int64)?.i64()?.clone())
}
