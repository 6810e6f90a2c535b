//! Joins, and the uniqueness they rest on.

use cpl_plan::program::{Join, TableId};
use cpl_syntax::Span;
use polars::prelude::{self as pl, LazyFrame};

use super::Split;

/// A name no column can have: holds what joins a one-row table.
const ONE: &str = "·one";

/// Columns that must be seen to be unique in a table before a join with it can be trusted.
pub struct Unique {
    /// The table.
    pub table: TableId,
    /// The columns.
    pub on: Vec<String>,
    /// The join.
    pub span: Span,
    /// A key that several rows have; empty where all is well.
    pub duplicates: Split<'static>,
}

impl Unique {
    pub fn of(join: &Join, right: &LazyFrame) -> Self {
        let known = join.on.iter().map(|name| pl::col(name.as_str()).is_not_null());
        let known = known.reduce(pl::Expr::and).unwrap_or_else(|| pl::lit(true));
        let duplicates = Split::duplicates(right.clone().filter(known), &join.on);
        Self { table: join.table, on: join.on.clone(), span: join.span, duplicates }
    }
}

/// The joined frame. Unknown matches nothing; the left side's order stays.
pub fn join(left: LazyFrame, right: LazyFrame, join: &Join) -> LazyFrame {
    let columns = join.on.iter().chain(&join.columns).map(|name| pl::col(name.as_str()));
    let how = if join.left { pl::JoinType::Left } else { pl::JoinType::Inner };
    let args = pl::JoinArgs {
        how,
        coalesce: pl::JoinCoalesce::CoalesceColumns,
        maintain_order: pl::MaintainOrderJoin::Left,
        ..Default::default()
    };
    if join.on.is_empty() {
        let right = right.select(columns.chain([pl::lit(1).alias(ONE)]).collect::<Vec<_>>());
        let on = [pl::col(ONE)];
        let left = left.with_columns([pl::lit(1).alias(ONE)]);
        return left.join(right, on.clone(), on, args).drop(pl::by_name([ONE], true, false));
    }
    let on: Vec<pl::Expr> = join.on.iter().map(|name| pl::col(name.as_str())).collect();
    left.join(right.select(columns.collect::<Vec<_>>()), on.clone(), on, args)
}
