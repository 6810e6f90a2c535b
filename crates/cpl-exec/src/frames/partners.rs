//! Rows of either side of a join that have no partner: counted beside the joined frame, without joining twice.

use std::sync::{Arc, Mutex, PoisonError};

use cpl_plan::program::{Join, TableId};
use fixedbitset::FixedBitSet;
use polars::prelude::{self as pl, IntoColumn, IntoLazy, LazyFrame};

use super::{Frames, Grouping, Split, join};
use crate::{
    by_row::by_row,
    trouble::{self, Trouble},
};

/// How many rows of joins that stand one behind the other have no partner.
pub struct Alone<'a> {
    /// The transform.
    pub of: TableId,
    /// The right sides.
    pub with: Vec<Partner>,
    /// One row: for each right side, how many rows of the left have no partner there.
    pub counts: Split<'a>,
}

/// A right side.
pub struct Partner {
    /// The table.
    pub table: TableId,
    /// Rows without a partner there stay.
    pub kept: bool,
    /// How many rows it has.
    pub rows: u64,
    /// Those that are somebody's partner, once the counts are there.
    pub met: Met,
}

/// Rows that were seen, by their numbers: a bit for each.
#[derive(Clone, Default)]
pub struct Met(Arc<Mutex<FixedBitSet>>);

impl Met {
    /// How many.
    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count_ones(..) as u64
    }

    /// Whether a row of the left has no partner; its partner is remembered as it streams by. Who sees a row twice
    /// counts it once.
    fn is_alone(&self, mark: &str) -> pl::Expr {
        let met = self.clone();
        by_row([pl::col(mark)], pl::DataType::Boolean, move |marks| {
            let alone = marks[0].is_null().into_column();
            let mut met = met.0.lock().unwrap_or_else(PoisonError::into_inner);
            marks[0].idx()?.iter().flatten().for_each(|row| met.grow_and_insert(row as usize));
            Ok(alone)
        })
    }
}

/// Joins of a table whose rows are not counted yet. Each has marked its frame's rows with the number of the partner.
pub struct Marks<'a, 'f> {
    of: TableId,
    frames: &'f Frames,
    alone: &'f mut Vec<Alone<'a>>,
    joined: Vec<Partner>,
}

impl<'a, 'f> Marks<'a, 'f> {
    /// Of that table; what is counted goes to `alone`.
    pub fn new(of: TableId, frames: &'f Frames, alone: &'f mut Vec<Alone<'a>>) -> Self {
        Self { of, frames, alone, joined: Vec::new() }
    }

    /// The joined frame.
    pub fn join(&mut self, left: LazyFrame, join: &Join) -> Result<LazyFrame, Trouble> {
        if join.on.is_empty() {
            return Ok(join::with_one(left, self.frames.table(join.table), join));
        }
        // Only a plain left join leaves the rows that those before it marked as they are.
        let keeps_rows = join.left && !join.many;
        let left = if keeps_rows { left } else { self.counted(left) };
        let mark = mark(self.joined.len());
        let lookup = if join.many { None } else { self.frames.lookup(join)? };
        let (both, rows) = match lookup {
            Some(lookup) => (join::looked_up(left, &lookup, join, &mark).map_err(trouble::engine)?, lookup.height()),
            None => {
                let right = self.frames.held(join.table)?;
                let rows = right.height();
                (join::join(left, right.lazy(), join, &mark), rows)
            }
        };
        let met = self.frames.met(join);
        self.joined.push(Partner { table: join.table, kept: join.left, rows: rows as u64, met });
        if keeps_rows {
            return Ok(both);
        }
        let marks = self.count(&both);
        let taken = if join.left { both } else { both.filter(pl::col(mark.as_str()).is_not_null()) };
        Ok(taken.drop(pl::by_name(marks, true, false)))
    }

    /// The frame without marks; its rows are counted.
    pub fn counted(&mut self, frame: LazyFrame) -> LazyFrame {
        if self.joined.is_empty() {
            return frame;
        }
        let marks = self.count(&frame);
        frame.drop(pl::by_name(marks, true, false))
    }

    /// Counts the rows of the joins so far; the names of their marks.
    fn count(&mut self, frame: &LazyFrame) -> Vec<String> {
        let with = std::mem::take(&mut self.joined);
        let marks: Vec<String> = (0..with.len()).map(mark).collect();
        let alone = with.iter().zip(&marks).map(|(partner, mark)| partner.met.is_alone(mark).sum());
        let counts = Split::asked(frame.clone(), Grouping::sums(alone));
        self.alone.push(Alone { of: self.of, with, counts });
        marks
    }
}

/// The name of a join's mark: none that a column can have.
fn mark(at: usize) -> String {
    format!("·partner{at}")
}
