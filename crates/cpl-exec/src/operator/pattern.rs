//! What is usual in series, and which values break their pattern: each series becomes its periods in their order, without holes, and is
//! judged by `cpl-estimate`.

use cpl_estimate::pattern::{DEVIATIONS, History, Lookback, Series as Periods, histories};
use cpl_model::{
    clock::Start,
    program::{Expr, Grain, Judged, Pattern, PatternValue, Series, SeriesOf},
    types::Type,
};
use std::ops::Range;

use polars::prelude::{self as pl, DataType, IntoColumn, IntoLazy, NewChunkedArray};
use rayon::prelude::*;
use rust_decimal::prelude::ToPrimitive;

use super::series_rows::{AT, ROW, SERIES, column, in_memory, join_by_row, numbered};
use crate::{
    engine::{classify, data_type},
    error::ExecError,
    expr::{Translator, day, instant},
};

/// Names that no column has: the value, what it is counted in, whether it is left out, the part of the season.
const VALUE: &str = "·value";
const COUNT: &str = "·count";
const LEFT_OUT: &str = "·left out";
const PART: &str = "·part";
const JUDGED: &str = "·judged";

const MICROSECONDS_OF_HOUR: i64 = 3_600_000_000;

/// The rows with a column for each pattern among the functions that looks at the same values as the first, and their names.
pub fn pattern(
    rows: &pl::DataFrame,
    first: &Series,
    functions: &[(String, Series)],
    translator: &Translator<'_>,
) -> Result<(pl::DataFrame, Vec<String>), ExecError> {
    let wanted: Vec<PatternColumn<'_>> = functions.iter().filter_map(PatternColumn::of).collect();
    let Some(first) = wanted.iter().find(|wanted| std::ptr::eq(wanted.series, first)).copied() else {
        unreachable!("it is one of them")
    };
    let together: Vec<PatternColumn<'_>> = wanted.into_iter().filter(|other| first.looks_as(other)).collect();
    let names = together.iter().map(|wanted| wanted.name.to_owned()).collect();
    Ok((with_patterns(rows, &together, translator)?, names))
}

/// A column that a pattern becomes.
#[derive(Clone, Copy)]
struct PatternColumn<'a> {
    name: &'a str,
    series: &'a Series,
    time: &'a Expr,
    pattern: &'a Pattern,
}

impl<'a> PatternColumn<'a> {
    fn of((name, series): &'a (String, Series)) -> Option<Self> {
        let (SeriesOf::Pattern(pattern), Some(time)) = (&series.of, &series.time) else { return None };
        Some(Self { name, series, time, pattern })
    }

    fn looks_as(&self, other: &Self) -> bool {
        let key = |wanted: &Self| wanted.series.key.iter().map(|column| column.kind.clone()).collect::<Vec<_>>();
        self.pattern.looks_as(other.pattern) && key(self) == key(other) && self.time.kind == other.time.kind
    }
}

