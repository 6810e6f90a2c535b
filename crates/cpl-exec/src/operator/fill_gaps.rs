//! Gaps in a series: periods between its first and its last of which it has no row.

use cpl_model::program::{Grain, Periods};
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, DataType, IntoLazy, LazyFrame};

use super::{aggregate::ROWS, sort::sort};
use crate::{
    engine::{classify, collect_one, concat, hour_start},
    error::ExecError,
};

/// The name of the period before a gap.
const BEFORE: &str = "·before";
/// Names that no column has: the last period of a series, and the number of one.
const LAST: &str = "·last";
const PLACE: &str = "·place";

/// A quarter of an hour, in microseconds.
const QUARTER: i64 = 900_000_000;

/// Of the periods there are, once each, the first that follows a gap, with the one before the gap and how many gaps
/// there are.
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
    let next = pl::col(BEFORE).dt().offset_by(pl::lit(format!("1{}", unit(periods.grain))));
    let next = begun(next, periods.grain, zone);
    let gaps = there.with_columns([before.alias(BEFORE)]).filter(next.neq(time));
    let shown = periods.names().into_iter().chain([BEFORE.to_owned(), ROWS.to_owned()]).collect::<Vec<_>>();
    gaps.with_columns([pl::len().cast(DataType::Int64).alias(ROWS)]).select(columns(&shown)).limit(1)
}

/// The rows, and one for each period in a gap, of which nothing else is known; in order.
pub fn fill(rows: &pl::DataFrame, periods: &Periods, zone: &TimeZone) -> Result<pl::DataFrame, ExecError> {
    let mut rows = rows.clone().lazy();
    let schema = rows.collect_schema().map_err(classify)?;
    let (time, series) = (pl::col(periods.time.as_str()), columns(&periods.series));
    let ends = [time.clone().min(), time.clone().max().alias(LAST)];
    let ends = if series.is_empty() { rows.clone().select(ends) } else { rows.clone().group_by(&series).agg(ends) };
    let count = number(pl::col(LAST), periods.grain) - number(time.clone(), periods.grain) + pl::lit(1i64);
    let places = pl::int_ranges(pl::lit(0i64), count, pl::lit(1i64), DataType::Int64).alias(PLACE);
    let (units, unit) = step(periods.grain);
    let step = (pl::col(PLACE) * pl::lit(units)).cast(DataType::String) + pl::lit(unit);
    let options = pl::ExplodeOptions { empty_as_null: false, keep_nulls: false };
    let all = ends.with_columns([places]).explode(pl::by_name([PLACE], true, false), options);
    let all = all.with_columns([begun(time.dt().offset_by(step), periods.grain, zone)]);
    let all = all.select(columns(&periods.names())).unique(None, pl::UniqueKeepStrategy::Any);
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

/// The start of the period in which a time lies that was counted from a start: hours are those of the clock, and an hour
/// in which the clock is changed may be shorter than others.
fn begun(time: pl::Expr, grain: Grain, zone: &TimeZone) -> pl::Expr {
    if grain == Grain::Hour { hour_start(time, zone) } else { time }
}

/// The steps from one start to another, in units of the engine: a period each, but for hours, of which none is shorter
/// than a quarter.
fn step(grain: Grain) -> (i64, &'static str) {
    if grain == Grain::Hour { (15, "m") } else { (1, unit(grain)) }
}

/// How many steps lie between the calendar's beginning and a start.
fn number(time: pl::Expr, grain: Grain) -> pl::Expr {
    let whole = DataType::Int64;
    let days = || time.clone().cast(DataType::Int32).cast(whole.clone());
    match grain {
        Grain::Hour => time.cast(whole).floor_div(pl::lit(QUARTER)),
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
