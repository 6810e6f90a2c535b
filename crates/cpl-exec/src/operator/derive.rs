//! `derive`: new columns.

use cpl_model::program::Expr;
use cpl_plan::independent;
use polars::prelude::LazyFrame;

use crate::expr::Translator;

/// New columns, each seeing those before it; those that read none of them are computed together.
pub fn derive(mut columns: &[(String, Expr)], mut frame: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
    while !columns.is_empty() {
        let (together, rest) = columns.split_at(independent(columns));
        let named = together.iter().map(|(name, value)| translator.expr(value).alias(name.as_str()));
        frame = frame.with_columns(named.collect::<Vec<_>>());
        columns = rest;
    }
    frame
}
