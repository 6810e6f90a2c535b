//! `keep`: these columns, in this order.

use cpl_model::program::Expr;
use polars::prelude::{self as pl, LazyFrame};

use crate::expr::Translator;

/// These columns; what is computed sees the rows as they are.
pub fn project(columns: &[(String, Expr)], frame: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
    let is_same = |(name, value): &&(String, Expr)| value.columns() == [name.as_str()] && value.parts().is_empty();
    let computed = columns.iter().filter(|column| !is_same(column));
    let computed: Vec<pl::Expr> = computed.map(|(name, value)| translator.expr(value).alias(name.as_str())).collect();
    let names: Vec<pl::Expr> = columns.iter().map(|(name, _)| pl::col(name.as_str())).collect();
    // Next to the other columns a constant is one value of each row.
    let frame = if computed.is_empty() { frame } else { frame.with_columns(computed) };
    frame.select(names)
}
