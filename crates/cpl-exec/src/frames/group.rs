//! `group by`: each aggregate is computed once, then the items are put together from them.

use cpl_plan::program::{Aggregate, Column, Expr, ExprKind};
use polars::prelude::{self as pl, LazyFrame};

use super::aggregate::Parts;
use crate::expr::Translate;

/// One row a group, by key; without keys one row.
pub fn group(
    frame: LazyFrame,
    keys: &[Column],
    items: &[(String, Expr)],
    translate: &Translate<'_>,
) -> Result<LazyFrame, jiff::Error> {
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let (aggregates, items) = taken_out(items);
    let parts = aggregates
        .iter()
        .enumerate()
        .map(|(at, aggregate)| Parts::of(at, aggregate, translate))
        .collect::<Result<Vec<_>, _>>()?;
    let before: Vec<pl::Expr> = parts.iter().flat_map(|part| part.before.clone()).collect();
    let frame = if before.is_empty() { frame } else { frame.with_columns(before) };
    let mut aggs: Vec<pl::Expr> = parts.iter().flat_map(|part| part.aggs.clone()).collect();
    if names.is_empty() {
        // A frame of one row, also where nothing is asked of it.
        aggs.push(pl::len().alias("·len"));
        let one = frame.select(aggs).with_columns(finished(&parts));
        return finish(one, &[], &items, translate);
    }
    let columns: Vec<pl::Expr> = names.iter().map(|name| pl::col(*name)).collect();
    let grouped = frame.group_by(columns).agg(aggs).with_columns(finished(&parts));
    let order: Vec<(String, bool)> = names.iter().map(|name| ((*name).to_owned(), false)).collect();
    Ok(super::sort(finish(grouped, &names, &items, translate)?, &order))
}

fn finished(parts: &[Parts]) -> Vec<pl::Expr> {
    parts.iter().map(|part| part.value.clone()).collect()
}

fn finish(
    frame: LazyFrame,
    keys: &[&str],
    items: &[(String, Expr)],
    translate: &Translate<'_>,
) -> Result<LazyFrame, jiff::Error> {
    let mut columns: Vec<pl::Expr> = keys.iter().map(|key| pl::col(*key)).collect();
    for (name, value) in items {
        columns.push(translate.as_type(value, value.ty)?.alias(name.as_str()));
    }
    if columns.is_empty() {
        columns.push(pl::col("·len"));
    }
    Ok(frame.select(columns))
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
