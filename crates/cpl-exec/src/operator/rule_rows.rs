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
/// is never quiet, but where that period is left out.
fn is_quiet(query: &RowQuery) -> pl::Expr {
    let conditions = query.conditions.iter().map(|at| pl::col(name(at.0)).eq_missing(pl::lit(false)));
    let quiet = conditions.reduce(pl::Expr::or).unwrap_or_else(|| pl::lit(false));
    match &query.newest {
        Some(newest) => {
            let present = pl::col(name(newest.present.0)).is_not_null();
            let left_out = newest.is_judged.map(|at| pl::col(name(at.0)).eq_missing(pl::lit(false)));
            match left_out {
                None => quiet.and(present),
                Some(left_out) if query.left_out_rows => quiet.and(present).and(left_out.not()),
                Some(left_out) => quiet.and(present.or(left_out)),
            }
        }
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
    // Whether the period is left out is known of a series without a row of it, too.
    let except =
        newest.is_judged.map(|_| [InternalColumn::Except, InternalColumn::ExceptNewest].map(|name| name.to_string()));
    let of_newest: Vec<pl::Expr> = except.iter().map(|[_, of_newest]| pl::col(of_newest.as_str())).collect();
    let mut found = vec![pl::len().cast(DataType::Int64).alias(ROWS)];
    found.extend(of_newest.iter().map(|of_newest| of_newest.clone().first()));
    let joined = if keys.is_empty() {
        let one = pl::lit(1).alias(ONE);
        let series = frame.clone().select(found).select([vec![one.clone()], of_newest].concat());
        let there = without(there, except.as_ref()).with_columns([one]);
        join_on(series, there, &[pl::col(ONE)]).drop(pl::by_name([ONE], true, false))
    } else {
        let series = frame.clone().group_by(&keys).agg(found).select([keys.clone(), of_newest].concat());
        join_on(series, without(there, except.as_ref()), &keys)
    };
    match except {
        None => joined,
        Some([except, of_newest]) => {
            joined.with_columns([pl::col(except.as_str()).fill_null(pl::col(of_newest.as_str()))])
        }
    }
}

/// The rows without what is known of their series.
fn without(rows: LazyFrame, except: Option<&[String; 2]>) -> LazyFrame {
    match except {
        None => rows,
        Some([_, of_newest]) => rows.drop(pl::by_name([of_newest.as_str()], true, false)),
    }
}
