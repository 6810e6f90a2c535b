//! `+ - * /`: whole numbers do not wrap, a divisor of zero makes unknown, money stays exact.

use cpl_model::{
    program::{ArithOp, Constant, Expr, ExprKind},
    types::Type,
};
use jiff::Timestamp;
use polars::prelude::{self as pl, IntoColumn, arity};

use super::{
    Translator,
    finite::finite,
    money,
    narrow::{narrow, widen},
    quotient::quotient,
};
use crate::engine::{Failure, data_type, elementwise, moment, raise};

impl Translator<'_> {
    pub(super) fn arith(&self, op: ArithOp, left: &Expr, right: &Expr, ty: Type) -> pl::Expr {
        match (left.ty, right.ty) {
            (Type::Date | Type::Datetime, Type::Duration) => self.moved(op, left, right),
            (Type::Date | Type::Datetime | Type::Duration, _) | (_, Type::Duration) => {
                self.of_time(op, left, right, ty)
            }
            (Type::Money(_), _) | (_, Type::Money(_)) => self.of_money(op, left, right),
            _ if ty == Type::Integer => self.whole(op, left, right),
            _ if op == ArithOp::Divide => quotient(self.expr(left), self.expr(right)),
            _ => finite(apply(op, self.as_float(left), self.as_float(right))),
        }
    }

    pub(super) fn negate(&self, inner: &Expr) -> pl::Expr {
        let value = self.expr(inner);
        let zero = pl::lit(0i64).cast(data_type(inner.ty));
        let negated = zero - value;
        if data_type(inner.ty) == pl::DataType::Float64 { finite(negated) } else { negated }
    }

    /// Computed in 128 bits: what does not fit 64 is an error and not another number.
    fn whole(&self, op: ArithOp, left: &Expr, right: &Expr) -> pl::Expr {
        narrow(apply(op, widen(self.expr(left)), widen(self.expr(right))))
    }

    fn of_money(&self, op: ArithOp, left: &Expr, right: &Expr) -> pl::Expr {
        let is_money = |expr: &Expr| matches!(expr.ty, Type::Money(_));
        let (a, b) = (self.expr(left), self.expr(right));
        match op {
            ArithOp::Multiply if is_money(right) && !is_money(left) => Self::product(b, a, left),
            ArithOp::Multiply => Self::product(a, b, right),
            ArithOp::Divide if is_money(right) => quotient(a, b),
            ArithOp::Divide if right.ty.is_whole() => a / nonzero(b),
            ArithOp::Divide => money::divide(a, nonzero(b)),
            _ => apply(op, a, b),
        }
    }

    fn product(amount: pl::Expr, factor: pl::Expr, by: &Expr) -> pl::Expr {
        if by.ty.is_whole() { amount * factor } else { money::multiply(amount, factor) }
    }

    /// A day or a moment, earlier or later. A month's end is clamped.
    fn moved(&self, op: ArithOp, time: &Expr, by: &Expr) -> pl::Expr {
        let base = self.expr(time);
        let sign = if op == ArithOp::Subtract { -1 } else { 1 };
        if let ExprKind::Constant(Constant::Months(months)) = &by.kind {
            let length = format!("{}mo", sign * months);
            let by_clock = time.ty == Type::Datetime;
            return if by_clock { self.moved_by_clock(base, &length) } else { base.dt().offset_by(pl::lit(length)) };
        }
        let micros = |value: pl::Expr| value.cast(pl::DataType::Int64);
        let operands = [micros(base.cast(moment())), micros(self.expr(by))];
        let moved = elementwise(operands, pl::DataType::Int64, move |columns| {
            let add = |base: Option<i64>, by: Option<i64>| {
                base.zip(by).map(|(base, by)| moved_by(base, by, sign < 0)).transpose()
            };
            let moved: pl::Int64Chunked =
                arity::broadcast_try_binary_elementwise(columns[0].i64()?, columns[1].i64()?, add)?;
            Ok(moved.into_column())
        });
        moved.cast(moment()).cast(data_type(time.ty))
    }

    fn of_time(&self, op: ArithOp, left: &Expr, right: &Expr, ty: Type) -> pl::Expr {
        let micros = |value: pl::Expr, of: &Expr| match of.ty {
            Type::Date => value.cast(moment()).cast(pl::DataType::Int64),
            Type::Datetime | Type::Duration => value.cast(pl::DataType::Int64),
            _ => value.cast(pl::DataType::Float64),
        };
        let (a, b) = (micros(self.expr(left), left), micros(self.expr(right), right));
        if ty == Type::Number {
            return quotient(a, b);
        }
        let whole = [left, right].iter().all(|side| data_type(side.ty) != pl::DataType::Float64);
        let wide = |value: pl::Expr| if whole { widen(value) } else { value };
        narrow(apply(op, wide(a), wide(b))).cast(data_type(Type::Duration))
    }
}

/// A moment so many microseconds later, or earlier.
fn moved_by(base: i64, by: i64, earlier: bool) -> pl::PolarsResult<i64> {
    let moved = if earlier { base.checked_sub(by) } else { base.checked_add(by) };
    let inside = moved.filter(|at| Timestamp::from_microsecond(*at).is_ok());
    inside.ok_or_else(|| raise(Failure::OutsideCalendar))
}

fn apply(op: ArithOp, left: pl::Expr, right: pl::Expr) -> pl::Expr {
    match op {
        ArithOp::Add => left + right,
        ArithOp::Subtract => left - right,
        ArithOp::Multiply => left * right,
        ArithOp::Divide => quotient(left, right),
        ArithOp::OrElse => pl::coalesce(&[left, right]),
    }
}

/// The divisor, unknown where it is zero.
pub fn nonzero(divisor: pl::Expr) -> pl::Expr {
    pl::when(divisor.clone().neq(pl::lit(0))).then(divisor).otherwise(pl::lit(pl::Null {}))
}
