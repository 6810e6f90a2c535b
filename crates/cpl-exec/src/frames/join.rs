//! Joins, and the uniqueness they rest on.

use std::sync::Arc;

use cpl_plan::program::{Join, Latest, TableId};
use cpl_syntax::Span;
use polars::prelude::{self as pl, LazyFrame};

use super::{Split, lookup::Lookup};
use crate::types;

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

/// The frame joined with several rows, the newest of several, or by a key that is broken. Unknown matches nothing; the left side's order stays. The column `mark` holds the number of the
/// partner's row, and who has no partner has none; of an inner join too.
pub fn join(left: LazyFrame, right: LazyFrame, join: &Join, mark: &str) -> LazyFrame {
    // The keys bear the left side's names: none of the right side's columns has one of them.
    let keys = join.on.iter().map(|(left, right)| pl::col(right.as_str()).alias(left.as_str()));
    let columns = join.columns.iter().map(|(right, name)| pl::col(right.as_str()).alias(name.as_str()));
    let columns: Vec<pl::Expr> = keys.chain(columns).chain([pl::col(mark)]).collect();
    let right = right.with_row_index(mark, None);
    match &join.latest {
        Some(latest) => self::latest(left, right, columns, join, latest, mark),
        None => left.join(right.select(columns), keys_of(join), keys_of(join), args(pl::JoinType::Left, join.many)),
    }
}

/// Each row with its partner, found by its key. The column `mark` as with `join`.
pub fn looked_up(left: LazyFrame, lookup: &Arc<Lookup>, join: &Join, mark: &str) -> pl::PolarsResult<LazyFrame> {
    let partner = lookup.partner(keys_of(join)).alias(mark);
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

/// Names no column can have, for as long as the newest partner is looked for.
const ROW: &str = "·row";
const TIME: &str = "·time";
const THEIRS: &str = "·theirs";

/// Each row, and its newest partner where it has one. The engine wants both sides sorted, and gives wrong partners
/// where they are not.
fn latest(
    left: LazyFrame,
    right: LazyFrame,
    mut columns: Vec<pl::Expr>,
    join: &Join,
    latest: &Latest,
    mark: &str,
) -> LazyFrame {
    // The time of both sides in microseconds; a row without one is before all others.
    let micros = |name: &str| pl::col(name).cast(types::moment()).cast(pl::DataType::Int64);
    let order: Vec<(String, bool)> =
        std::iter::once(&latest.right).chain(&latest.order).map(|name| (name.clone(), false)).collect();
    let known = join.on.iter().map(|(_, right)| right).chain([&latest.right]);
    let known = known.map(|name| pl::col(name.as_str()).is_not_null()).reduce(pl::Expr::and);
    columns.push(micros(&latest.right).alias(TIME));
    columns.push(micros(&latest.right).alias(THEIRS));
    let right = right.filter(known.unwrap_or_else(|| pl::lit(true)));
    let right = if latest.order.is_empty() { right } else { super::sort(right, &order[1..]) };
    let right = super::sort(right.select(columns), &[(TIME.to_owned(), false)]);
    let time = micros(&latest.left).fill_null(pl::lit(i64::MIN / 2)).alias(TIME);
    let left = left.with_row_index(ROW, None).with_columns([time]);
    let left = super::sort(left, &[(TIME.to_owned(), false)]);
    let by: Vec<pl::PlSmallStr> = join.on.iter().map(|(left, _)| left.as_str().into()).collect();
    let by = (!by.is_empty()).then_some(by);
    let newest = pl::AsOfOptions {
        strategy: pl::AsofStrategy::Backward,
        left_by: by.clone(),
        right_by: by,
        allow_eq: true,
        check_sortedness: false,
        ..Default::default()
    };
    let on = [pl::col(TIME)];
    let how = pl::JoinType::AsOf(Box::new(newest));
    let joined = left.join(right, on.clone(), on, args(how, false));
    // The newest is either near enough, or none is.
    let near = pl::col(THEIRS).gt(pl::col(TIME) - pl::lit(latest.within));
    let partners = join.columns.iter().map(|(_, name)| name.as_str()).chain([mark]).map(|name| {
        let column = pl::col(name);
        pl::when(near.clone()).then(column).otherwise(pl::lit(pl::Null {})).alias(name)
    });
    let joined = joined.with_columns(partners.collect::<Vec<_>>());
    super::sort(joined, &[(ROW.to_owned(), false)]).drop(pl::by_name([ROW, TIME, THEIRS], true, false))
}
