//! Rows of either side of a join that have no partner: counted beside the joined frame, without joining twice.

use cpl_plan::program::{Join, TableId};
use polars::prelude::{self as pl, LazyFrame};

use super::join;

/// How many rows of joins that stand one behind the other have no partner.
pub struct Alone {
    /// The transform.
    pub of: TableId,
    /// The right sides, and whether rows without a partner there stay.
    pub with: Vec<(TableId, bool)>,
    /// One row: for each right side, rows of the left without a partner there, then rows there that are nobody's.
    pub counts: LazyFrame,
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
        let met = marks.iter().flat_map(|mark| {
            let partner = pl::col(mark.as_str());
            [
                count(partner.clone().null_count(), format!("{mark}-")),
                count(partner.drop_nulls().n_unique(), format!("{mark}+")),
            ]
        });
        let mut sides = vec![frame.clone().select(met.collect::<Vec<_>>())];
        for ((_, _, right), mark) in joined.iter().zip(&marks) {
            sides.push(right.clone().select([count(pl::len(), format!("{mark}="))]));
        }
        let alone = marks.iter().flat_map(|mark| {
            let column = |of: &str| pl::col(format!("{mark}{of}"));
            [column("-"), (column("=") - column("+")).alias(format!("{mark}="))]
        });
        let with = joined.iter().map(|(with, kept, _)| (*with, *kept)).collect();
        // It fails only where two columns have one name.
        if let Ok(counts) = pl::concat_lf_horizontal(sides, pl::HConcatOptions::default()) {
            self.alone.push(Alone { of: self.of, with, counts: counts.select(alone.collect::<Vec<_>>()) });
        }
        marks
    }
}

/// The name of a join's mark: none that a column can have.
fn mark(at: usize) -> String {
    format!("·partner{at}")
}
