//! Typed expressions → expressions of the engine. Three-valued: unknown is null.

mod arith;
mod compare;
mod finite;
mod function;
mod literal;
mod money;
mod text;

use std::collections::BTreeMap;

use cpl_plan::{
    clock::Clock,
    program::{Expr, ExprKind, Logic, TableId},
    types::Type,
};
use jiff::tz::TimeZone;
use polars::prelude as pl;

pub use finite::quotient;
use literal::scalar;
pub use literal::{day, instant, null};
pub use money::{between, in_capitals, of_minor_units};

use crate::types::data_type;

/// Turns typed expressions into the engine's, for one window of time.
#[derive(Clone)]
pub struct Translate<'a> {
    /// The window.
    pub clock: &'a Clock,
    /// The pipeline's zone.
    pub zone: &'a TimeZone,
    /// Totals of tables that are made.
    pub totals: BTreeMap<TableId, pl::Scalar>,
}

impl Translate<'_> {
    /// The engine's expression for `expr`. An aggregate is not one of a row: `group.rs` takes it out first.
    pub fn expr(&self, expr: &Expr) -> Result<pl::Expr, jiff::Error> {
        Ok(match &expr.kind {
            ExprKind::Constant(constant) => self.constant(constant, expr.ty)?,
            ExprKind::Column(name) => pl::col(name.as_str()),
            ExprKind::New => null(expr.ty),
            ExprKind::Total(table) => {
                self.totals.get(table).map_or_else(|| null(expr.ty), |total| scalar(total.clone()))
            }
            ExprKind::Not(inner) => self.expr(inner)?.not(),
            ExprKind::Text(pieces) => self.text(pieces)?,
            ExprKind::Negate(inner) => self.negate(inner)?,
            ExprKind::Logic(Logic::And, left, right) => self.expr(left)?.and(self.expr(right)?),
            ExprKind::Logic(Logic::Or, left, right) => self.expr(left)?.or(self.expr(right)?),
            ExprKind::Arith(op, left, right) => self.arith(*op, left, right, expr.ty)?,
            ExprKind::OrElse(left, right) => {
                pl::coalesce(&[self.as_type(left, expr.ty)?, self.as_type(right, expr.ty)?])
            }
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right)?,
            ExprKind::Exceeds(direction, left, right, margin) => {
                self.exceeds(*direction, left, right, margin.as_deref())?
            }
            ExprKind::Within(inverted, left, right, margin) => {
                let within = self.within(left, right, margin)?;
                if *inverted { within.not() } else { within }
            }
            ExprKind::Known(inner) => self.expr(inner)?.is_not_null(),
            ExprKind::OneOf(left, values) => self.one_of(left, values)?,
            ExprKind::InWindow(time, window) => self.in_window(time, window.kind)?,
            ExprKind::InRange(value, from, to) => self.in_range(value, from, to)?,
            ExprKind::Function(function, args) => self.function(*function, args, expr.ty)?,
            ExprKind::Aggregate(_) | ExprKind::Series(_) => unreachable!("these are taken out before"),
            ExprKind::Memory(_) => unreachable!("a plan that needs a memory does not run"),
        })
    }

    /// The value as one of `ty`, where its own type is a narrower one.
    pub fn as_type(&self, expr: &Expr, ty: Type) -> Result<pl::Expr, jiff::Error> {
        let value = self.expr(expr)?;
        Ok(if data_type(expr.ty) == data_type(ty) { value } else { value.cast(data_type(ty)) })
    }

    /// A quantity, a ratio or money as a float.
    fn as_float(&self, expr: &Expr) -> Result<pl::Expr, jiff::Error> {
        self.as_type(expr, Type::Number)
    }
}
