//! Values that are sums, or quotients of two sums: what moves them can be told, group by group.

use rust_decimal::Decimal;

use super::{AggFunc, ArithOp, Expr, ExprKind};
use crate::types::Type;

/// A value as a quotient of two aggregates that add up over groups.
#[derive(Clone, Debug)]
pub struct Quotient {
    /// What is divided.
    pub above: Expr,
    /// What divides it; none of a plain sum or count.
    pub below: Option<Expr>,
    /// How many times it is taken: 1,000 of a cost per thousand.
    pub factor: Decimal,
}

impl Quotient {
    /// Of `sum(a) / sum(b)`, `sum(a)`, `count()`, `mean(a)`, and of such times a number; none of a value that is none of those.
    #[must_use]
    pub fn of(value: &Expr) -> Option<Self> {
        let factor = Decimal::ONE;
        match &value.kind {
            ExprKind::Arith(ArithOp::Multiply, rest, by) | ExprKind::Arith(ArithOp::Multiply, by, rest)
                if by.amount().is_some() =>
            {
                let quotient = Self::of(rest)?;
                Some(Self { factor: quotient.factor.checked_mul(by.amount()?)?, ..quotient })
            }
            ExprKind::Arith(ArithOp::Divide, above, below) if adds_up(above) && adds_up(below) => {
                Some(Self { above: (**above).clone(), below: Some((**below).clone()), factor })
            }
            ExprKind::Aggregate(aggregate) if aggregate.func == AggFunc::Mean => {
                let of = aggregate.of.clone()?;
                let part = |func, ty| Expr::aggregate(func, Some(of.clone()), aggregate.filter.clone(), ty, value.span);
                // A mean of counts is a number, and their sum too.
                let ty = if of.ty.is_quantity() { Type::Number } else { of.ty };
                Some(Self { above: part(AggFunc::Sum, ty), below: Some(part(AggFunc::Count, Type::Count)), factor })
            }
            _ if adds_up(value) => Some(Self { above: value.clone(), below: None, factor }),
            _ => None,
        }
    }
}

/// Whether the value of several groups is the sum of theirs.
fn adds_up(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Aggregate(aggregate) if matches!(aggregate.func, AggFunc::Sum | AggFunc::Count))
        && value.ty.is_amount()
}
