//! Gaps in a series: periods between its first and its last of which it has no row.

use cpl_model::program::{Grain, Periods};
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, DataType, IntoLazy, LazyFrame};

use super::{aggregate::ROWS, sort::sort};
use crate::{
    engine::{classify, collect_one, concat, hours_between, moment, next_hour},
    error::ExecError,
};

/// The name of the period before a gap.
const BEFORE: &str = "·before";
/// Names that no column has: the last period of a series, and the number of one.
const LAST: &str = "·last";
const PLACE: &str = "·place";

/// Of the periods there are, once each: for each series with gaps, the period after its first, the one before it and how
/// many gaps it has.
pub fn first_gap(there: LazyFrame, periods: &Periods, zone: &TimeZone) -> LazyFrame {
    let time = pl::col(periods.time.as_str());
    let there = sort(there.filter(time.clone().is_not_null()), &by(&periods.names()));
    // Rows stand by series and time: the one before is of the same series, or there is none.
    let same = periods.series.iter().map(|name| {
        let name = pl::col(name.as_str());
        name.clone().eq_missing(name.shift(pl::lit(1)))
    });
    let before = time.clone().shift(pl::lit(1));
    let before = match same.reduce(pl::Expr::and) {
        Some(same) => pl::when(same).then(before).otherwise(pl::lit(pl::Null {})),
        None => before,
    };
    let next = match periods.grain {
        Grain::Hour => next_hour(pl::col(BEFORE), zone),
        grain => pl::col(BEFORE).dt().offset_by(pl::lit(format!("1{}", unit(grain)))),
    };
    let gaps = there.with_columns([before.alias(BEFORE)]).filter(next.neq(time.clone()));
    let first = [time.min(), pl::col(BEFORE).min(), pl::len().cast(DataType::Int64).alias(ROWS)];
    if periods.series.is_empty() {
        return gaps.select(first).filter(pl::col(ROWS).gt(pl::lit(0)));
    }
    sort(gaps.group_by(columns(&periods.series)).agg(first), &by(&periods.series))
}

/// The rows, and one for each period in a gap, of which nothing else is known; in order.
pub fn fill(rows: &pl::DataFrame, periods: &Periods, zone: &TimeZone) -> Result<pl::DataFrame, ExecError> {
    let mut rows = rows.clone().lazy();
    let schema = rows.collect_schema().map_err(classify)?;
    let (time, series) = (pl::col(periods.time.as_str()), columns(&periods.series));
    let ends = [time.clone().min(), time.clone().max().alias(LAST)];
    let ends = if series.is_empty() { rows.clone().select(ends) } else { rows.clone().group_by(&series).agg(ends) };
    let options = pl::ExplodeOptions { empty_as_null: false, keep_nulls: false };
    let all = if periods.grain == Grain::Hour {
        let hours = hours_between(time.clone(), pl::col(LAST), zone).alias(PLACE);
        let all = ends.with_columns([hours]).explode(pl::by_name([PLACE], true, false), options);
        all.with_columns([pl::col(PLACE).cast(moment()).alias(periods.time.as_str())])
    } else {
        let count = number(pl::col(LAST), periods.grain) - number(time.clone(), periods.grain) + pl::lit(1i64);
        let places = pl::int_ranges(pl::lit(0i64), count, pl::lit(1i64), DataType::Int64).alias(PLACE);
        let step = pl::col(PLACE).cast(DataType::String) + pl::lit(unit(periods.grain));
        let all = ends.with_columns([places]).explode(pl::by_name([PLACE], true, false), options);
        all.with_columns([time.dt().offset_by(step)])
    };
    let all = all.select(columns(&periods.names()));
    let args = pl::JoinArgs { nulls_equal: true, ..pl::JoinArgs::new(pl::JoinType::Anti) };
    let keys = columns(&periods.names());
    let missing = all.join(rows.clone(), &keys, &keys, args);
    let unknown = schema.iter().filter(|(name, _)| !periods.names().iter().any(|key| key == name.as_str()));
    let unknown = unknown.map(|(name, ty)| pl::lit(pl::Null {}).cast(ty.clone()).alias(name.clone()));
    let own = schema.iter_names().map(|name| pl::col(name.clone()));
    let missing = missing.with_columns(unknown.collect::<Vec<_>>()).select(own.collect::<Vec<_>>());
    collect_one(sort(concat(vec![rows, missing]), &by(&periods.order)), pl::Engine::InMemory)
}

fn columns(names: &[String]) -> Vec<pl::Expr> {
    names.iter().map(|name| pl::col(name.as_str())).collect()
}

fn by(names: &[String]) -> Vec<(String, bool)> {
    names.iter().map(|name| (name.clone(), false)).collect()
}

/// How many periods lie between the calendar's beginning and one that is no hour.
fn number(time: pl::Expr, grain: Grain) -> pl::Expr {
    let whole = DataType::Int64;
    let days = || time.clone().cast(DataType::Int32).cast(whole.clone());
    match grain {
        Grain::Hour => unreachable!("hours are those of the clock"),
        Grain::Day => days(),
        Grain::Week => (days() + pl::lit(3i64)).floor_div(pl::lit(7i64)),
        Grain::Month => {
            let (year, month) = (time.clone().dt().year(), time.dt().month());
            year.cast(whole.clone()) * pl::lit(12i64) + month.cast(whole)
        }
    }
}

/// A period as the engine writes it.
fn unit(grain: Grain) -> &'static str {
    match grain {
        Grain::Hour => "h",
        Grain::Day => "d",
        Grain::Week => "w",
        Grain::Month => "mo",
    }
}
