//! Operators → lazy frames, one file an operator. Operators that need all rows at once work on collected frames.

mod accumulator;
mod aggregate;
mod asof_index;
mod columns;
mod derive;
mod exact_sum;
mod fill_gaps;
mod filter;
mod group_codes;
mod group_table;
mod hash_join;
mod join;
mod key_hash;
mod limit;
mod partial;
mod pattern;
mod project;
mod quantile;
mod reduction;
mod rule_rows;
mod series_rows;
mod sort;
mod standard_deviation;
mod union;
mod unmatched;
mod unpivot;
mod window_clock;
mod window_function;

use cpl_plan::plan::Op;
use polars::prelude::{self as pl, LazyFrame};

use crate::{error::ExecError, expr::Translator};

pub use aggregate::Aggregation;
pub use fill_gaps::fill;
pub use group_table::GroupTable;
pub use join::{JoinState, inner, keeps_rows, with_one_row};
pub use partial::PartialPlan;
pub use rule_rows::{RuleRows, rule_rows};
pub use sort::sort;
pub use union::union;
pub use unmatched::{BuildSide, JoinTracker, UnmatchedCounts};
pub use window_function::windows;

/// An operator of one input as a step of its lazy frame.
pub fn apply(op: &Op, frame: LazyFrame, translator: &Translator<'_>) -> Result<LazyFrame, ExecError> {
    Ok(match op {
        Op::Filter(condition) => filter::filter(condition, frame, translator),
        Op::Derive(columns) => derive::derive(columns, frame, translator),
        Op::Project(columns) => project::project(columns, frame, translator),
        Op::Drop(names) => frame.drop(pl::by_name(names, false, false)),
        Op::Aggregate { keys, items } => {
            let keys = keys.iter().map(|key| key.name.clone()).collect();
            let aggregation = Aggregation::new(keys, items, translator);
            aggregation.finalize(aggregation.partial(frame), translator)
        }
        Op::Sort(order) => sort(frame, order),
        Op::Limit { rows, per } => limit::limit(frame, *rows, per)?,
        Op::Unpivot(unpivot) => unpivot::unpivot(frame, unpivot)?,
        Op::Scan(_) | Op::Join(_) | Op::Union(_) | Op::Window(_) | Op::FillGaps(_) => {
            unreachable!("the scheduler builds operators of no input, of several, or of collected rows")
        }
    })
}
