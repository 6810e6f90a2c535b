//! The rows of series: numbered, sorted, and put together again.

use cpl_model::program::{Expr, ExprKind};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::{
    engine::{classify, collect_one},
    error::ExecError,
};

/// Names that no column has: a time or its period, a row's number, that of its series.
pub const AT: &str = "·at";
pub const ROW: &str = "·row";
pub const SERIES: &str = "·series";

/// Whether a row has the same values as the one before it.
pub fn equals_previous(columns: &[pl::Expr]) -> pl::Expr {
    let same = columns.iter().map(|column| column.clone().eq_missing(column.clone().shift(pl::lit(1))));
    let same = same.reduce(pl::Expr::and).unwrap_or_else(|| pl::lit(true));
    // The first row has none before it.
    same.and(pl::int_range(pl::lit(0), pl::len(), 1, pl::DataType::Int64).gt(pl::lit(0)))
}

/// Sorted rows with the number of their series.
pub fn numbered(mut rows: pl::DataFrame, keys: &[pl::Expr]) -> Result<pl::DataFrame, ExecError> {
    let again = in_memory(rows.clone().lazy().select([equals_previous(keys).alias(SERIES)]))?;
    let again = again.column(SERIES).and_then(|again| again.bool().cloned()).map_err(classify)?;
    let mut series = 0i64;
    let number = again.iter().map(|again| {
        series += i64::from(again != Some(true));
        series
    });
    let numbers: pl::Int64Chunked = pl::NewChunkedArray::from_iter_values(SERIES.into(), number);
    rows.with_column(pl::IntoColumn::into_column(numbers)).map_err(classify)?;
    Ok(rows)
}

/// The rows with columns that are numbered like them; rows without a number have unknown values.
pub fn join_by_row(rows: &pl::DataFrame, right: pl::DataFrame) -> Result<pl::DataFrame, ExecError> {
    if right.height() == rows.height() {
        let right = right.drop(ROW).map_err(classify)?;
        return rows.hstack(right.columns()).map_err(classify);
    }
    let left = rows.clone().lazy().with_row_index(ROW, None);
    in_memory(join_on(left, right.lazy(), &[pl::col(ROW)]).drop(pl::by_name([ROW], true, false)))
}

pub fn in_memory(frame: LazyFrame) -> Result<pl::DataFrame, ExecError> {
    collect_one(frame, pl::Engine::InMemory)
}

pub fn column(expr: &Expr) -> pl::Expr {
    match &expr.kind {
        ExprKind::Column(name) => pl::col(name.as_str()),
        _ => unreachable!("keys and times are columns"),
    }
}

/// Each row with the values of its keys; unknown names are names too.
pub fn join_on(left: LazyFrame, right: LazyFrame, keys: &[pl::Expr]) -> LazyFrame {
    let args = pl::JoinArgs {
        how: pl::JoinType::Left,
        coalesce: pl::JoinCoalesce::CoalesceColumns,
        maintain_order: pl::MaintainOrderJoin::Left,
        nulls_equal: true,
        ..Default::default()
    };
    left.join(right, keys, keys, args)
}
