//! Window functions: what other rows of a series, or of other series at the same time, say of a row. By date and never
//! by row number.

use std::collections::BTreeSet;

use cpl_model::{
    program::{AggFunc, Aggregate, ArithOp, Expr, ExprKind, Length, Series, SeriesOf, Unit},
    types::Type,
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use super::{
    accumulator::Accumulator,
    pattern::pattern,
    series_rows::{AT, ROW, SERIES, column, equals_previous, in_memory, join_by_row, join_on, numbered},
    sort::sort,
    window_clock::{self, Exception},
};
use crate::{
    engine::{classify, data_type},
    error::ExecError,
    expr::Translator,
};

/// A name that no column has: whether another row has its time.
const DUPLICATE_TIME: &str = "·duplicate";

/// The rows with a column for each window function. Those over one window are computed together; the others may read
/// columns that are computed before them.
pub fn windows(
    rows: &pl::DataFrame,
    functions: &[(String, Series)],
    translator: &Translator<'_>,
) -> Result<pl::DataFrame, ExecError> {
    let mut computing = Windows { rows: rows.clone(), translator, patterns: BTreeSet::new() };
    let is_over = |(_, series): &&(String, Series)| matches!(series.of, SeriesOf::Over(..));
    let mut open: Vec<&(String, Series)> = functions.iter().filter(is_over).collect();
    while let Some((_, first)) = open.first() {
        let (together, rest) = open.iter().partition(|(_, other)| is_one_window(first, other));
        open = rest;
        computing.rolling(&together)?;
    }
    for (name, series) in functions.iter().filter(|function| !is_over(function)) {
        if !computing.patterns.contains(name) {
            computing.one(name, series, functions)?;
        }
    }
    Ok(computing.rows)
}

struct Windows<'a> {
    rows: pl::DataFrame,
    translator: &'a Translator<'a>,
    /// The patterns that are computed.
    patterns: BTreeSet<String>,
}

