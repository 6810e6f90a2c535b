//! Functions of our own in the engine's expressions.

use polars::prelude::{Column, DataType, Expr, Field, PolarsResult};

/// What a function makes of columns, row by row, however many rows the engine hands it at once. The result bears the
/// first column's name. Not `Expr::map`: that hands each batch to another thread and waits for it.
pub fn elementwise(
    values: impl IntoIterator<Item = Expr>,
    ty: DataType,
    function: impl Fn(&[Column]) -> PolarsResult<Column> + Send + Sync + 'static,
) -> Expr {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { unreachable!("a function has an argument") };
    let rest: Vec<Expr> = values.collect();
    first.map_many(
        move |columns| function(columns),
        &rest,
        move |_, fields| Ok(Field::new(fields[0].name().clone(), ty.clone())),
    )
}
