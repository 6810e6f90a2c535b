//! What several operators do with columns.

use cpl_model::types::Type;
use polars::prelude::{self as pl, LazyFrame};

use crate::{engine::classify, error::ExecError, expr::null};

/// The names of a frame's columns.
pub fn column_names(frame: &mut LazyFrame) -> Result<Vec<String>, ExecError> {
    let schema = frame.collect_schema().map_err(classify)?;
    Ok(schema.iter_names().map(ToString::to_string).collect())
}

/// The value where the condition is true; else unknown.
pub fn only_if(condition: pl::Expr, value: pl::Expr, ty: Type) -> pl::Expr {
    pl::when(condition).then(value).otherwise(null(ty))
}
