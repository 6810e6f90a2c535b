//! `where`: rows for which it is true; unknown drops the row.

use cpl_model::program::Expr;
use polars::prelude::LazyFrame;

use crate::expr::Translator;

/// Rows for which a condition is true.
pub fn filter(condition: &Expr, frame: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
    frame.filter(translator.expr(condition))
}