impl Windows<'_> {
    /// One function; patterns of the same values are computed together.
    fn one(&mut self, name: &str, series: &Series, all: &[(String, Series)]) -> Result<(), ExecError> {
        if matches!(series.of, SeriesOf::Pattern(_)) {
            let computed;
            (self.rows, computed) = pattern(&self.rows, series, all, self.translator)?;
            self.patterns.extend(computed);
            return Ok(());
        }
        let rows = self.rows.clone().lazy();
        let with_column = match (&series.of, &series.time) {
            (SeriesOf::Lag(value, back), Some(time)) => self.lag(rows, value, *back, &series.key, time, name),
            (SeriesOf::Share(value), time) => self.share(rows, value, time.as_ref(), name),
            (SeriesOf::Lag(..) | SeriesOf::Over(..) | SeriesOf::Pattern(_), _) => {
                unreachable!("a lag has a time, windows are rolled, and patterns computed together")
            }
        };
        self.rows = in_memory(with_column)?;
        Ok(())
    }

    fn lag(&self, rows: LazyFrame, value: &Expr, back: Length, key: &[Expr], time: &Expr, name: &str) -> LazyFrame {
        let keys: Vec<pl::Expr> = key.iter().map(column).collect();
        let on = [&keys[..], &[pl::col(AT)]].concat();
        let there = [&keys[..], &[column(time).alias(AT), self.translator.expr(value).alias(name)]].concat();
        let dated = rows.clone().select(there).filter(pl::col(AT).is_not_null());
        let right = unique_values(dated, &on, name);
        let length = format!("-{}", duration(back));
        let by_clock = matches!(back.unit, Unit::Day | Unit::Week | Unit::Month);
        let before = if time.ty == Type::Datetime && by_clock {
            self.translator.moved_by_clock(column(time), &length)
        } else {
            column(time).dt().offset_by(pl::lit(length))
        };
        join_on(rows.with_columns([before.alias(AT)]), right, &on).drop(pl::by_name([AT], true, false))
    }

    /// Aggregates over one window: a row's value stands next to it, unless other rows have its time.
    fn rolling(&mut self, functions: &[&(String, Series)]) -> Result<(), ExecError> {
        let Some((_, Series { of: SeriesOf::Over(_, length, before), key, time: Some(time) })) = functions.first()
        else {
            return Ok(());
        };
        let keys: Vec<pl::Expr> = key.iter().map(column).collect();
        let aggregates: Vec<WindowAggregate> =
            functions.iter().enumerate().map(|(at, (_, series))| self.aggregate(at, series, time)).collect();
        let by_clock = by_clock(time, *length);
        let sorted = self.sorted_series(&keys, time, by_clock, &aggregates)?;
        let states: Vec<pl::Expr> = aggregates.iter().flat_map(|each| each.partial.clone()).collect();
        let values: Vec<pl::Expr> = aggregates.into_iter().map(|each| each.evaluate).collect();
        let options = rolling_options(*length, *before);
        let rolled = sorted.clone().lazy().rolling(pl::col(AT), [pl::col(SERIES)], options).agg(&states);
        let rolled = in_memory(sort(rolled.with_columns(&values), &[(SERIES.to_owned(), false)]))?;
        same_rows(&sorted, &rolled)?;
        let rolled = if by_clock {
            let found = self.exceptions(&sorted, time, *length, *before)?;
            let names: Vec<String> = (0..functions.len()).map(Accumulator::name).collect();
            window_clock::correct(rolled, &sorted, &found, &states, &values, &names)?
        } else {
            rolled
        };
        // One value for each time; unknown where several rows have it, for then the key is broken.
        let again = equals_previous(&[pl::col(SERIES), column(time)]);
        let duplicate = again.clone().or(again.shift_and_fill(pl::lit(-1), pl::lit(false)));
        let mut right = in_memory(sorted.lazy().select([pl::col(ROW), duplicate.alias(DUPLICATE_TIME)]))?;
        for (at, (name, _)) in functions.iter().enumerate() {
            let mut value = rolled.column(&Accumulator::name(at)).map_err(classify)?.clone();
            value.rename(name.into());
            right.with_column(value).map_err(classify)?;
        }
        let value = |name: &str| {
            let unknown = pl::lit(pl::Null {});
            pl::when(pl::col(DUPLICATE_TIME)).then(unknown).otherwise(pl::col(name)).alias(name)
        };
        let values: Vec<pl::Expr> = functions.iter().map(|(name, _)| value(name)).collect();
        let columns = [vec![pl::col(ROW)], values].concat();
        let right = in_memory(right.lazy().select(columns).sort([ROW], pl::SortMultipleOptions::default()))?;
        self.rows = join_by_row(&self.rows, right)?;
        Ok(())
    }

    /// The rows that have a time, numbered, sorted by series and time; each with the number of its series and with what
    /// the aggregates read.
    fn sorted_series(
        &self,
        keys: &[pl::Expr],
        time: &Expr,
        by_clock: bool,
        aggregates: &[WindowAggregate],
    ) -> Result<pl::DataFrame, ExecError> {
        let index = if by_clock { self.translator.local(column(time)) } else { column(time) };
        let rows = self.rows.clone().lazy().with_row_index(ROW, None).filter(column(time).is_not_null());
        let input: Vec<pl::Expr> = aggregates.iter().flat_map(|each| each.input.clone()).collect();
        let rows = rows.with_columns([index.alias(AT)]).with_columns(input);
        let names = [keys, &[pl::col(AT), column(time)]].concat();
        let order: Vec<(String, bool)> = names.iter().filter_map(named).map(|name| (name, false)).collect();
        numbered(in_memory(sort(rows, &order))?, keys)
    }

    /// The rows whose windows the clock does not tell.
    fn exceptions(
        &self,
        sorted: &pl::DataFrame,
        time: &Expr,
        length: Length,
        before: bool,
    ) -> Result<Vec<Exception>, ExecError> {
        let numbers = |column: pl::Expr| -> Result<Vec<i64>, ExecError> {
            let found = in_memory(sorted.clone().lazy().select([column.cast(pl::DataType::Int64).alias(AT)]))?;
            let found = found.column(AT).and_then(|column| column.i64().cloned()).map_err(classify)?;
            Ok(found.iter().flatten().collect())
        };
        let (series, moments) = (numbers(pl::col(SERIES))?, numbers(column(time))?);
        Ok(window_clock::exceptions(&series, &moments, length, before, self.translator.zone))
    }

    /// What one aggregate computes in each row, of a window's rows, and of that.
    fn aggregate(&self, at: usize, series: &Series, time: &Expr) -> WindowAggregate {
        let SeriesOf::Over(Expr { kind: ExprKind::Aggregate(of), .. }, length, _) = &series.of else {
            unreachable!("what looks over a window is an aggregate")
        };
        let accumulator = Accumulator::of(at, of, self.translator);
        // Rows stand by the clock: in the hour that it shows twice that is no order of time.
        let by_time = !by_clock(time, *length) && of.by.as_ref().is_some_and(|by| by.kind == time.kind);
        let input = accumulator.widened_input();
        let (partial, evaluate) = match of.func {
            // The rows of a window stand by time, each at its own.
            AggFunc::First | AggFunc::Last if by_time => {
                let known = pl::col(Accumulator::row(at)).drop_nulls();
                let end = if of.func == AggFunc::First { known.first() } else { known.last() };
                (vec![end.alias(Accumulator::name(at))], pl::col(Accumulator::name(at)))
            }
            _ => (accumulator.partial(), accumulator.evaluate),
        };
        WindowAggregate { input, partial, evaluate }
    }

    fn share(&self, rows: LazyFrame, value: &Expr, time: Option<&Expr>, name: &str) -> LazyFrame {
        let sum = Aggregate { func: AggFunc::Sum, of: Some(value.clone()), filter: None, by: None, share: None };
        let sum = Accumulator::of(0, &sum, self.translator);
        // Without a time all rows stand side by side; a row whose time is unknown stands by itself.
        let at = time.map_or_else(|| pl::lit(1), column).alias(AT);
        let dated = rows.clone().with_columns([at.clone()]).filter(pl::col(AT).is_not_null());
        let sums = dated.with_columns(sum.widened_input()).group_by([pl::col(AT)]).agg(sum.partial());
        let sums = sums.with_columns([sum.evaluate]);
        let sums = sums.select([pl::col(AT), pl::col(Accumulator::name(0)).alias(name)]);
        let joined = join_on(rows.with_columns([at]), sums, &[pl::col(AT)]);
        let all = Expr::column(name, value.ty, true, value.span);
        let kind = ExprKind::Arith(ArithOp::Divide, Box::new(value.clone()), Box::new(all));
        let share = Expr::new(kind, Type::Ratio, true, value.span);
        let share = self.translator.expr(&share).cast(data_type(Type::Ratio)).alias(name);
        joined.with_columns([share]).drop(pl::by_name([AT], true, false))
    }
}

