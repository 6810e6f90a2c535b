//! Operators → lazy frames, one file an operator. Operators that need all rows at once work on collected frames.

mod accumulator;
mod aggregate;
mod asof_index;
mod exact_sum;
mod fill_gaps;
mod hash_join;
mod join;
mod key_hash;
mod partial;
mod rule_rows;
mod union;
mod unmatched;
mod window;
mod window_clock;

use cpl_model::{program::Expr, types::Type};
use cpl_plan::{independent, plan::Op};
use polars::prelude::{self as pl, DataType, LazyFrame};

use crate::{
    engine::classify,
    error::ExecError,
    expr::{Translator, null},
};

pub use aggregate::Aggregation;
pub use fill_gaps::fill;
pub use join::{JoinState, inner, keeps_rows, with_one_row};
pub use partial::PartialPlan;
pub use rule_rows::{RuleRows, rule_rows};
pub use union::union;
pub use unmatched::{BuildSide, JoinTracker, UnmatchedCounts};
pub use window::windows;

/// An operator of one input as a step of its lazy frame.
pub fn apply(op: &Op, frame: LazyFrame, translator: &Translator<'_>) -> Result<LazyFrame, ExecError> {
    Ok(match op {
        Op::Filter(filter) => frame.filter(translator.expr(filter)),
        Op::Derive(columns) => derive(columns, frame, translator),
        Op::Project(columns) => project(columns, frame, translator),
        Op::Drop(names) => frame.drop(pl::by_name(names, false, false)),
        Op::Aggregate { keys, items } => {
            let keys = keys.iter().map(|key| key.name.clone()).collect();
            let aggregation = Aggregation::new(keys, items, translator);
            aggregation.finalize(aggregation.partial(frame), translator)
        }
        Op::Sort(order) => sort(frame, order),
        Op::Limit { rows, per: None } => frame.limit(*rows),
        Op::Limit { rows, per: Some(per) } => {
            let place = pl::int_range(pl::lit(0), pl::len(), 1, DataType::Int64)
                .over([pl::col(per.as_str())])
                .map_err(classify)?;
            frame.filter(place.lt(pl::lit(*rows)))
        }
        Op::Unpivot(unpivot) => union::unpivot(frame, unpivot)?,
        Op::Scan(_) | Op::Join(_) | Op::Union(_) | Op::Window(_) | Op::FillGaps(_) => {
            unreachable!("the scheduler builds operators of no input, of several, or of collected rows")
        }
    })
}

/// New columns, each seeing those before it; those that read none of them are computed together.
fn derive(mut columns: &[(String, Expr)], mut frame: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
    while !columns.is_empty() {
        let (together, rest) = columns.split_at(independent(columns));
        let named = together.iter().map(|(name, value)| translator.expr(value).alias(name.as_str()));
        frame = frame.with_columns(named.collect::<Vec<_>>());
        columns = rest;
    }
    frame
}

fn project(columns: &[(String, Expr)], frame: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
    let is_same = |(name, value): &&(String, Expr)| value.columns() == [name.as_str()] && value.parts().is_empty();
    let computed = columns.iter().filter(|column| !is_same(column));
    let computed: Vec<pl::Expr> = computed.map(|(name, value)| translator.expr(value).alias(name.as_str())).collect();
    let names: Vec<pl::Expr> = columns.iter().map(|(name, _)| pl::col(name.as_str())).collect();
    // Beside the other columns a constant is one value of each row.
    let frame = if computed.is_empty() { frame } else { frame.with_columns(computed) };
    frame.select(names)
}

/// The names of a frame's columns.
fn column_names(frame: &mut LazyFrame) -> Result<Vec<String>, ExecError> {
    let schema = frame.collect_schema().map_err(classify)?;
    Ok(schema.iter_names().map(ToString::to_string).collect())
}

/// Sorted; unknown comes last, equal rows keep their order.
pub fn sort(frame: LazyFrame, order: &[(String, bool)]) -> LazyFrame {
    let options = pl::SortMultipleOptions::default()
        .with_order_descending_multi(order.iter().map(|(_, descending)| *descending))
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame.sort(order.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), options)
}

/// The value where the condition is true; else unknown.
fn only_if(condition: pl::Expr, value: pl::Expr, ty: Type) -> pl::Expr {
    pl::when(condition).then(value).otherwise(null(ty))
}
