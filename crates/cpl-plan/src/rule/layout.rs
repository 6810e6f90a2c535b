//! What is computed of each row of a rule, and where in the row it is found.

use cpl_model::{program::Expr, types::Type};

/// Expressions computed in each row, each once.
#[derive(Clone, Debug, Default)]
pub struct RowLayout(Vec<Expr>);

/// Where the value of an expression is found in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRef(pub usize);

impl RowLayout {
    /// Adds an expression, unless it is computed already.
    pub fn add(&mut self, expr: &Expr) -> ValueRef {
        let at = self.0.iter().position(|before| before.same_as(expr)).unwrap_or_else(|| {
            self.0.push(expr.clone());
            self.0.len() - 1
        });
        ValueRef(at)
    }

    /// Adds a column.
    pub fn column(&mut self, name: &str, ty: Type) -> ValueRef {
        self.add(&Expr::column(name, ty, true, cpl_syntax::Span::default()))
    }

    /// The expressions, in the order of the row's values.
    #[must_use]
    pub fn columns(&self) -> &[Expr] {
        &self.0
    }

    pub(crate) fn columns_mut(&mut self) -> &mut [Expr] {
        &mut self.0
    }

    /// The types of the row's values.
    #[must_use]
    pub fn types(&self) -> Vec<Type> {
        self.0.iter().map(|expr| expr.ty).collect()
    }
}
