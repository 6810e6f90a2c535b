//! `union` and `unpivot`: frames one after the other, their columns by name.

use cpl_model::program::{Column, Union, Unpivot};
use polars::prelude::{self as pl, LazyFrame};

use super::column_names;
use crate::{
    engine::{concat, data_type},
    error::ExecError,
    expr::null,
};

/// This table's rows, then those of the others.
pub fn union(tables: Vec<LazyFrame>, union: &Union) -> Result<LazyFrame, ExecError> {
    let parts = tables.into_iter().enumerate().map(|(at, mut rows)| {
        let there = column_names(&mut rows)?;
        let of = |column: &Column| {
            let value = if there.contains(&column.name) { pl::col(column.name.as_str()) } else { null(column.ty) };
            value.cast(data_type(column.ty)).alias(column.name.as_str())
        };
        let mut columns: Vec<pl::Expr> = union.columns.iter().map(of).collect();
        if let Some((into, names)) = &union.into {
            columns.push(pl::lit(names[at].as_str()).alias(into.as_str()));
        }
        // Beside the table's own columns a constant is one value of each row.
        let names = union.columns.iter().map(|column| column.name.as_str());
        let names: Vec<&str> = names.chain(union.into.iter().map(|(into, _)| into.as_str())).collect();
        Ok(rows.with_columns(columns).select(names.into_iter().map(pl::col).collect::<Vec<_>>()))
    });
    Ok(concat(parts.collect::<Result<_, ExecError>>()?))
}

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
