//! `unpivot`: a row for each of several columns.

use cpl_model::program::Unpivot;
use polars::prelude::{self as pl, LazyFrame};

use super::columns::column_names;
use crate::{
    engine::{concat, data_type},
    error::ExecError,
};

/// A row for each of several columns.
pub fn unpivot(mut rows: LazyFrame, unpivot: &Unpivot) -> Result<LazyFrame, ExecError> {
    let mut kept = column_names(&mut rows)?;
    kept.retain(|name| !unpivot.columns.iter().any(|(column, _)| column == name));
    let kept: Vec<pl::Expr> = kept.iter().map(|name| pl::col(name.as_str())).collect();
    let (value, ty) = &unpivot.value;
    let parts = unpivot.columns.iter().map(|(column, called)| {
        let name = pl::lit(called.as_str()).alias(unpivot.name.as_str());
        let value = pl::col(column.as_str()).cast(data_type(*ty)).alias(value.as_str());
        rows.clone().select([kept.clone(), vec![name, value]].concat())
    });
    Ok(concat(parts.collect()))
}
