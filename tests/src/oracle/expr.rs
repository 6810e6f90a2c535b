//! Expressions of a row or a group.

use cpl_model::{
    program::{ArithOp, CompareOp, Constant, Direction, Expr, ExprKind, Logic, Margin, Piece, Unit, WindowKind},
    types::Type,
    value::Value,
};
use jiff::{ToSpan, civil::Date};
use num_traits::{Signed, Zero};

use super::{
    Oracle, Rational, Row, Val,
    value::{float_of, millionth, rational},
};

/// How far apart two floats may be and still be equal.
const TOLERANCE: f64 = 1e-9;

/// What an expression sees.
#[derive(Clone, Copy)]
pub struct Seen<'r> {
    /// The row; of a group its key.
    pub row: &'r Row,
    /// The table's rows.
    pub rows: &'r [Row],
    /// The group's rows.
    pub group: Option<&'r [&'r Row]>,
}

impl Oracle<'_> {
    pub(super) fn eval(&self, expr: &Expr, seen: &Seen<'_>) -> Val {
        let of = |part: &Expr| self.eval(part, seen);
        match &expr.kind {
            ExprKind::Constant(constant) => self.constant(constant, expr.ty),
            ExprKind::Column(name) => seen.row[name].clone(),
            ExprKind::New => Val::Unknown,
            ExprKind::Not(a) => match of(a) {
                Val::Bool(value) => Val::Bool(!value),
                _ => Val::Unknown,
            },
            ExprKind::Text(pieces) => self.text(pieces, seen),
            ExprKind::Negate(a) => match of(a) {
                Val::Whole(value) => Val::Whole(-value),
                Val::Float(value) => Val::Float(-value),
                Val::Money(value) => Val::Money(-value),
                Val::Length(value) => Val::Length(-value),
                _ => Val::Unknown,
            },
            ExprKind::Logic(logic, a, b) => three_valued(*logic, &of(a), &of(b)),
            ExprKind::Arith(op, a, b) => self.arith(*op, a, b, expr.ty, seen),
            ExprKind::OrElse(a, b) => match of(a) {
                Val::Unknown => as_type(of(b), expr.ty),
                value => as_type(value, expr.ty),
            },
            ExprKind::Compare(op, a, b) => self.compare(*op, a, b, seen),
            ExprKind::Exceeds(direction, a, b, margin) => self.exceeds(*direction, a, b, margin.as_deref(), seen),
            ExprKind::Within(not, a, b, margin) => self.within(*not, a, b, margin, seen),
            ExprKind::Known(a) => Val::Bool(!of(a).is_unknown()),
            ExprKind::OneOf(a, values) => values.iter().fold(Val::Bool(false), |any, value| {
                three_valued(Logic::Or, &any, &self.compare(CompareOp::Equal, a, value, seen))
            }),
            ExprKind::InWindow(time, window) => self.in_window(&of(time), window.kind),
            ExprKind::InRange(a, from, to) => {
                let above = self.compare(CompareOp::GreaterOrEqual, a, from, seen);
                three_valued(Logic::And, &above, &self.compare(CompareOp::LessOrEqual, a, to, seen))
            }
            ExprKind::Function(function, args) => {
                let values: Vec<Val> = args.iter().map(of).collect();
                self.function(*function, args, &values, expr.ty)
            }
            ExprKind::Total(table) => {
                self.tables[table.0][0][&cpl_model::program::InternalColumn::Total.to_string()].clone()
            }
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr.ty, seen.group.unwrap_or_default()),
            ExprKind::Series(series) => self.series(series, expr.ty, seen),
            ExprKind::WholeUnits(..) | ExprKind::ByDay(_) => {
                unreachable!("the plan writes it, and this reads the program")
            }
            ExprKind::Applied(..) => Val::Unknown,
            ExprKind::Surely(surely) => self.surely(surely, seen),
        }
    }

    fn constant(&self, constant: &Constant, ty: Type) -> Val {
        let decimal = |text: String| {
            let behind = text.split_once('.').map_or(0, |(_, behind)| behind.len());
            let digits: i128 = text.replace('.', "").parse().unwrap_or(0);
            rational(digits, 10i128.pow(u32::try_from(behind).unwrap_or(0)))
        };
        match constant {
            Constant::Integer(value) => as_type(Val::Whole(i128::from(*value)), ty),
            Constant::Decimal(value) | Constant::Multiple(value) => match ty {
                Type::Money(_) => Val::Money(decimal(value.to_string())),
                _ => Val::Float(float_of(&decimal(value.to_string()))),
            },
            Constant::Date(date) => Val::Date(*date),
            Constant::Datetime(moment) => moment
                .to_zoned_datetime(self.program.timezone.clone())
                .map_or(Val::Unknown, |zoned| Val::Moment(zoned.timestamp())),
            Constant::Moment(moment) => Val::Moment(*moment),
            Constant::Now => Val::Moment(self.clock.now.timestamp()),
            Constant::Newest(..) => unreachable!("the plan writes it, and the oracle reads the program"),
            Constant::Today(days) => {
                let today = self.clock.today().checked_add(i64::from(*days).days());
                today.map_or(Val::Unknown, Val::Date)
            }
            Constant::Duration(micros) => Val::Length(*micros),
            // Only moves a date: looked at there.
            Constant::Months(_) | Constant::Unknown => Val::Unknown,
            Constant::Weekday(day) => Val::Weekday(*day as i8),
            Constant::Text(text) => Val::Text(text.clone()),
            Constant::Bool(value) => Val::Bool(*value),
        }
    }

    fn text(&self, pieces: &[Piece], seen: &Seen<'_>) -> Val {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Letters(letters) => text.push_str(letters),
                Piece::Hole(hole) => match self.eval(hole, seen) {
                    Val::Unknown => return Val::Unknown,
                    Val::Text(value) => text.push_str(&value),
                    Val::Whole(value) => {
                        text.push_str(&Value::Integer(i64::try_from(value).unwrap_or(0)).to_string());
                    }
                    other => unreachable!("the generated holes are texts and whole numbers: {other:?}"),
                },
            }
        }
        Val::Text(text)
    }

    fn arith(&self, op: ArithOp, a: &Expr, b: &Expr, ty: Type, seen: &Seen<'_>) -> Val {
        let left = self.eval(a, seen);
        if let ExprKind::Constant(Constant::Months(months)) = b.kind {
            return moved_by_months(&left, if op == ArithOp::Subtract { -months } else { months });
        }
        let right = self.eval(b, seen);
        if left.is_unknown() || right.is_unknown() {
            return Val::Unknown;
        }
        match (&left, &right, ty) {
            (Val::Date(a), Val::Date(b), _) => Val::Length(in_micros((*a - *b).get_days())),
            (Val::Moment(a), Val::Moment(b), _) => Val::Length(a.as_microsecond() - b.as_microsecond()),
            (Val::Date(date), Val::Length(length), _) => {
                let by = if op == ArithOp::Subtract { -length } else { *length };
                let days = by.div_euclid(86_400_000_000);
                date.checked_add(days.days()).map_or(Val::Unknown, Val::Date)
            }
            (Val::Moment(moment), Val::Length(length), _) => {
                let by = if op == ArithOp::Subtract { -length } else { *length };
                moment.checked_add(by.microseconds()).map_or(Val::Unknown, Val::Moment)
            }
            (_, _, Type::Money(_)) => {
                exact_arith(op, &left, &right).map_or(Val::Unknown, |v| Val::Money(millionth(&v)))
            }
            (Val::Whole(_), Val::Whole(_), Type::Integer | Type::Count) => exact_arith(op, &left, &right)
                .map_or(Val::Unknown, |v| Val::Whole(v.to_integer().try_into().unwrap_or(0))),
            // A quotient of what is exact is exact, until it is a float.
            (Val::Whole(_) | Val::Money(_) | Val::Length(_), Val::Whole(_) | Val::Money(_) | Val::Length(_), _)
                if op == ArithOp::Divide =>
            {
                exact_arith(op, &left, &right).map_or(Val::Unknown, |v| Val::Float(super::value::float_of(&v)))
            }
            _ => float_arith(op, &left, &right),
        }
    }

    /// Both sides, as they are compared.
    fn sides(&self, a: &Expr, b: &Expr, seen: &Seen<'_>) -> (Val, Val) {
        let (left, right) = (self.eval(a, seen), self.eval(b, seen));
        if a.ty != b.ty && a.ty.is_time() && b.ty.is_time() {
            return (self.day(&left), self.day(&right));
        }
        let ty = a.ty.common(b.ty).unwrap_or(a.ty);
        (as_type(left, ty), as_type(right, ty))
    }

    pub(super) fn day(&self, time: &Val) -> Val {
        match time {
            Val::Moment(moment) => Val::Date(self.program.timezone.to_datetime(*moment).date()),
            other => other.clone(),
        }
    }

    fn compare(&self, op: CompareOp, a: &Expr, b: &Expr, seen: &Seen<'_>) -> Val {
        let (left, right) = self.sides(a, b, seen);
        compared(op, &left, &right)
    }

    fn exceeds(&self, direction: Direction, a: &Expr, b: &Expr, margin: Option<&Margin>, seen: &Seen<'_>) -> Val {
        let (left, right) = self.sides(a, b, seen);
        let above = direction == Direction::Above;
        let op = if above { CompareOp::Greater } else { CompareOp::Less };
        let Some(margin) = margin else { return compared(op, &left, &right) };
        let Some((left, right, by)) = self.margin(&left, &right, margin, seen) else { return Val::Unknown };
        let (left, bound) = added(&left, &right, &by, above);
        compared(op, &left, &bound)
    }

    fn within(&self, not: bool, a: &Expr, b: &Expr, margin: &Margin, seen: &Seen<'_>) -> Val {
        let (left, right) = self.sides(a, b, seen);
        let Some((left, right, by)) = self.margin(&left, &right, margin, seen) else { return Val::Unknown };
        let far = match (&left, &right) {
            (Val::Float(a), Val::Float(b)) => Val::Float((a - b).abs()),
            (a, b) => match (a.exact(), b.exact()) {
                (Some(x), Some(y)) => like(a, &(x - y).abs()),
                _ => return Val::Unknown,
            },
        };
        match compared(CompareOp::LessOrEqual, &far, &by) {
            Val::Bool(value) => Val::Bool(value != not),
            _ => Val::Unknown,
        }
    }

    /// The sides, and how far, all in one kind: floats where a share is of whole numbers, lengths where of times.
    fn margin(&self, left: &Val, right: &Val, margin: &Margin, seen: &Seen<'_>) -> Option<(Val, Val, Val)> {
        let by = self.eval(margin.amount(), seen);
        if left.is_unknown() || right.is_unknown() || by.is_unknown() {
            return None;
        }
        let micros = |value: &Val| match value {
            Val::Date(date) => Val::Length(in_micros((*date - Date::constant(1970, 1, 1)).get_days())),
            Val::Moment(moment) => Val::Length(moment.as_microsecond()),
            other => other.clone(),
        };
        let (left, right) = (micros(left), micros(right));
        match margin {
            Margin::Absolute(_) => {
                let by = if matches!(left, Val::Float(_)) { Val::Float(by.float()?) } else { by };
                Some((left, right, by))
            }
            Margin::Share(_) => match (&left, &right) {
                (Val::Money(_), Val::Money(of)) => {
                    let by = millionth(&(of.abs() * by.exact()?));
                    Some((left, right, Val::Money(by)))
                }
                (a, b) => {
                    let (a, b, by) = (a.float()?, b.float()?, by.float()?);
                    Some((Val::Float(a), Val::Float(b), Val::Float(b.abs() * by)))
                }
            },
        }
    }

    fn in_window(&self, time: &Val, window: WindowKind) -> Val {
        if let (WindowKind::Last(n, Unit::Hour), Val::Moment(moment)) = (window, time) {
            let Some((start, end)) = self.hours(n) else { return Val::Unknown };
            return Val::Bool(*moment >= start && *moment < end);
        }
        match (self.day(time), self.days(window)) {
            (Val::Date(date), Some((first, last))) => Val::Bool(date >= first && date <= last),
            _ => Val::Unknown,
        }
    }
}

