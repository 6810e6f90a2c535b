//! Aggregates: unknown values are skipped; sums do not depend on the order of rows or threads.

use cpl_model::{
    program::{AggFunc, Aggregate, Expr},
    types::Type,
};
use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray};

use super::{columns::only_if, exact_sum};
use crate::{
    engine::{Failure, data_type, elementwise, raise},
    expr::Translator,
};

/// A whole share, in billionths.
const BILLION: i64 = 1_000_000_000;

/// One aggregate, in two phases: what is computed in each row and of a part of a group's rows, how such states merge,
/// and the value they come to.
#[derive(Clone)]
pub struct Accumulator {
    /// Columns of the row, before the group.
    pub input: Vec<pl::Expr>,
    /// The state: columns of the group.
    pub partial: Vec<pl::Expr>,
    /// The same columns, of the states of several parts. Distinct counts and quantiles do not merge.
    pub merge: Vec<pl::Expr>,
    /// The aggregate's value, of the state.
    pub evaluate: pl::Expr,
}

impl Accumulator {
    fn empty() -> Self {
        Self { input: Vec::new(), partial: Vec::new(), merge: Vec::new(), evaluate: pl::lit(0) }
    }

    /// The name under which the value of the aggregate of that number is found.
    pub fn name(at: usize) -> String {
        format!("·{at}")
    }

    /// The name under which a row's value is found, before the group.
    pub fn row(at: usize) -> String {
        format!("·{at}x")
    }

    pub fn of(at: usize, aggregate: &Aggregate, translator: &Translator<'_>) -> Self {
        let named = |part: &str| format!("·{at}{part}");
        let filter = aggregate.filter.as_ref().map(|filter| translator.expr(filter));
        let Some(of) = &aggregate.of else { return Self::rows(at, filter) };
        let mut value = translator.expr(of);
        if let Some(filter) = &filter {
            value = only_if(filter.clone(), value, of.ty);
        }
        let mut accumulator = Self::empty();
        let row = Self::row(at);
        let float = data_type(of.ty) == DataType::Float64;
        let summed = matches!(aggregate.func, AggFunc::Sum | AggFunc::Mean);
        if summed && float {
            accumulator.input.push(exact_sum::low_limb(value.clone()).alias(named("y").as_str()));
            accumulator.input.push(exact_sum::high_limb(value).alias(row.as_str()));
        } else if summed && data_type(of.ty) == DataType::Int64 {
            accumulator.input.push(value.strict_cast(DataType::Int128).alias(row.as_str()));
        } else {
            accumulator.input.push(value.alias(row.as_str()));
        }
        let row = pl::col(row.as_str());
        let value = match aggregate.func {
            AggFunc::Sum => {
                let sum = if float {
                    accumulator.float_sum(at, &row)
                } else {
                    accumulator.sum(at, &row).strict_cast(data_type(of.ty))
                };
                if of.unknown {
                    let rows = accumulator.rows_taken(at, filter);
                    let known = accumulator.known(at, &row);
                    let nothing_known = known.eq(pl::lit(0)).and(rows.gt(pl::lit(0)));
                    only_if(nothing_known.not(), sum, of.ty)
                } else {
                    sum
                }
            }
            AggFunc::Mean => {
                let sum = if float { accumulator.float_sum(at, &row) } else { accumulator.sum(at, &row) };
                mean(sum, accumulator.known(at, &row), of.ty)
            }
            AggFunc::Min => accumulator.column(&named("m"), row.min(), pl::Expr::min),
            AggFunc::Max => accumulator.column(&named("m"), row.max(), pl::Expr::max),
            AggFunc::Count => accumulator.known(at, &row),
            AggFunc::CountDistinct => accumulator.whole(&named("u"), row.drop_nulls().n_unique()).cast(DataType::Int64),
            AggFunc::Median => accumulator.quantile(at, &row, 0.5, of.ty),
            AggFunc::Quantile => accumulator.quantile(at, &row, aggregate.share.unwrap_or(0.5), of.ty),
            AggFunc::Std => accumulator.std(at, row, of.ty),
            AggFunc::First | AggFunc::Last => accumulator.at_end(at, aggregate, of, translator),
        };
        accumulator.evaluate = value.alias(Self::name(at).as_str());
        accumulator
    }

