//! Comparisons, margins, windows. Floats that differ by less than one part in a billion are equal.

use cpl_model::{
    program::{CompareOp, Direction, Expr, Margin},
    types::Type,
};
use polars::prelude as pl;

use super::{Translator, money};
use crate::engine::data_type;

/// How far apart two floats may be and still be equal, as a part of the larger.
const TOLERANCE: f64 = 1e-9;

/// Two sides of one type.
struct Sides {
    left: pl::Expr,
    right: pl::Expr,
    float: bool,
}

impl Translator<'_> {
    pub(super) fn compare(&self, op: CompareOp, left: &Expr, right: &Expr) -> pl::Expr {
        let sides = self.sides(left, right);
        sides.compare(op)
    }

    /// Both sides in the type in which they are compared.
    fn sides(&self, left: &Expr, right: &Expr) -> Sides {
        if left.ty != right.ty && left.ty.is_time() && right.ty.is_time() {
            return Sides { left: self.date_of(left), right: self.date_of(right), float: false };
        }
        let ty = left.ty.common(right.ty).unwrap_or(left.ty);
        let float = data_type(ty) == pl::DataType::Float64;
        Sides { left: self.as_type(left, ty), right: self.as_type(right, ty), float }
    }

    /// A share of a whole number need not be whole: then both sides are floats, and compared as such.
    fn sides_for(&self, left: &Expr, right: &Expr, margin: Option<&Margin>) -> Sides {
        let share = matches!(margin, Some(Margin::Share(_)));
        if share && left.ty.is_quantity() {
            return Sides { left: self.as_float(left), right: self.as_float(right), float: true };
        }
        let Sides { left: value, right: other, float } = self.sides(left, right);
        // How far times and lengths of time are apart is computed in microseconds.
        let micros = |value: pl::Expr| match left.ty {
            Type::Date | Type::Datetime => value.cast(data_type(Type::Datetime)).cast(pl::DataType::Int64),
            Type::Duration => value.cast(pl::DataType::Int64),
            _ => value,
        };
        Sides { left: micros(value), right: micros(other), float }
    }

    /// `a exceeds b by 15%`: a > b + 15% of |b|; `falls below`: a < b − 15% of |b|.
    pub(super) fn exceeds(&self, direction: Direction, left: &Expr, right: &Expr, margin: Option<&Margin>) -> pl::Expr {
        let Sides { left: value, right: than, float } = self.sides_for(left, right, margin);
        let bound = match margin {
            None => than,
            Some(margin) => {
                let by = self.margin(margin, than.clone(), right.ty, float);
                if direction == Direction::Above { than + by } else { than - by }
            }
        };
        let op = if direction == Direction::Above { CompareOp::Greater } else { CompareOp::Less };
        Sides { left: value, right: bound, float }.compare(op)
    }

    /// |a − b| ≤ the margin.
    pub(super) fn within(&self, left: &Expr, right: &Expr, margin: &Margin) -> pl::Expr {
        let Sides { left: value, right: of, float } = self.sides_for(left, right, Some(margin));
        let far = (value - of.clone()).abs();
        let margin = self.margin(margin, of, right.ty, float);
        Sides { left: far, right: margin, float }.compare(CompareOp::LessOrEqual)
    }

    /// How far, in the unit of `of`.
    fn margin(&self, margin: &Margin, of: pl::Expr, ty: Type, float: bool) -> pl::Expr {
        match margin {
            Margin::Absolute(amount) if float => self.as_float(amount),
            Margin::Absolute(amount) if amount.ty == Type::Duration => self.expr(amount).cast(pl::DataType::Int64),
            Margin::Absolute(amount) => self.expr(amount),
            Margin::Share(share) => {
                let share = self.expr(share);
                match ty {
                    Type::Money(_) => money::multiply(of.abs(), share),
                    _ => of.abs() * share,
                }
            }
        }
    }

    pub(super) fn one_of(&self, left: &Expr, values: &[Expr]) -> pl::Expr {
        let mut any = pl::lit(false);
        for value in values {
            any = any.or(self.compare(CompareOp::Equal, left, value));
        }
        any
    }

    pub(super) fn in_range(&self, value: &Expr, from: &Expr, to: &Expr) -> pl::Expr {
        let above = self.compare(CompareOp::GreaterOrEqual, value, from);
        above.and(self.compare(CompareOp::LessOrEqual, value, to))
    }
}

impl Sides {
    fn compare(self, op: CompareOp) -> pl::Expr {
        let Self { left, right, float } = self;
        if !float {
            return exact(op, left, right);
        }
        let far = (left.clone() - right.clone()).abs();
        let larger = larger(left.clone().abs(), right.clone().abs());
        let near = far.lt_eq(larger * pl::lit(TOLERANCE));
        match op {
            CompareOp::Equal => near,
            CompareOp::Unequal => near.not(),
            CompareOp::LessOrEqual | CompareOp::GreaterOrEqual => near.or(exact(op, left, right)),
            CompareOp::Less | CompareOp::Greater => near.not().and(exact(op, left, right)),
        }
    }
}

fn exact(op: CompareOp, left: pl::Expr, right: pl::Expr) -> pl::Expr {
    match op {
        CompareOp::Equal => left.eq(right),
        CompareOp::Unequal => left.neq(right),
        CompareOp::Less => left.lt(right),
        CompareOp::LessOrEqual => left.lt_eq(right),
        CompareOp::Greater => left.gt(right),
        CompareOp::GreaterOrEqual => left.gt_eq(right),
    }
}

fn larger(left: pl::Expr, right: pl::Expr) -> pl::Expr {
    pl::when(left.clone().gt(right.clone())).then(left).otherwise(right)
}