/// Days as microseconds.
fn in_micros(days: i32) -> i64 {
    i64::from(days) * 86_400_000_000
}

/// A value as one of a wider type.
pub fn as_type(value: Val, ty: Type) -> Val {
    match (&value, ty) {
        (Val::Whole(whole), Type::Number | Type::Ratio) => Val::Float(super::value::float_of_whole(*whole)),
        (Val::Whole(whole), Type::Money(_)) => Val::Money(rational(*whole, 1)),
        _ => value,
    }
}

pub fn three_valued(logic: Logic, a: &Val, b: &Val) -> Val {
    let decides = Val::Bool(logic == Logic::Or);
    if *a == decides || *b == decides {
        decides
    } else if a.is_unknown() || b.is_unknown() {
        Val::Unknown
    } else {
        Val::Bool(logic == Logic::And)
    }
}

/// Floats that differ by less than one part in a billion are equal.
pub fn compared(op: CompareOp, a: &Val, b: &Val) -> Val {
    if a.is_unknown() || b.is_unknown() {
        return Val::Unknown;
    }
    let order = match (a, b) {
        (Val::Float(x), Val::Float(y)) if (x - y).abs() <= TOLERANCE * x.abs().max(y.abs()) => {
            std::cmp::Ordering::Equal
        }
        (Val::Float(x), Val::Float(y)) => x.total_cmp(y),
        (a, b) => a.order(b),
    };
    Val::Bool(match op {
        CompareOp::Equal => order.is_eq(),
        CompareOp::Unequal => order.is_ne(),
        CompareOp::Less => order.is_lt(),
        CompareOp::LessOrEqual => order.is_le(),
        CompareOp::Greater => order.is_gt(),
        CompareOp::GreaterOrEqual => order.is_ge(),
    })
}

