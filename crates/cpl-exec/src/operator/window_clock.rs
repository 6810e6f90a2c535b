//! Windows of days, weeks and months over moments, near a change of the clock.
//!
//! Such a window is counted by the clock on the wall, which is no order of time in the hour that a clock shows twice. The
//! rows whose window begins or ends in such an hour, or begins in one that the clock skips, are few: their windows are
//! computed one by one.

use cpl_model::program::{Length, Unit};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use polars::prelude::{self as pl, IntoLazy, NamedFrom};

use crate::{
    engine::{classify, collect_one, concat},
    error::ExecError,
};

/// A name no column can have: the row whose window it is.
const WINDOW: &str = "·window";
/// Another: whether a row's window is computed by itself.
const EXCEPTION: &str = "·exception";

/// The window of a row: the places of its rows among the sorted ones, by their moments; none where it begins in an hour
/// that the clock skips.
pub struct Exception {
    row: usize,
    rows: Option<Vec<usize>>,
}

/// The rows whose windows the clock does not tell. `series` and `moments` are those of rows sorted by series and clock; a
/// window is (moment − length, moment], or with `before` [moment − length, moment).
pub fn exceptions(series: &[i64], moments: &[i64], length: Length, before: bool, zone: &TimeZone) -> Vec<Exception> {
    // In the hour that a clock shows twice, the order of the clock is no order of time.
    let key = |row: usize| (series[row], moments[row]);
    let mut by_moment: Vec<usize> = (0..moments.len()).collect();
    by_moment.sort_by_key(|row| key(*row));
    let mut found = Vec::new();
    for (row, moment) in moments.iter().enumerate() {
        let Some((start, is_exception)) = start(*moment, length, zone) else {
            found.push(Exception { row, rows: None });
            continue;
        };
        if is_exception {
            let place = |moment: i64| {
                let end = (series[row], moment);
                by_moment.partition_point(|at| if before { key(*at) < end } else { key(*at) <= end })
            };
            let (from, to) = (place(start), place(*moment));
            found.push(Exception { row, rows: Some(by_moment[from..to.max(from)].to_vec()) });
        }
    }
    found
}

/// The moment so long before, by the clock: the first of two; and whether it or the moment itself lies in an hour that
/// the clock shows twice. None where the clock skips it, or outside the calendar.
fn start(moment: i64, length: Length, zone: &TimeZone) -> Option<(i64, bool)> {
    let clock = zone.to_datetime(Timestamp::from_microsecond(moment).ok()?);
    let n = i64::from(length.length);
    let span = match length.unit {
        Unit::Week => n.weeks(),
        Unit::Month => n.months(),
        _ => n.days(),
    };
    let before = zone.to_ambiguous_timestamp(clock.checked_sub(span).ok()?);
    if let jiff::tz::AmbiguousOffset::Gap { .. } = before.offset() {
        return None;
    }
    let is_exception = before.is_ambiguous() || zone.to_ambiguous_timestamp(clock).is_ambiguous();
    Some((before.earlier().ok()?.as_microsecond(), is_exception))
}

