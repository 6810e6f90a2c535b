//! Typed expressions → expressions of the engine. Three-valued: unknown is null.

mod applied;
mod arith;
mod compare;
mod finite;
mod function;
mod literal;
mod money;
mod narrow;
mod quotient;
mod surely;
mod text;

use std::collections::BTreeMap;

use cpl_model::{
    program::{Expr, ExprKind, Logic, TableId},
    types::Type,
};
use jiff::tz::TimeZone;
use polars::prelude as pl;

use literal::scalar;
pub use literal::{day, instant, null};
pub use money::between;
pub use narrow::{narrow, widen};
pub use quotient::quotient;

use crate::engine::{data_type, to_local, to_moment};

/// Turns typed expressions into the engine's. The plan is bound: nothing depends on a clock any more.
#[derive(Clone)]
pub struct Translator<'a> {
    /// The pipeline's zone.
    pub zone: &'a TimeZone,
    /// Totals of tables that are computed already.
    pub totals: BTreeMap<TableId, pl::Scalar>,
}

impl Translator<'_> {
    /// The engine's expression for `expr`. Aggregates and windows are operators: the plan has columns in their places.
    pub fn expr(&self, expr: &Expr) -> pl::Expr {
        match &expr.kind {
            ExprKind::Constant(constant) => literal::constant(constant, expr.ty),
            ExprKind::Column(name) => pl::col(name.as_str()),
            ExprKind::New => null(expr.ty),
            ExprKind::Total(table) => {
                let Some(total) = self.totals.get(table) else { unreachable!("a total is computed before it is read") };
                scalar(total.clone())
            }
            ExprKind::Not(inner) => self.expr(inner).not(),
            ExprKind::Text(pieces) => self.text(pieces),
            ExprKind::Negate(inner) => self.negate(inner),
            ExprKind::Logic(Logic::And, left, right) => self.expr(left).and(self.expr(right)),
            ExprKind::Logic(Logic::Or, left, right) => self.expr(left).or(self.expr(right)),
            ExprKind::Arith(op, left, right) => self.arith(*op, left, right, expr.ty),
            ExprKind::OrElse(left, right) => pl::coalesce(&[self.as_type(left, expr.ty), self.as_type(right, expr.ty)]),
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right),
            ExprKind::Exceeds(direction, left, right, margin) => {
                self.exceeds(*direction, left, right, margin.as_deref())
            }
            ExprKind::Within(inverted, left, right, margin) => {
                let within = self.within(left, right, margin);
                if *inverted { within.not() } else { within }
            }
            ExprKind::Known(inner) => self.expr(inner).is_not_null(),
            ExprKind::OneOf(left, values) => self.one_of(left, values),
            ExprKind::InWindow(..) => unreachable!("a bound plan has no windows"),
            ExprKind::InRange(value, from, to) => self.in_range(value, from, to),
            ExprKind::Function(function, args) => self.function(*function, args, expr.ty),
            ExprKind::WholeUnits(amount, currency, digits) => {
                money::whole_units(&self.expr(amount), &self.expr(currency), digits.clone())
            }
            ExprKind::Aggregate(_) | ExprKind::Series(_) => unreachable!("operators of their own compute these"),
            ExprKind::Applied(applied) => self.applied(applied),
            ExprKind::Surely(surely) => self.surely(surely),
            ExprKind::ByDay(_) => unreachable!("two aggregates compute it"),
        }
    }

    /// The value as one of `ty`, where its own type is a narrower one.
    pub fn as_type(&self, expr: &Expr, ty: Type) -> pl::Expr {
        let value = self.expr(expr);
        if data_type(expr.ty) == data_type(ty) { value } else { value.cast(data_type(ty)) }
    }

    /// A quantity, a ratio or money as a float.
    fn as_float(&self, expr: &Expr) -> pl::Expr {
        self.as_type(expr, Type::Number)
    }

    /// The day, in the pipeline's zone.
    pub fn date_of(&self, time: &Expr) -> pl::Expr {
        let value = self.expr(time);
        if time.ty == Type::Datetime { self.local(value).dt().date() } else { value }
    }

    /// A moment as the clock on the wall shows it in the pipeline's zone.
    pub fn local(&self, moment: pl::Expr) -> pl::Expr {
        to_local(moment, self.zone)
    }

    /// A moment moved by the clock on the wall: the first of two, unknown where the clock skips it.
    pub fn moved_by_clock(&self, moment: pl::Expr, length: &str) -> pl::Expr {
        to_moment(self.local(moment).dt().offset_by(pl::lit(length)), self.zone)
    }
}