/// `of` ± `by`.
fn added(left: &Val, of: &Val, by: &Val, above: bool) -> (Val, Val) {
    let bound = match (of, by) {
        (Val::Float(of), Val::Float(by)) => Val::Float(if above { of + by } else { of - by }),
        (of, by) => match (of.exact(), by.exact()) {
            (Some(x), Some(y)) => like(of, &if above { x + y } else { x - y }),
            _ => Val::Unknown,
        },
    };
    (left.clone(), bound)
}

/// An exact number as a value of the same kind.
fn like(kind: &Val, value: &Rational) -> Val {
    match kind {
        Val::Money(_) => Val::Money(value.clone()),
        Val::Length(_) => Val::Length(value.to_integer().try_into().unwrap_or(0)),
        _ => Val::Whole(value.to_integer().try_into().unwrap_or(0)),
    }
}

fn exact_arith(op: ArithOp, a: &Val, b: &Val) -> Option<Rational> {
    let (a, b) = (a.exact()?, b.exact()?);
    Some(match op {
        ArithOp::Add => a + b,
        ArithOp::Subtract => a - b,
        ArithOp::Multiply => a * b,
        ArithOp::Divide if b.is_zero() => return None,
        ArithOp::Divide => a / b,
        ArithOp::OrElse => return None,
    })
}

fn float_arith(op: ArithOp, a: &Val, b: &Val) -> Val {
    let float = |value: &Val| match value {
        Val::Length(length) => Some(super::value::float_of_whole(i128::from(*length))),
        other => other.float(),
    };
    let (Some(a), Some(b)) = (float(a), float(b)) else { return Val::Unknown };
    Val::Float(match op {
        ArithOp::Add => a + b,
        ArithOp::Subtract => a - b,
        ArithOp::Multiply => a * b,
        ArithOp::Divide if b == 0.0 => return Val::Unknown,
        ArithOp::Divide => a / b,
        ArithOp::OrElse => return Val::Unknown,
    })
}

fn moved_by_months(time: &Val, months: i32) -> Val {
    match time {
        Val::Date(date) => date.checked_add(i64::from(months).months()).map_or(Val::Unknown, Val::Date),
        _ => Val::Unknown,
    }
}
