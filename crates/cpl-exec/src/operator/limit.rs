//! `take`: the first rows.

use polars::prelude::{self as pl, DataType, LazyFrame};

use crate::{engine::classify, error::ExecError};

/// The first rows, of each value of a column where one is named.
pub fn limit(frame: LazyFrame, rows: u32, per: Option<&str>) -> Result<LazyFrame, ExecError> {
    let Some(per) = per else { return Ok(frame.limit(rows)) };
    let place = pl::int_range(pl::lit(0), pl::len(), 1, DataType::Int64).over([pl::col(per)]).map_err(classify)?;
    Ok(frame.filter(place.lt(pl::lit(rows))))
}
