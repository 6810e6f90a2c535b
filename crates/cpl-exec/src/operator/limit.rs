//! `take`: the first rows.

use polars::prelude::{self as pl, DataType, LazyFrame};

use crate::{engine::classify, error::ExecError};

/// The first rows, of each value of some columns where they are named.
pub fn limit(frame: LazyFrame, rows: u32, per: &[String]) -> Result<LazyFrame, ExecError> {
    if per.is_empty() {
        return Ok(frame.limit(rows));
    }
    let per: Vec<pl::Expr> = per.iter().map(|name| pl::col(name.as_str())).collect();
    let place = pl::int_range(pl::lit(0), pl::len(), 1, DataType::Int64).over(per).map_err(classify)?;
    Ok(frame.filter(place.lt(pl::lit(rows))))
}
