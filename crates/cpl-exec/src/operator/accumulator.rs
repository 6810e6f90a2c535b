//! Aggregates: unknown values are skipped; sums do not depend on the order of rows or threads.

use cpl_model::{
    program::{AggFunc, Aggregate, Expr},
    types::Type,
};
use polars::prelude::{self as pl, DataType};

use super::{
    columns::only_if,
    exact_sum,
    reduction::{OfEngine, Reduction, has_numbers},
};
use crate::{
    engine::data_type,
    expr::{Translator, narrow, widen},
};

/// One aggregate, in two phases: what is computed in each row and of a part of a group's rows, how such states merge,
/// and the value they come to.
#[derive(Clone)]
pub struct Accumulator {
    /// Columns of the row, before the group.
    pub input: Vec<RowColumn>,
    /// The state: columns of the group. Distinct counts and quantiles do not merge.
    pub state: Vec<StateColumn>,
    /// The aggregate's value, of the state.
    pub evaluate: pl::Expr,
}

/// A column of the rows, before they are grouped.
#[derive(Clone)]
pub struct RowColumn {
    name: String,
    value: pl::Expr,
    /// Whole numbers of 64 bits whose sum has 128.
    is_wide: bool,
}

impl RowColumn {
    /// For groups of the engine, whose sums have as many bits as what is summed.
    pub fn widened(&self) -> pl::Expr {
        if self.is_wide { widen(self.value.clone()).alias(self.name.as_str()) } else { self.as_it_is() }
    }

    /// The column, once it is there.
    pub fn column(&self) -> pl::Expr {
        pl::col(self.name.as_str())
    }

    /// As it stands.
    pub fn as_it_is(&self) -> pl::Expr {
        self.value.clone().alias(self.name.as_str())
    }
}

/// A column of a group's state.
#[derive(Clone)]
pub struct StateColumn {
    pub name: String,
    pub reduction: Reduction,
}

impl StateColumn {
    /// Of the rows of a part.
    pub fn partial(&self) -> pl::Expr {
        self.reduction.partial().alias(self.name.as_str())
    }

    /// Of the states of several parts.
    pub fn merge(&self) -> pl::Expr {
        self.reduction.merge(&self.name).alias(self.name.as_str())
    }
}

impl Accumulator {
    fn empty() -> Self {
        Self { input: Vec::new(), state: Vec::new(), evaluate: pl::lit(0) }
    }

    /// The columns of the row, for groups of the engine.
    pub fn widened_input(&self) -> Vec<pl::Expr> {
        self.input.iter().map(RowColumn::widened).collect()
    }

    /// The state, of the rows of a part.
    pub fn partial(&self) -> Vec<pl::Expr> {
        self.state.iter().map(StateColumn::partial).collect()
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
            accumulator.add_input(&named("y"), exact_sum::low_limb(value.clone()), false);
            accumulator.add_input(&row, exact_sum::high_limb(value), false);
        } else {
            accumulator.add_input(&row, value, summed && data_type(of.ty) == DataType::Int64);
        }
        let values = pl::col(row.as_str());
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
            AggFunc::Min if has_numbers(of.ty) => accumulator.column(&named("m"), Reduction::Min(row)),
            AggFunc::Max if has_numbers(of.ty) => accumulator.column(&named("m"), Reduction::Max(row)),
            AggFunc::Min => accumulator.other(&named("m"), values.min(), pl::Expr::min),
            AggFunc::Max => accumulator.other(&named("m"), values.max(), pl::Expr::max),
            AggFunc::Count => accumulator.known(at, &row),
            AggFunc::CountDistinct => {
                accumulator.whole(&named("u"), values.drop_nulls().n_unique()).cast(DataType::Int64)
            }
            AggFunc::Median => accumulator.quantile(at, &values, 0.5, of.ty),
            AggFunc::Quantile => accumulator.quantile(at, &values, aggregate.share.unwrap_or(0.5), of.ty),
            AggFunc::Std => accumulator.std(at, values, of.ty),
            AggFunc::First | AggFunc::Last => accumulator.at_end(at, aggregate, of, translator),
        };
        accumulator.evaluate = value.alias(Self::name(at).as_str());
        accumulator
    }

    fn add_input(&mut self, name: &str, value: pl::Expr, is_wide: bool) {
        self.input.push(RowColumn { name: name.to_owned(), value, is_wide });
    }

    /// A column of the group under that name, and how it is put together.
    fn column(&mut self, name: &str, reduction: Reduction) -> pl::Expr {
        self.state.push(StateColumn { name: name.to_owned(), reduction });
        pl::col(name)
    }

    fn sum(&mut self, at: usize, row: &str) -> pl::Expr {
        self.column(&format!("·{at}s"), Reduction::Sum(row.to_owned()))
    }

    /// Whole numbers are summed in 128 bits, and kept in 64.
    fn whole_or_money_sum(&mut self, at: usize, row: &str, ty: Type) -> pl::Expr {
        let sum = self.sum(at, row);
        if data_type(ty) == DataType::Int64 { narrow(sum) } else { sum }
    }

    fn float_sum(&mut self, at: usize, row: &str) -> pl::Expr {
        let high = self.column(&format!("·{at}s"), Reduction::Sum(row.to_owned()));
        let low = self.column(&format!("·{at}t"), Reduction::Sum(format!("·{at}y")));
        exact_sum::value(high, low)
    }

    /// A column of the group that the engine makes.
    fn other(&mut self, name: &str, partial: pl::Expr, merge: impl Fn(pl::Expr) -> pl::Expr) -> pl::Expr {
        self.column(name, Reduction::Other(Box::new(OfEngine { partial, merge: merge(pl::col(name)) })))
    }

    /// A column of the group that does not merge.
    pub(super) fn whole(&mut self, name: &str, value: pl::Expr) -> pl::Expr {
        self.other(name, value, pl::Expr::first)
    }

    /// How many values are known.
    fn known(&mut self, at: usize, row: &str) -> pl::Expr {
        self.column(&format!("·{at}n"), Reduction::Known(row.to_owned()))
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
        let sum = accumulator.other(&format!("·{at}s"), count.cast(DataType::Int64).sum(), pl::Expr::sum);
        accumulator.evaluate = sum.alias(Self::name(at).as_str());
        accumulator
    }

    /// How many rows of the group the filter takes.
    fn rows_taken(&mut self, at: usize, filter: Option<pl::Expr>) -> pl::Expr {
        let rows = format!("·{at}r");
        let Some(filter) = filter else { return self.column(&rows, Reduction::Rows) };
        let row = format!("·{at}f");
        self.add_input(&row, only_if(filter, pl::lit(1i64), Type::Count), false);
        self.column(&rows, Reduction::Known(row))
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
        self.add_input(&time, only_if(known, translator.expr(by), by.ty), false);
        let (row, time) = (pl::col(row.as_str()), pl::col(time.as_str()));
        let first = aggregate.func == AggFunc::First;
        let end = |time: pl::Expr| if first { time.min() } else { time.max() };
        let at_end = self.other(&format!("·{at}e"), end(time.clone()), end);
        let there = row.filter(time.clone().eq(end(time)));
        // Of the parts, those that reach the end of all.
        let reach = |part: pl::Expr| part.filter(at_end.clone().eq(end(at_end.clone())));
        let least = self.other(&format!("·{at}a"), there.clone().min(), |part| reach(part).min());
        let most = self.other(&format!("·{at}b"), there.max(), |part| reach(part).max());
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
