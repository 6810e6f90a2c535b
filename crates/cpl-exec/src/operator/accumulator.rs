//! Aggregates: unknown values are skipped; sums do not depend on the order of rows or threads.

use cpl_model::{
    program::{AggFunc, Aggregate, Expr},
    types::Type,
};
use polars::prelude::{self as pl, DataType};

use super::{columns::only_if, exact_sum};
use crate::{
    engine::data_type,
    expr::{Translator, narrow, widen},
};

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
            accumulator.input.push(widen(value).alias(row.as_str()));
        } else {
            accumulator.input.push(value.alias(row.as_str()));
        }
        let row = pl::col(row.as_str());
        let value = match aggregate.func {
            AggFunc::Sum => {
                let sum = if float {
                    accumulator.float_sum(at, &row)
                } else {
                    accumulator.whole_or_money_sum(at, &row, of.ty)
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
    pub(super) fn column(&mut self, name: &str, value: pl::Expr, merge: impl Fn(pl::Expr) -> pl::Expr) -> pl::Expr {
        let column = pl::col(name);
        self.partial.push(value.alias(name));
        self.merge.push(merge(column.clone()).alias(name));
        column
    }

    fn sum(&mut self, at: usize, row: &pl::Expr) -> pl::Expr {
        self.column(&format!("·{at}s"), row.clone().sum(), pl::Expr::sum)
    }

    /// Whole numbers are summed in 128 bits, and kept in 64.
    fn whole_or_money_sum(&mut self, at: usize, row: &pl::Expr, ty: Type) -> pl::Expr {
        let sum = self.sum(at, row);
        if data_type(ty) == DataType::Int64 { narrow(sum) } else { sum }
    }

    fn float_sum(&mut self, at: usize, row: &pl::Expr) -> pl::Expr {
        let high = self.sum(at, row);
        let low = self.column(&format!("·{at}t"), pl::col(format!("·{at}y")).sum(), pl::Expr::sum);
        exact_sum::value(high, low)
    }

    /// A column of the group that does not merge.
    pub(super) fn whole(&mut self, name: &str, value: pl::Expr) -> pl::Expr {
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
