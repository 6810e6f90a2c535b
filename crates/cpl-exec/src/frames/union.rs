//! `union` and `unpivot`: frames one behind the other, their columns by name.

use cpl_plan::program::{Column, Union, Unpivot};
use polars::prelude::{self as pl, LazyFrame};

use super::{Frames, columns_of};
use crate::{expr::null, trouble::Trouble, types::data_type};

/// This table's rows, then those of the others.
pub fn union(rows: LazyFrame, union: &Union, frames: &Frames) -> Result<LazyFrame, Trouble> {
    let tables = std::iter::once(rows).chain(union.tables.iter().map(|id| frames.table(*id)));
    let parts = tables.enumerate().map(|(at, mut rows)| {
        let there = columns_of(&mut rows)?;
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
    Ok(behind_each_other(parts.collect::<Result<_, Trouble>>()?))
}

/// A row for each of several columns.
pub fn unpivot(mut rows: LazyFrame, unpivot: &Unpivot) -> Result<LazyFrame, Trouble> {
    let mut kept = columns_of(&mut rows)?;
    kept.retain(|name| !unpivot.columns.iter().any(|(column, _)| column == name));
    let kept: Vec<pl::Expr> = kept.iter().map(|name| pl::col(name.as_str())).collect();
    let (value, ty) = &unpivot.value;
    let parts = unpivot.columns.iter().map(|(column, called)| {
        let name = pl::lit(called.as_str()).alias(unpivot.name.as_str());
        let value = pl::col(column.as_str()).cast(data_type(*ty)).alias(value.as_str());
        rows.clone().select([kept.clone(), vec![name, value]].concat())
    });
    Ok(behind_each_other(parts.collect()))
}

pub fn behind_each_other(frames: Vec<LazyFrame>) -> LazyFrame {
    let options = pl::UnionArgs { maintain_order: true, ..Default::default() };
    pl::concat(frames, options).unwrap_or_else(|error| unreachable!("at least one frame: {error}"))
}