/// The values of all windows, those of exceptions computed from their ranges of the sorted rows.
pub fn correct(
    rolled: pl::DataFrame,
    sorted: &pl::DataFrame,
    exceptions: &[Exception],
    states: &[pl::Expr],
    values: &[pl::Expr],
    names: &[String],
) -> Result<pl::DataFrame, ExecError> {
    if exceptions.is_empty() {
        return Ok(rolled);
    }
    let columns: Vec<pl::Expr> = names.iter().map(|name| pl::col(name.as_str())).collect();
    let own: Vec<String> = names.iter().map(|name| format!("{name}!")).collect();
    let types = names.iter().map(|name| rolled.column(name).map(|column| column.dtype().clone()).map_err(classify));
    let types = types.collect::<Result<Vec<_>, _>>()?;
    let renamed = columns.iter().zip(&own).zip(types);
    let renamed = renamed.map(|((column, name), ty)| column.clone().cast(ty).alias(name.as_str()));
    let renamed: Vec<pl::Expr> = std::iter::once(pl::col(WINDOW)).chain(renamed).collect();
    let of_rows = collect_one(
        of_windows(sorted, exceptions, states)?.with_columns(values).select(&renamed),
        pl::Engine::InMemory,
    )?;
    let none = of_nothing(sorted, exceptions, states, values, &renamed)?;
    let right = concat(vec![of_rows.lazy(), none.lazy()]);
    let is_exception = pl::Series::new(EXCEPTION.into(), is_one(exceptions, rolled.height()));
    let left = rolled
        .lazy()
        .with_row_index(WINDOW, None)
        .with_columns([pl::col(WINDOW).cast(pl::DataType::Int64), pl::lit(is_exception).alias(EXCEPTION)]);
    let joined = left.join(
        right,
        [pl::col(WINDOW)],
        [pl::col(WINDOW)],
        pl::JoinArgs { maintain_order: pl::MaintainOrderJoin::Left, ..pl::JoinArgs::new(pl::JoinType::Left) },
    );
    let chosen = columns.iter().zip(&own).zip(names).map(|((column, own), name)| {
        pl::when(pl::col(EXCEPTION)).then(pl::col(own.as_str())).otherwise(column.clone()).alias(name.as_str())
    });
    let all = joined.with_columns(chosen.collect::<Vec<_>>());
    let dropped: Vec<String> = own.into_iter().chain([WINDOW, EXCEPTION].map(str::to_owned)).collect();
    let all = all.drop(pl::by_name(dropped, true, false));
    collect_one(all, pl::Engine::InMemory)
}

/// The states of the exceptions' windows, of those that hold rows.
fn of_windows(
    sorted: &pl::DataFrame,
    exceptions: &[Exception],
    states: &[pl::Expr],
) -> Result<pl::LazyFrame, ExecError> {
    let windows = exceptions.iter().filter_map(|one| Some((one.row, one.rows.as_ref()?)));
    let rows = windows.flat_map(|(row, rows)| rows.iter().map(move |at| (row, *at)));
    let (windows, places): (Vec<i64>, Vec<pl::IdxSize>) =
        rows.map(|(row, at)| (number(row), pl::IdxSize::try_from(at).unwrap_or(pl::IdxSize::MAX))).unzip();
    let mut taken = sorted.take(&pl::IdxCa::from_vec(WINDOW.into(), places)).map_err(classify)?;
    taken.with_column(pl::Column::new(WINDOW.into(), windows)).map_err(classify)?;
    Ok(taken.lazy().group_by_stable([pl::col(WINDOW)]).agg(states))
}

/// The values of those windows that hold no row: they are the same for all.
fn of_nothing(
    sorted: &pl::DataFrame,
    exceptions: &[Exception],
    states: &[pl::Expr],
    values: &[pl::Expr],
    renamed: &[pl::Expr],
) -> Result<pl::DataFrame, ExecError> {
    let empty = exceptions.iter().filter(|one| one.rows.as_ref().is_some_and(Vec::is_empty));
    let windows: Vec<i64> = empty.map(|one| number(one.row)).collect();
    let states = collect_one(sorted.clear().lazy().select(states), pl::Engine::InMemory)?;
    let one = states.lazy().with_columns(values).with_columns([pl::lit(0i64).alias(WINDOW)]).select(renamed);
    let one = collect_one(one, pl::Engine::InMemory)?;
    let mut all = one.take(&pl::IdxCa::from_vec(WINDOW.into(), vec![0; windows.len()])).map_err(classify)?;
    all.with_column(pl::Column::new(WINDOW.into(), windows)).map_err(classify)?;
    Ok(all)
}

fn is_one(exceptions: &[Exception], rows: usize) -> Vec<bool> {
    let mut is_one = vec![false; rows];
    for exception in exceptions {
        is_one[exception.row] = true;
    }
    is_one
}

fn number(row: usize) -> i64 {
    i64::try_from(row).unwrap_or(i64::MAX)
}
