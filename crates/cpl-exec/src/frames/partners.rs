//! Rows of either side of a join that have no partner: counted beside the joined frame, without joining twice.

use std::sync::{Arc, Mutex, PoisonError};

use cpl_plan::program::{Join, TableId};
use fixedbitset::FixedBitSet;
use polars::prelude::{self as pl, IntoColumn, LazyFrame};

use super::join;
use crate::by_row::by_row;

/// How many rows of joins that stand one behind the other have no partner.
pub struct Alone {
    /// The transform.
    pub of: TableId,
    /// The right sides.
    pub with: Vec<Partner>,
    /// One row: for each right side, rows of the left without a partner there, then all rows there.
    pub counts: LazyFrame,
}

/// A right side.
pub struct Partner {
    /// The table.
    pub table: TableId,
    /// Rows without a partner there stay.
    pub kept: bool,
    /// Its rows that are somebody's partner, once the counts are there.
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
            let mut met = met.0.lock().unwrap_or_else(PoisonError::into_inner);
            marks[0].idx()?.iter().flatten().for_each(|row| met.grow_and_insert(row as usize));
            Ok(marks[0].is_null().into_column())
        })
    }
}

/// Joins of a table whose rows are not counted yet. Each has marked its frame's rows with the number of the partner.
pub struct Marks<'a> {
    of: TableId,
    alone: &'a mut Vec<Alone>,
    joined: Vec<(TableId, bool, LazyFrame)>,
}

impl<'a> Marks<'a> {
    /// Of that table; what is counted goes to `alone`.
    pub fn new(of: TableId, alone: &'a mut Vec<Alone>) -> Self {
        Self { of, alone, joined: Vec::new() }
    }

    /// The joined frame.
    pub fn join(&mut self, left: LazyFrame, right: LazyFrame, join: &Join) -> LazyFrame {
        if join.on.is_empty() && join.latest.is_none() {
            return join::with_one(left, right, join);
        }
        // Only a plain left join leaves the rows that those before it marked as they are.
        let keeps_rows = join.left && !join.many;
        let left = if keeps_rows { left } else { self.counted(left) };
        let mark = mark(self.joined.len());
        let both = join::join(left, right.clone(), join, &mark);
        self.joined.push((join.table, join.left, right));
        if keeps_rows {
            return both;
        }
        let marks = self.count(&both);
        let taken = if join.left { both } else { both.filter(pl::col(mark.as_str()).is_not_null()) };
        taken.drop(pl::by_name(marks, true, false))
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
        let joined = std::mem::take(&mut self.joined);
        let marks: Vec<String> = (0..joined.len()).map(mark).collect();
        let count = |count: pl::Expr, name: String| count.cast(pl::DataType::Int64).alias(name);
        let (mut alone, mut sides, mut with) = (Vec::new(), Vec::new(), Vec::new());
        for ((table, kept, right), mark) in joined.into_iter().zip(&marks) {
            let met = Met::default();
            alone.push(count(met.is_alone(mark).sum(), format!("{mark}-")));
            sides.push(right.select([count(pl::len(), format!("{mark}="))]));
            with.push(Partner { table, kept, met });
        }
        let names = marks.iter().flat_map(|mark| ["-", "="].map(|of| pl::col(format!("{mark}{of}"))));
        let names: Vec<pl::Expr> = names.collect();
        sides.push(frame.clone().select(alone));
        // It fails only where two columns have one name.
        if let Ok(counts) = pl::concat_lf_horizontal(sides, pl::HConcatOptions::default()) {
            self.alone.push(Alone { of: self.of, with, counts: counts.select(names) });
        }
        marks
    }
}

/// The name of a join's mark: none that a column can have.
fn mark(at: usize) -> String {
    format!("·partner{at}")
}
