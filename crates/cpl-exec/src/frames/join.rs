//! Joins, and the uniqueness they rest on.

use std::sync::Arc;

use cpl_plan::program::{Join, TableId};
use cpl_syntax::Span;
use polars::prelude::{self as pl, LazyFrame};

use super::{Split, lookup::Lookup};

/// A name no column can have: holds what joins a one-row table.
const ONE: &str = "·one";

/// Columns that should be unique in a table, lest a join with it fans out, and are not.
pub struct Unique {
    /// The table.
    pub table: TableId,
    /// The columns.
    pub on: Vec<String>,
    /// The join.
    pub span: Span,
    /// A key that several rows have.
    pub duplicates: Split<'static>,
}

impl Unique {
    pub fn of(join: &Join, right: &LazyFrame) -> Self {
        let on: Vec<String> = join.on.iter().map(|(_, right)| right.clone()).collect();
        let known = on.iter().map(|name| pl::col(name.as_str()).is_not_null());
        let known = known.reduce(pl::Expr::and).unwrap_or_else(|| pl::lit(true));
        let duplicates = Split::duplicates(right.clone().filter(known), &on);
        Self { table: join.table, on, span: join.span, duplicates }
    }
}

/// The frame joined with all partners of a row, or by a key that is broken. Unknown matches nothing; the left side's
/// order stays. The column `mark` holds the number of the partner's row, and who has no partner has none; of an inner
/// join too.
pub fn join(left: LazyFrame, right: LazyFrame, join: &Join, mark: &str) -> LazyFrame {
    // The keys bear the left side's names: none of the right side's columns has one of them.
    let keys = join.on.iter().map(|(left, right)| pl::col(right.as_str()).alias(left.as_str()));
    let columns = join.columns.iter().map(|(right, name)| pl::col(right.as_str()).alias(name.as_str()));
    let columns: Vec<pl::Expr> = keys.chain(columns).chain([pl::col(mark)]).collect();
    let right = right.with_row_index(mark, None).select(columns);
    left.join(right, keys_of(join), keys_of(join), args(pl::JoinType::Left, join.many))
}

/// Each row with its partner, or the newest of them, found by its key. The column `mark` as with `join`.
pub fn looked_up(left: LazyFrame, lookup: &Arc<Lookup>, join: &Join, mark: &str) -> pl::PolarsResult<LazyFrame> {
    let time = join.latest.iter().map(|latest| pl::col(latest.left.as_str()));
    let partner = lookup.partner(keys_of(join).into_iter().chain(time).collect()).alias(mark);
    let columns = join.columns.iter().map(|(right, name)| {
        let column = lookup.column(right, pl::col(mark))?;
        Ok(column.alias(name.as_str()))
    });
    let columns = columns.collect::<pl::PolarsResult<Vec<_>>>()?;
    Ok(left.with_columns([partner]).with_columns(columns))
}

/// Each row with the one row of another table, or, where that is gone, as the join says.
pub fn with_one(left: LazyFrame, right: LazyFrame, join: &Join) -> LazyFrame {
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
    // Several partners of a row stand in their own order.
    let order = if many { pl::MaintainOrderJoin::LeftRight } else { pl::MaintainOrderJoin::Left };
    pl::JoinArgs { how, coalesce: pl::JoinCoalesce::CoalesceColumns, maintain_order: order, ..Default::default() }
}