fn with_patterns(
    rows: &pl::DataFrame,
    wanted: &[PatternColumn<'_>],
    translator: &Translator<'_>,
) -> Result<pl::DataFrame, ExecError> {
    let found = Sorted::of(rows, wanted, translator)?.judged(wanted[0].pattern);
    let columns = wanted.iter().map(|wanted| {
        let found = found.each.iter().map(|of| of.as_ref().map(|(value, history)| (*value, history)));
        given(wanted, found)
    });
    let mut right =
        pl::DataFrame::new(found.rows.len(), vec![pl::UInt32Chunked::from_vec(ROW.into(), found.rows).into_column()])
            .map_err(classify)?;
    for column in columns {
        right.with_column(column).map_err(classify)?;
    }
    let types = wanted.iter().map(|wanted| {
        let ty = wanted.pattern.gives.ty(wanted.pattern.of.value.ty);
        pl::col(wanted.name).cast(data_type(ty))
    });
    let types: Vec<pl::Expr> = types.collect();
    let right = right.lazy().with_columns(types).sort([ROW], pl::SortMultipleOptions::default());
    join_by_row(rows, in_memory(right)?)
}

/// What one pattern gives of each row: none where the row is not judged.
fn given<'h>(wanted: &PatternColumn<'_>, found: impl Iterator<Item = Option<(f64, &'h History)>>) -> pl::Column {
    let deviations = wanted.pattern.deviations.and_then(|number| number.to_f64()).unwrap_or(DEVIATIONS);
    let bounds = |history: &History| history.usual.map(|usual| usual.bounds(deviations));
    let number = |of: Option<f64>| of.filter(|value| value.is_finite());
    let name = pl::PlSmallStr::from(wanted.name);
    let numbers = |found: &mut dyn Iterator<Item = Option<f64>>| {
        pl::Float64Chunked::from_iter_options(name.clone(), found.map(number)).into_column()
    };
    match wanted.pattern.gives {
        PatternValue::IsBroken => {
            let broken = found.map(|row| {
                let (value, history) = row?;
                let usual = history.usual.filter(|_| !value.is_nan() && history.has_enough_counts())?;
                Some(usual.is_broken_by(value, deviations))
            });
            pl::BooleanChunked::from_iter_options(name, broken).into_column()
        }
        PatternValue::Usual => numbers(&mut found.map(|row| Some(row?.1.usual?.value))),
        PatternValue::Low => numbers(&mut found.map(|row| Some(bounds(row?.1)?.0))),
        PatternValue::High => numbers(&mut found.map(|row| Some(bounds(row?.1)?.1))),
        PatternValue::Count => numbers(&mut found.map(|row| row?.1.count)),
        PatternValue::Known => {
            let known = found.map(|row| i64::try_from(row?.1.known).ok());
            pl::Int64Chunked::from_iter_options(name, known).into_column()
        }
    }
}

/// The rows that have a time, sorted by series and period, as plain columns.
struct Sorted {
    rows: Vec<u32>,
    series: Vec<i64>,
    periods: Vec<i64>,
    parts: Vec<u8>,
    values: Vec<f64>,
    counts: Option<Vec<f64>>,
    /// Which rows are left out.
    except: Option<Vec<bool>>,
    /// The period that is judged; none for all.
    newest: Option<i64>,
}

/// Of each of these rows its value and what was found before it; none of a row that is not judged.
struct Found {
    rows: Vec<u32>,
    each: Vec<Option<(f64, History)>>,
}

impl Sorted {
    fn of(rows: &pl::DataFrame, wanted: &[PatternColumn<'_>], translator: &Translator<'_>) -> Result<Self, ExecError> {
        let PatternColumn { series, time, pattern, .. } = wanted[0];
        let keys: Vec<pl::Expr> = series.key.iter().map(column).collect();
        // What only asks for the usual value needs no count.
        let count = wanted.iter().find_map(|wanted| wanted.pattern.count());
        let judged = judged_period(pattern);
        let number = |expr: &Expr| translator.as_type(expr, Type::Number);
        let mut columns = vec![
            period(column(time), pattern.grain).alias(AT),
            part(time, pattern.grain, translator).cast(DataType::Int64).alias(PART),
            number(&pattern.of.value).alias(VALUE),
            judged.clone().unwrap_or_else(|| pl::lit(pl::NULL).cast(DataType::Int64)).alias(JUDGED),
        ];
        columns.extend(count.map(|count| number(count).alias(COUNT)));
        columns.extend(pattern.except.as_ref().map(|except| translator.expr(except).alias(LEFT_OUT)));
        let mut frame = rows.clone().lazy().with_row_index(ROW, None).filter(column(time).is_not_null());
        if let Some(newest) = judged {
            // Only what has a say in it is read.
            let reach = i64::try_from(Lookback::of(pattern.grain, pattern.over).reach()).unwrap_or(i64::MAX);
            let period = || period(column(time), pattern.grain);
            frame = frame.filter(period().lt_eq(newest.clone()).and(period().gt_eq(newest - pl::lit(reach))));
        }
        let kept = [pl::col(ROW)].into_iter().chain(keys.iter().cloned()).chain(columns);
        let order = keys.iter().cloned().chain([pl::col(AT)]).collect::<Vec<_>>();
        let sorted = frame.select(kept.collect::<Vec<_>>()).sort_by_exprs(order, pl::SortMultipleOptions::default());
        let sorted = numbered(in_memory(sorted)?, &keys)?;
        let whole = |name: &str| -> Result<Vec<i64>, ExecError> {
            let column = sorted.column(name).and_then(|column| column.cast(&DataType::Int64)).map_err(classify)?;
            Ok(column.i64().map_err(classify)?.iter().map(Option::unwrap_or_default).collect())
        };
        let floats = |name: &str| -> Result<Vec<f64>, ExecError> {
            let column = sorted.column(name).and_then(|column| column.f64()).map_err(classify)?;
            Ok(column.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let except = || -> Result<Vec<bool>, ExecError> {
            let column = sorted.column(LEFT_OUT).and_then(|column| column.bool()).map_err(classify)?;
            Ok(column.iter().map(|is_left_out| is_left_out == Some(true)).collect())
        };
        let newest = sorted.column(JUDGED).and_then(|column| column.i64()).map_err(classify)?;
        Ok(Self {
            rows: sorted.column(ROW).and_then(|column| column.u32()).map_err(classify)?.iter().flatten().collect(),
            series: whole(SERIES)?,
            periods: whole(AT)?,
            parts: whole(PART)?.into_iter().map(|part| u8::try_from(part).unwrap_or_default()).collect(),
            values: floats(VALUE)?,
            counts: count.is_some().then(|| floats(COUNT)).transpose()?,
            except: pattern.except.is_some().then(except).transpose()?,
            newest: newest.iter().next().flatten(),
        })
    }

    fn judged(self, pattern: &Pattern) -> Found {
        let lookback = Lookback::of(pattern.grain, pattern.over);
        let each = self.runs(lookback.reach()).into_par_iter().flat_map_iter(|run| self.judge_run(run, lookback));
        let each = each.collect();
        Found { rows: self.rows, each }
    }

    /// The rows that belong together: of one series, without a hole beyond which nobody looks back.
    fn runs(&self, reach: usize) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut from = 0;
        while from < self.rows.len() {
            let to = self.end_of_run(from, reach);
            runs.push(from..to);
            from = to;
        }
        runs
    }

    /// Where they end.
    fn end_of_run(&self, from: usize, reach: usize) -> usize {
        let continues = |at: &usize| {
            let apart = usize::try_from(self.periods[*at] - self.periods[*at - 1]).unwrap_or(usize::MAX);
            self.series[*at] == self.series[from] && apart <= reach
        };
        (from + 1..self.rows.len()).take_while(continues).last().map_or(from + 1, |last| last + 1)
    }

    fn judge_run(&self, rows: Range<usize>, lookback: Lookback) -> Vec<Option<(f64, History)>> {
        let first = self.periods[rows.start];
        let place = |row: usize| usize::try_from(self.periods[row] - first).unwrap_or_default();
        let is_judged = |row: usize| self.newest.is_none_or(|newest| newest == self.periods[row]);
        if !rows.clone().any(is_judged) {
            return rows.map(|_| None).collect();
        }
        let length = place(rows.end - 1) + 1;
        let (mut values, mut parts) = (vec![f64::NAN; length], vec![0; length]);
        let mut counts = self.counts.as_ref().map(|_| vec![f64::NAN; length]);
        let is_left_out = |row: usize| {
            let again = |other: usize| rows.contains(&other) && self.periods[other] == self.periods[row];
            // Where several rows have a period the key is broken: its value is unknown.
            again(row + 1) || row.checked_sub(1).is_some_and(again) || self.except.as_ref().is_some_and(|of| of[row])
        };
        for row in rows.clone() {
            parts[place(row)] = self.parts[row];
            if !is_left_out(row) {
                values[place(row)] = self.values[row];
                if let (Some(counts), Some(of)) = (&mut counts, &self.counts) {
                    counts[place(row)] = of[row];
                }
            }
        }
        let judged: Vec<bool> = rows.clone().map(|row| is_judged(row) && !is_left_out(row)).collect();
        let at: Vec<usize> = rows.clone().zip(&judged).filter(|(_, is)| **is).map(|(row, _)| place(row)).collect();
        let series = Periods { values: &values, counts: counts.as_deref(), parts: &parts };
        let mut found = histories(&series, lookback, &at).into_iter();
        let mut history = |is_judged: bool| is_judged.then(|| found.next()).flatten();
        rows.zip(judged).map(|(row, is)| history(is).map(|of| (self.values[row], of))).collect()
    }
}

/// The period that is judged; none where each is.
fn judged_period(pattern: &Pattern) -> Option<pl::Expr> {
    let start = match pattern.judged {
        Judged::All => return None,
        Judged::At(Start::Day(date)) => day(date),
        Judged::At(Start::Moment(moment)) => instant(moment),
        Judged::Newest(_) => unreachable!("a bound plan knows the newest period"),
    };
    Some(period(start, pattern.grain))
}

/// Which period a time is in, in numbers that follow each other.
fn period(time: pl::Expr, grain: Grain) -> pl::Expr {
    let days = || time.clone().dt().date().cast(DataType::Int32).cast(DataType::Int64);
    match grain {
        Grain::Hour => time.cast(DataType::Int64).floor_div(pl::lit(MICROSECONDS_OF_HOUR)),
        Grain::Day => days(),
        Grain::Week => days().floor_div(pl::lit(7i64)),
        Grain::Month => {
            let month = time.clone().dt().month().cast(DataType::Int64);
            time.dt().year().cast(DataType::Int64) * pl::lit(12i64) + month
        }
    }
}

/// Which part of the season a row is: its weekday, its hour on the wall.
fn part(time: &Expr, grain: Grain, translator: &Translator<'_>) -> pl::Expr {
    match grain {
        Grain::Hour => translator.local(column(time)).dt().hour(),
        Grain::Day => column(time).dt().weekday(),
        Grain::Week | Grain::Month => pl::lit(0),
    }
}