    /// A column of the group under that name, and how it is put together.
    fn column(&mut self, name: &str, value: pl::Expr, merge: impl Fn(pl::Expr) -> pl::Expr) -> pl::Expr {
        let column = pl::col(name);
        self.partial.push(value.alias(name));
        self.merge.push(merge(column.clone()).alias(name));
        column
    }

    fn sum(&mut self, at: usize, row: &pl::Expr) -> pl::Expr {
        self.column(&format!("·{at}s"), row.clone().sum(), pl::Expr::sum)
    }

    fn float_sum(&mut self, at: usize, row: &pl::Expr) -> pl::Expr {
        let high = self.sum(at, row);
        let low = self.column(&format!("·{at}t"), pl::col(format!("·{at}y")).sum(), pl::Expr::sum);
        exact_sum::value(high, low)
    }

    /// By linear interpolation between the two values next to the place (Hyndman and Fan's seventh definition).
    fn quantile(&mut self, at: usize, row: &pl::Expr, share: f64, ty: Type) -> pl::Expr {
        let sorted = row.clone().drop_nulls().sort(pl::SortOptions::default());
        // The place in billionths, a whole number: no float decides between which values it lies.
        #[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
        let share = (share * 1e9).round() as i64;
        let places = (row.clone().count().cast(DataType::Int64) - pl::lit(1i64)) * pl::lit(share);
        let (floor, rest) = (places.clone() / pl::lit(BILLION), places % pl::lit(BILLION));
        let above = rest.clone().gt(pl::lit(0i64)).cast(DataType::Int64);
        let low = self.whole(&format!("·{at}l"), sorted.clone().get(floor.clone(), true));
        let high = self.whole(&format!("·{at}h"), sorted.get(floor + above, true));
        let rest = self.whole(&format!("·{at}p"), rest);
        match ty {
            Type::Money(_) => crate::expr::between(low, high, rest),
            Type::Duration => {
                let micros = |value: pl::Expr| value.cast(DataType::Int64).cast(DataType::Float64);
                float_between(micros(low), micros(high), rest).cast(DataType::Int64).cast(data_type(ty))
            }
            _ => float_between(low.cast(DataType::Float64), high.cast(DataType::Float64), rest),
        }
    }

    /// Of the sample. Sorted by ourselves, so that the order of rows is not seen: the engine leaves a sort out where
    /// it takes it to change nothing.
    fn std(&mut self, at: usize, row: pl::Expr, ty: Type) -> pl::Expr {
        let float = match ty {
            Type::Duration => row.cast(DataType::Int64),
            _ => row,
        };
        let all = self.whole(&format!("·{at}d"), float.cast(DataType::Float64).drop_nulls().implode(false));
        let std = elementwise([all], DataType::Float64, |lists| stds(&lists[0]));
        match ty {
            Type::Duration => std.cast(DataType::Int64).cast(data_type(ty)),
            _ => std.cast(data_type(if ty.is_quantity() { Type::Number } else { ty })),
        }
    }

    /// A column of the group that does not merge.
    fn whole(&mut self, name: &str, value: pl::Expr) -> pl::Expr {
        self.column(name, value, pl::Expr::first)
    }

    /// How many values are known.
    fn known(&mut self, at: usize, row: &pl::Expr) -> pl::Expr {
        self.column(&format!("·{at}n"), row.clone().count().cast(DataType::Int64), pl::Expr::sum)
    }

    /// `count()`: rows.
    pub fn rows(at: usize, filter: Option<pl::Expr>) -> Self {
        let mut accumulator = Self::empty();
        accumulator.evaluate = accumulator.rows_taken(at, filter).alias(Self::name(at).as_str());
        accumulator
    }

    /// The sum of a count that each row has.
    pub fn summed(at: usize, count: pl::Expr) -> Self {
        let mut accumulator = Self::empty();
        let sum = accumulator.column(&format!("·{at}s"), count.cast(DataType::Int64).sum(), pl::Expr::sum);
        accumulator.evaluate = sum.alias(Self::name(at).as_str());
        accumulator
    }

    /// How many rows of the group the filter takes.
    fn rows_taken(&mut self, at: usize, filter: Option<pl::Expr>) -> pl::Expr {
        let (row, rows) = (format!("·{at}f"), format!("·{at}r"));
        let taken = match filter {
            None => pl::len().cast(DataType::Int64),
            Some(filter) => {
                self.input.push(only_if(filter, pl::lit(1i64), Type::Count).alias(row.as_str()));
                pl::col(row.as_str()).count().cast(DataType::Int64)
            }
        };
        self.column(&rows, taken, pl::Expr::sum)
    }

