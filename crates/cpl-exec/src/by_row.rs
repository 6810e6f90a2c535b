//! Functions of our own in the engine's expressions.

use polars::prelude::{Column, DataType, Expr, Field, PolarsResult};

/// What a function makes of columns, row by row, however many rows the engine gives it at once. The name is the first
/// one's. Not `Expr::map`: that hands each batch to a thread of its own, lest the function ask the engine for more.
pub fn by_row(
    values: impl IntoIterator<Item = Expr>,
    ty: DataType,
    function: impl Fn(&[Column]) -> PolarsResult<Column> + Send + Sync + 'static,
) -> Expr {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { unreachable!("a function is of something") };
    let rest: Vec<Expr> = values.collect();
    first.map_many(
        move |columns| function(columns),
        &rest,
        move |_, fields| Ok(Field::new(fields[0].name().clone(), ty.clone())),
    )
}
