//! `union`: the rows of several tables, their columns by name.

use cpl_model::program::{Column, Union};
use polars::prelude::{self as pl, LazyFrame};

use super::columns::column_names;
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
        // Next to the table's own columns a constant is one value of each row.
        let names = union.columns.iter().map(|column| column.name.as_str());
        let names: Vec<&str> = names.chain(union.into.iter().map(|(into, _)| into.as_str())).collect();
        Ok(rows.with_columns(columns).select(names.into_iter().map(pl::col).collect::<Vec<_>>()))
    });
    Ok(concat(parts.collect::<Result<_, ExecError>>()?))
}