    /// The value at the first or last moment that has one; unknown where rows of that moment differ.
    fn at_end(&mut self, at: usize, aggregate: &Aggregate, of: &Expr, translator: &Translator<'_>) -> pl::Expr {
        let Some(by) = &aggregate.by else { unreachable!("first and last are ordered by something") };
        let (row, time) = (format!("·{at}x"), format!("·{at}t"));
        // The time of rows with a known value; the value's own column stands in the same list.
        let mut known = translator.expr(of).is_not_null();
        if let Some(filter) = &aggregate.filter {
            known = known.and(translator.expr(filter));
        }
        self.input.push(only_if(known, translator.expr(by), by.ty).alias(time.as_str()));
        let (row, time) = (pl::col(row.as_str()), pl::col(time.as_str()));
        let first = aggregate.func == AggFunc::First;
        let end = |time: pl::Expr| if first { time.min() } else { time.max() };
        let at_end = self.column(&format!("·{at}e"), end(time.clone()), end);
        let there = row.filter(time.clone().eq(end(time)));
        // Of the parts, those that reach the end of all.
        let reach = |part: pl::Expr| part.filter(at_end.clone().eq(end(at_end.clone())));
        let least = self.column(&format!("·{at}a"), there.clone().min(), |part| reach(part).min());
        let most = self.column(&format!("·{at}b"), there.max(), |part| reach(part).max());
        only_if(least.clone().eq(most), least, of.ty)
    }
}

/// Sum ÷ count: money exactly, all else as a float.
fn mean(sum: pl::Expr, known: pl::Expr, ty: Type) -> pl::Expr {
    let known = pl::when(known.clone().gt(pl::lit(0))).then(known).otherwise(pl::lit(pl::Null {}));
    match ty {
        Type::Money(_) => sum / known,
        Type::Duration => (sum.cast(DataType::Int64) / known).cast(data_type(ty)),
        _ => crate::expr::quotient(sum, known),
    }
}

/// The standard deviation of each list of floats; none of fewer than two.
fn stds(lists: &pl::Column) -> pl::PolarsResult<pl::Column> {
    let name = lists.name().clone();
    let lists = lists.list()?.clone();
    let each = (0..lists.len()).map(|row| {
        let Some(list) = lists.get_as_series(row) else { return Ok(None) };
        match std(list.f64()?.iter().flatten().collect()) {
            Some(std) if !std.is_finite() => Err(raise(Failure::TooLarge)),
            std => Ok(std),
        }
    });
    let each = each.collect::<pl::PolarsResult<Vec<_>>>()?;
    Ok(pl::Float64Chunked::from_iter_options(name, each.into_iter()).into_column())
}

/// From one of the values first, and then from the mean: how far they are apart is not lost in how large they are, and
/// equal values deviate by nothing. (Chan, Golub and `LeVeque`, 1983: the
/// corrected algorithm of two passes.)
#[expect(clippy::cast_precision_loss, reason = "a count of rows")]
fn std(mut values: Vec<f64>) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let (n, middle) = (values.len() as f64, values[values.len() / 2]);
    for value in &mut values {
        *value -= middle;
    }
    let mean = values.iter().sum::<f64>() / n;
    let (mut squares, mut rest) = (0.0, 0.0);
    for value in values {
        let apart = value - mean;
        squares += apart * apart;
        rest += apart;
    }
    Some(((squares - rest * rest / n).max(0.0) / (n - 1.0)).sqrt())
}

/// The float so many billionths of the way from one to another. By ourselves: the engine divides by a constant in one
/// way or another, as many rows as there are.
fn float_between(low: pl::Expr, high: pl::Expr, part: pl::Expr) -> pl::Expr {
    elementwise([low, high, part], DataType::Float64, |columns| {
        let (lows, highs, parts) = (columns[0].f64()?, columns[1].f64()?, columns[2].i64()?);
        let each = lows.iter().zip(highs.iter()).zip(parts.iter());
        let each = each.map(|((low, high), part)| Some(on_the_way(low?, high?, part?)));
        Ok(pl::Float64Chunked::from_iter_options(lows.name().clone(), each).into_column())
    })
}

#[expect(clippy::cast_precision_loss, reason = "a part of a billion")]
fn on_the_way(low: f64, high: f64, part: i64) -> f64 {
    low + (high - low) * (part as f64 / BILLION as f64)
}
