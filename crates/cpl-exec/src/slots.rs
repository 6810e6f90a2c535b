//! What is computed of each row of a rule, and where in the row it is found.

use cpl_plan::{
    program::{Expr, Rows},
    types::Type,
};
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    expr::Translate,
    frames::{self, Prepared},
    trouble::{self, Trouble},
};

/// Expressions computed in each row, each once.
#[derive(Default)]
pub struct Slots(Vec<Expr>);

/// Where the value of an expression is found in a row.
#[derive(Clone, Copy, Debug)]
pub struct Slot(pub usize);

impl Slots {
    pub fn add(&mut self, expr: &Expr) -> Slot {
        let at = self.0.iter().position(|before| before.same_as(expr)).unwrap_or_else(|| {
            self.0.push(expr.clone());
            self.0.len() - 1
        });
        Slot(at)
    }

    pub fn column(&mut self, name: &str, ty: Type) -> Slot {
        self.add(&Expr::column(name, ty, true, cpl_syntax::Span::default()))
    }

    /// The frame in which each slot is a column, a row for each of the rule's.
    pub fn frame(&self, table: LazyFrame, of: &Rows, translate: &Translate<'_>) -> Result<LazyFrame, Trouble> {
        let Prepared { frame, exprs, .. } = frames::prepared(table, &self.0.iter().collect::<Vec<_>>(), translate)?;
        let rows = match &of.newest {
            None => frame,
            Some(newest) => frames::newest(&frame, &of.key, newest, translate).map_err(trouble::calendar)?,
        };
        let mut columns = Vec::new();
        for (at, expr) in exprs.iter().enumerate() {
            columns.push(translate.as_type(expr, expr.ty).map_err(trouble::calendar)?.alias(format!("·{at}")));
        }
        // Beside the table's columns a value that is the same in all rows is one of each row, of which there may be none.
        let names: Vec<pl::Expr> = (0..self.0.len()).map(|at| pl::col(format!("·{at}"))).collect();
        Ok(rows.with_columns(columns).select(names))
    }

    pub fn types(&self) -> Vec<Type> {
        self.0.iter().map(|expr| expr.ty).collect()
    }
}
