//! The rows of a rule: computed, and filtered to those that are not quiet.

use cpl_model::clock::Start;
use cpl_model::program::InternalColumn;
use cpl_plan::query::{NewestPeriod, RowQuery};
use polars::prelude::{self as pl, DataType, LazyFrame};

use super::{
    aggregate::{Aggregation, ROWS},
    partial::PartialPlan,
    series_rows::join_on,
};
use crate::expr::{Translator, day, instant};

/// A name no column can have: the series of a table that is one series.
const ONE: &str = "·one";

/// The rows of a rule, and how many are quiet.
pub struct RuleRows {
    /// Rows that fire or are undecided; all rows where the query asks for all.
    pub rows: PartialPlan,
    /// One row: how many rows are quiet and left out; none where no row is left out.
    pub quiet: Option<PartialPlan>,
    /// The quiet rows that lack the least; none where nobody asks for them, or all rows come.
    pub nearest: Option<PartialPlan>,
}

/// The rows that a query asks for.
pub fn rule_rows(frame: LazyFrame, query: &RowQuery, translator: &Translator<'_>) -> RuleRows {
    let computed = layout(frame, query, translator);
    if query.all_rows {
        return RuleRows { rows: PartialPlan::rows(computed), quiet: None, nearest: None };
    }
    let quiet = is_quiet(query);
    let rows = computed.clone().filter(quiet.clone().not());
    let nearest = query.nearest.as_ref().map(|nearest| {
        let order = std::iter::once(&nearest.missing).chain(&nearest.key).map(|at| (name(at.0), false));
        PartialPlan::first_rows(computed.clone().filter(quiet.clone()), order.collect())
    });
    let quiet = PartialPlan::groups(computed, Aggregation::sums(std::iter::once(quiet)));
    RuleRows { rows: PartialPlan::rows(rows), quiet: Some(quiet), nearest }
}

/// A condition that is false makes a row quiet, whatever else is unknown. A series without the period that is looked at
/// is never quiet.
fn is_quiet(query: &RowQuery) -> pl::Expr {
    let conditions = query.conditions.iter().map(|at| pl::col(name(at.0)).eq_missing(pl::lit(false)));
    let quiet = conditions.reduce(pl::Expr::or).unwrap_or_else(|| pl::lit(false));
    match &query.newest {
        Some(newest) => quiet.and(pl::col(name(newest.present.0)).is_not_null()),
        None => quiet,
    }
}

/// The frame in which each expression of the layout is a column, a row for each of the rule's.
fn layout(frame: LazyFrame, query: &RowQuery, translator: &Translator<'_>) -> LazyFrame {
    let rows = match &query.newest {
        None => frame,
        Some(newest) => newest_rows(&frame, newest),
    };
    let exprs = query.layout.columns();
    let columns = exprs.iter().enumerate().map(|(at, expr)| translator.as_type(expr, expr.ty).alias(name(at)));
    // Next to the table's columns a value that is the same in all rows is one of each row, of which there may be none.
    let names: Vec<pl::Expr> = (0..exprs.len()).map(|at| pl::col(name(at))).collect();
    rows.with_columns(columns.collect::<Vec<_>>()).select(names)
}

fn name(at: usize) -> String {
    format!("·{at}")
}

/// One row for each series: that of its newest complete period, or one of unknown values.
fn newest_rows(frame: &LazyFrame, newest: &NewestPeriod) -> LazyFrame {
    let start = match newest.start {
        Some(Start::Day(date)) => day(date),
        Some(Start::Moment(moment)) => instant(moment),
        None => unreachable!("a bound plan knows the newest period"),
    };
    let keys: Vec<pl::Expr> = newest.key.iter().map(|name| pl::col(name.as_str())).collect();
    let there = frame.clone().filter(pl::col(newest.time.as_str()).eq(start));
    let there = there.with_columns([pl::lit(true).alias(InternalColumn::Present.to_string())]);
    if keys.is_empty() {
        let one = pl::lit(1).alias(ONE);
        let series = frame.clone().select([pl::len().cast(DataType::Int64).alias(ROWS)]).select([one.clone()]);
        let joined = join_on(series, there.with_columns([one]), &[pl::col(ONE)]);
        return joined.drop(pl::by_name([ONE], true, false));
    }
    let series = frame.clone().group_by(&keys).agg([pl::len().alias(ROWS)]).select(&keys);
    join_on(series, there, &keys)
}