/// Days and months are those of the clock on the wall.
fn by_clock(time: &Expr, length: Length) -> bool {
    time.ty == Type::Datetime && matches!(length.unit, Unit::Day | Unit::Week | Unit::Month)
}

/// One aggregate over a window.
struct WindowAggregate {
    input: Vec<pl::Expr>,
    partial: Vec<pl::Expr>,
    evaluate: pl::Expr,
}

/// (row − length, row], or with `before` [row − length, row).
fn rolling_options(length: Length, before: bool) -> pl::RollingGroupOptions {
    pl::RollingGroupOptions {
        index_column: AT.into(),
        period: pl::Duration::parse(&duration(length)),
        offset: pl::Duration::parse(&format!("-{}", duration(length))),
        closed_window: if before { pl::ClosedWindow::Left } else { pl::ClosedWindow::Right },
    }
}

/// Whether both look over the same window of the same series.
fn is_one_window(a: &Series, b: &Series) -> bool {
    let over = |series: &Series| match &series.of {
        SeriesOf::Over(_, length, before) => Some((*length, *before)),
        SeriesOf::Lag(..) | SeriesOf::Share(_) | SeriesOf::Pattern(_) => None,
    };
    let kinds = |exprs: &[Expr]| exprs.iter().map(|expr| expr.kind.clone()).collect::<Vec<_>>();
    over(a) == over(b)
        && kinds(&a.key) == kinds(&b.key)
        && a.time.as_ref().map(|t| &t.kind) == b.time.as_ref().map(|t| &t.kind)
}

/// The engine hands out a window for each row, in the order of a series: the values are put next to their rows by that
/// order, so it is checked.
fn same_rows(sorted: &pl::DataFrame, rolled: &pl::DataFrame) -> Result<(), ExecError> {
    for name in [SERIES, AT] {
        let (a, b) = (sorted.column(name).map_err(classify)?, rolled.column(name).map_err(classify)?);
        if !a.as_materialized_series().equals_missing(b.as_materialized_series()) {
            return Err(ExecError::Engine("windows came in another order than their rows".to_owned()));
        }
    }
    Ok(())
}

fn named(expr: &pl::Expr) -> Option<String> {
    if let pl::Expr::Column(name) = expr { Some(name.to_string()) } else { None }
}

/// One value for each key; unknown where several rows have it, for then the key is broken.
fn unique_values(rows: LazyFrame, keys: &[pl::Expr], name: &str) -> LazyFrame {
    let value = pl::col(name);
    let one = pl::when(pl::len().eq(pl::lit(1))).then(value.first()).otherwise(pl::lit(pl::Null {}));
    rows.group_by(keys).agg([one.alias(name)])
}

/// A length of time as the engine writes it.
fn duration(length: Length) -> String {
    let unit = match length.unit {
        Unit::Second => "s",
        Unit::Minute => "m",
        Unit::Hour => "h",
        Unit::Day => "d",
        Unit::Week => "w",
        Unit::Month => "mo",
    };
    format!("{}{unit}", length.length)
}
