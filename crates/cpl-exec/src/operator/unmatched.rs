//! Rows of either side of a join without a match: counted next to the joined frame, without joining twice.

use std::sync::{Arc, Mutex, PoisonError};

use cpl_plan::plan::NodeId;
use fixedbitset::FixedBitSet;
use polars::prelude::{self as pl, IntoColumn, LazyFrame};

use super::{aggregate::Aggregation, partial::PartialPlan};
use crate::engine::elementwise;

/// The match bitmap of a join's second input: a bit for each row that some row matches.
#[derive(Clone, Default)]
pub struct MatchedRows(Arc<Mutex<FixedBitSet>>);

impl MatchedRows {
    /// How many.
    pub fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count_ones(..) as u64
    }

    /// Whether a row of the first input has no match; its match is marked as it streams by. Idempotent: the engine may
    /// evaluate it more than once a row.
    fn is_unmatched(&self, mark: &str) -> pl::Expr {
        let matched = self.clone();
        elementwise([pl::col(mark)], pl::DataType::Boolean, move |marks| {
            let unmatched = marks[0].is_null().into_column();
            let mut matched = matched.0.lock().unwrap_or_else(PoisonError::into_inner);
            marks[0].idx()?.iter().flatten().for_each(|row| matched.grow_and_insert(row as usize));
            Ok(unmatched)
        })
    }
}

/// The second input of a join.
#[derive(Clone)]
pub struct BuildSide {
    /// The join.
    pub join: NodeId,
    /// How many rows it has.
    pub rows: u64,
    /// Those that are matched, once the counts are there.
    pub matched: MatchedRows,
}

/// Joins of a frame whose rows are not counted yet: each has marked the rows with the number of their match.
#[derive(Clone, Default)]
pub struct JoinTracker(Vec<BuildSide>);

/// One row: for each join, how many rows of its first input have no match.
pub struct UnmatchedCounts {
    /// The joins.
    pub joins: Vec<BuildSide>,
    /// The counts.
    pub counts: PartialPlan,
}

impl JoinTracker {
    /// The column in which a join marks a row with the number of its match. No column of a pipeline is named so.
    pub fn mark(join: NodeId) -> String {
        format!("·match{}", join.0)
    }

    /// Whether no join has marked the rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a join that has marked the frame's rows.
    pub fn add(&mut self, build_side: BuildSide) {
        self.0.push(build_side);
    }

    /// The counts of all joins so far, out of the marked frame; none where there are none.
    pub fn counts(&self, frame: &LazyFrame) -> Option<UnmatchedCounts> {
        if self.0.is_empty() {
            return None;
        }
        let unmatched = self.0.iter().map(|side| side.matched.is_unmatched(&Self::mark(side.join)));
        let counts = PartialPlan::groups(frame.clone(), Aggregation::sums(unmatched));
        Some(UnmatchedCounts { joins: self.0.clone(), counts })
    }

    /// The frame without its marks.
    pub fn unmarked(&self, frame: LazyFrame) -> LazyFrame {
        if self.0.is_empty() {
            return frame;
        }
        let marks: Vec<String> = self.0.iter().map(|side| Self::mark(side.join)).collect();
        frame.drop(pl::by_name(marks, true, false))
    }
}
