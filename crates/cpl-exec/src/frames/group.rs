//! `group by`: each aggregate is computed once, then the items are put together from them.

use cpl_plan::{
    program::{Aggregate, Expr, ExprKind},
    types::Type,
};
use cpl_syntax::Span;
use polars::prelude::{self as pl, LazyFrame};

use super::aggregate::Parts;
use crate::expr::Translate;

/// How many rows there are: a column that is there where no other is.
const LEN: &str = "·len";

/// A `group by`: parts of the rows can be grouped by themselves and put together.
pub struct Grouping {
    keys: Vec<String>,
    parts: Vec<Parts>,
    /// The items, with columns in the places of their aggregates.
    items: Vec<(String, Expr)>,
}

impl Grouping {
    /// Without keys, of one row.
    pub fn of(keys: Vec<String>, items: &[(String, Expr)], translate: &Translate<'_>) -> Result<Self, jiff::Error> {
        let (aggregates, items) = taken_out(items);
        let parts = aggregates.iter().enumerate().map(|(at, aggregate)| Parts::of(at, aggregate, translate));
        Ok(Self { keys, parts: parts.collect::<Result<_, _>>()?, items })
    }

    /// How many rows each key has.
    pub fn counting(keys: Vec<String>) -> Self {
        let count = Expr::column(&Parts::name(0), Type::Count, false, Span::default());
        Self { keys, parts: vec![Parts::rows(0, None)], items: vec![(super::ROWS.to_owned(), count)] }
    }

    /// Of one row: each is a count that is summed.
    pub fn sums(counts: impl Iterator<Item = pl::Expr>) -> Self {
        let (parts, items) = counts
            .enumerate()
            .map(|(at, count)| {
                let value = Expr::column(&Parts::name(at), Type::Count, false, Span::default());
                (Parts::summed(at, count), (format!("·sum{at}"), value))
            })
            .unzip();
        Self { keys: Vec::new(), parts, items }
    }

    /// Of some rows, a row for each group, with what its aggregates are made of.
    pub fn part(&self, rows: LazyFrame) -> LazyFrame {
        let before: Vec<pl::Expr> = self.parts.iter().flat_map(|part| part.before.clone()).collect();
        let rows = if before.is_empty() { rows } else { rows.with_columns(before) };
        self.grouped(rows, self.parts.iter().flat_map(|part| part.aggs.clone()), pl::len())
    }

    /// Several parts as one.
    pub fn merged(&self, parts: LazyFrame) -> LazyFrame {
        self.grouped(parts, self.parts.iter().flat_map(|part| part.merged.clone()), pl::col(LEN).sum())
    }

    fn grouped(&self, rows: LazyFrame, aggs: impl Iterator<Item = pl::Expr>, len: pl::Expr) -> LazyFrame {
        let mut aggs: Vec<pl::Expr> = aggs.collect();
        if self.keys.is_empty() {
            // A frame of one row, also where nothing is asked of it.
            aggs.push(len.alias(LEN));
            return rows.select(aggs);
        }
        rows.group_by(self.keys()).agg(aggs)
    }

    fn keys(&self) -> Vec<pl::Expr> {
        self.keys.iter().map(|key| pl::col(key.as_str())).collect()
    }

    /// The groups with their items, by key, out of one part.
    pub fn finished(&self, part: LazyFrame, translate: &Translate<'_>) -> Result<LazyFrame, jiff::Error> {
        let values: Vec<pl::Expr> = self.parts.iter().map(|part| part.value.clone()).collect();
        let mut columns = self.keys();
        for (name, value) in &self.items {
            columns.push(translate.as_type(value, value.ty)?.alias(name.as_str()));
        }
        if columns.is_empty() {
            columns.push(pl::col(LEN));
        }
        let groups = part.with_columns(values).select(columns);
        if self.keys.is_empty() {
            return Ok(groups);
        }
        let order: Vec<(String, bool)> = self.keys.iter().map(|key| (key.clone(), false)).collect();
        Ok(super::sort(groups, &order))
    }
}

/// The different aggregates in the items, and the items with columns in their places.
fn taken_out(items: &[(String, Expr)]) -> (Vec<Aggregate>, Vec<(String, Expr)>) {
    let mut aggregates: Vec<Aggregate> = Vec::new();
    let items = items.iter().map(|(name, value)| (name.clone(), take_out(value.clone(), &mut aggregates))).collect();
    (aggregates, items)
}

fn take_out(mut expr: Expr, aggregates: &mut Vec<Aggregate>) -> Expr {
    if let ExprKind::Aggregate(aggregate) = &expr.kind {
        let at = aggregates.iter().position(|before| same(before, aggregate)).unwrap_or_else(|| {
            aggregates.push((**aggregate).clone());
            aggregates.len() - 1
        });
        expr.kind = ExprKind::Column(Parts::name(at));
        return expr;
    }
    expr.map_parts(&mut |part| take_out(part, aggregates))
}

/// Whether two aggregates are the same but for where they are written.
fn same(left: &Aggregate, right: &Aggregate) -> bool {
    left.func == right.func
        && left.share == right.share
        && same_expr(left.of.as_ref(), right.of.as_ref())
        && same_expr(left.filter.as_ref(), right.filter.as_ref())
        && same_expr(left.by.as_ref(), right.by.as_ref())
}

fn same_expr(left: Option<&Expr>, right: Option<&Expr>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.same_as(right),
        _ => false,
    }
}
