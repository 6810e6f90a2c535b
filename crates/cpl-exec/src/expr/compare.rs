//! Comparisons, margins, windows. Floats that differ by less than one part in a billion are equal.

use cpl_plan::{
    program::{CompareOp, Direction, Expr, Margin, WindowKind},
    types::Type,
};
use cpl_syntax::tree::Unit;
use polars::prelude as pl;

use super::{
    Translate,
    literal::{day, instant},
    money,
};
use crate::types::data_type;

/// How far apart two floats may be and still be equal, as a part of the larger.
const TOLERANCE: f64 = 1e-9;

/// Two sides of one type.
struct Sides {
    left: pl::Expr,
    right: pl::Expr,
    float: bool,
}

impl Translate<'_> {
    pub(super) fn compare(&self, op: CompareOp, left: &Expr, right: &Expr) -> Result<pl::Expr, jiff::Error> {
        let sides = self.sides(left, right)?;
        Ok(sides.compare(op))
    }

    /// Both sides in the type in which they are compared.
    fn sides(&self, left: &Expr, right: &Expr) -> Result<Sides, jiff::Error> {
        if left.ty != right.ty && left.ty.is_time() && right.ty.is_time() {
            return Ok(Sides { left: self.date_of(left)?, right: self.date_of(right)?, float: false });
        }
        let ty = left.ty.common(right.ty).unwrap_or(left.ty);
        let float = data_type(ty) == pl::DataType::Float64;
        Ok(Sides { left: self.as_type(left, ty)?, right: self.as_type(right, ty)?, float })
    }

    /// A share of a whole number need not be whole: then both sides are floats, and compared as such.
    fn sides_for(&self, left: &Expr, right: &Expr, margin: Option<&Margin>) -> Result<Sides, jiff::Error> {
        let share = matches!(margin, Some(Margin::Share(_)));
        if share && left.ty.is_quantity() {
            return Ok(Sides { left: self.as_float(left)?, right: self.as_float(right)?, float: true });
        }
        let Sides { left: value, right: other, float } = self.sides(left, right)?;
        // How far times and lengths of time are apart is told in microseconds.
        let micros = |value: pl::Expr| match left.ty {
            Type::Date | Type::Datetime => value.cast(data_type(Type::Datetime)).cast(pl::DataType::Int64),
            Type::Duration => value.cast(pl::DataType::Int64),
            _ => value,
        };
        Ok(Sides { left: micros(value), right: micros(other), float })
    }

    /// `a exceeds b by 15%`: a > b + 15% of |b|; `falls below`: a < b − 15% of |b|.
    pub(super) fn exceeds(
        &self,
        direction: Direction,
        left: &Expr,
        right: &Expr,
        margin: Option<&Margin>,
    ) -> Result<pl::Expr, jiff::Error> {
        let Sides { left: value, right: than, float } = self.sides_for(left, right, margin)?;
        let bound = match margin {
            None => than,
            Some(margin) => {
                let by = self.margin(margin, than.clone(), right.ty, float)?;
                if direction == Direction::Above { than + by } else { than - by }
            }
        };
        let op = if direction == Direction::Above { CompareOp::Greater } else { CompareOp::Less };
        Ok(Sides { left: value, right: bound, float }.compare(op))
    }

    /// |a − b| ≤ the margin.
    pub(super) fn within(&self, left: &Expr, right: &Expr, margin: &Margin) -> Result<pl::Expr, jiff::Error> {
        let Sides { left: value, right: of, float } = self.sides_for(left, right, Some(margin))?;
        let far = (value - of.clone()).abs();
        let margin = self.margin(margin, of, right.ty, float)?;
        Ok(Sides { left: far, right: margin, float }.compare(CompareOp::LessOrEqual))
    }

    /// How far, in the unit of `of`.
    fn margin(&self, margin: &Margin, of: pl::Expr, ty: Type, float: bool) -> Result<pl::Expr, jiff::Error> {
        Ok(match margin {
            Margin::Absolute(amount) if float => self.as_float(amount)?,
            Margin::Absolute(amount) if amount.ty == Type::Duration => self.expr(amount)?.cast(pl::DataType::Int64),
            Margin::Absolute(amount) => self.expr(amount)?,
            Margin::Share(share) => {
                let share = self.expr(share)?;
                match ty {
                    Type::Money(_) => money::multiply(of.abs(), share),
                    _ => of.abs() * share,
                }
            }
        })
    }

    pub(super) fn one_of(&self, left: &Expr, values: &[Expr]) -> Result<pl::Expr, jiff::Error> {
        let mut any = pl::lit(false);
        for value in values {
            any = any.or(self.compare(CompareOp::Equal, left, value)?);
        }
        Ok(any)
    }

    pub(super) fn in_range(&self, value: &Expr, from: &Expr, to: &Expr) -> Result<pl::Expr, jiff::Error> {
        let above = self.compare(CompareOp::GreaterOrEqual, value, from)?;
        Ok(above.and(self.compare(CompareOp::LessOrEqual, value, to)?))
    }

    /// Complete periods before `now`, both ends included.
    pub(super) fn in_window(&self, time: &Expr, window: WindowKind) -> Result<pl::Expr, jiff::Error> {
        if let WindowKind::Last(hours, Unit::Hour) = window {
            let (start, end) = self.clock.hours(hours)?;
            let time = self.expr(time)?;
            return Ok(time.clone().gt_eq(instant(start)).and(time.lt(instant(end))));
        }
        let (first, last) = self.clock.days(window)?;
        let date = self.date_of(time)?;
        Ok(date.clone().gt_eq(day(first)).and(date.lt_eq(day(last))))
    }

    /// The day, in the pipeline's zone.
    pub fn date_of(&self, time: &Expr) -> Result<pl::Expr, jiff::Error> {
        let value = self.expr(time)?;
        Ok(if time.ty == Type::Datetime { self.local(value).dt().date() } else { value })
    }

    /// A moment told in the pipeline's zone.
    pub fn local(&self, moment: pl::Expr) -> pl::Expr {
        moment.dt().convert_time_zone(self.engine_zone())
    }

    fn engine_zone(&self) -> pl::TimeZone {
        let name = self.zone.iana_name().unwrap_or("UTC");
        pl::TimeZone::opt_try_new(Some(name)).ok().flatten().unwrap_or(pl::TimeZone::UTC)
    }

    /// A moment moved by the clock on the wall: the first of two, unknown where the clock skips it.
    pub fn moved_by_clock(&self, moment: pl::Expr, length: &str) -> pl::Expr {
        let either =
            |time: pl::Expr, zone| time.dt().replace_time_zone(zone, pl::lit("earliest"), pl::NonExistent::Null);
        let naive = either(self.local(moment), None).dt().offset_by(pl::lit(length));
        either(naive, Some(self.engine_zone())).dt().convert_time_zone(pl::TimeZone::UTC)
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
