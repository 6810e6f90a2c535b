//! `group by`, and what it computes of each day of a group first.

use cpl_model::{
    program::{ByDay, Column, Constant, Day, Expr, ExprKind, InternalColumn, Join},
    types::Type,
};

use super::{Chain, Lowering};
use crate::plan::Op;

impl Lowering<'_> {
    /// One aggregate; aggregates over days are two more on the same rows, joined to it.
    pub(super) fn group(&mut self, chain: &mut Chain, keys: &[Column], items: &[(String, Expr)]) {
        let (by_day, plain): (Vec<_>, Vec<_>) =
            items.iter().cloned().partition(|(_, value)| matches!(value.kind, ExprKind::ByDay(_)));
        let rows = chain.at;
        self.push(chain, Op::Aggregate { keys: keys.to_vec(), items: plain });
        let mut left: Vec<(String, ByDay)> = by_day.into_iter().filter_map(named).collect();
        while let Some((_, first)) = left.first().cloned() {
            let (same, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, one)| one.day == first.day && one.of_days == first.of_days);
            left = others;
            let mut days = Chain { at: rows, ..*chain };
            self.days(&mut days, keys, &first, &same);
            let on = self.known_keys(chain, keys);
            self.known_keys(&mut days, keys);
            self.plan.node_mut(days.at).materialized = true;
            let columns = same.into_iter().map(|(name, _)| (name.clone(), name)).collect();
            let made: Vec<String> =
                on.iter().filter(|name| !keys.iter().any(|key| key.name == **name)).cloned().collect();
            let on = on.into_iter().map(|name| (name.clone(), name)).collect();
            self.push_with(chain, Op::Join(of_groups(chain, on, columns)), vec![days.at]);
            if !made.is_empty() {
                self.push(chain, Op::Drop(made));
            }
        }
    }

    /// The columns by which groups are joined. A join matches no unknown values: a name that may be unknown is joined by another value in
    /// its place, and by whether it is known.
    fn known_keys(&mut self, chain: &mut Chain, keys: &[Column]) -> Vec<String> {
        let (mut on, mut made) = (Vec::new(), Vec::new());
        for (at, key) in keys.iter().enumerate() {
            if !key.unknown {
                on.push(key.name.clone());
                continue;
            }
            let column = || Box::new(Expr::column(&key.name, key.ty, true, key.span));
            let some = Expr::constant(some_value(key.ty), key.ty, key.span);
            let parts = [
                (InternalColumn::GroupKey(at), ExprKind::OrElse(column(), Box::new(some)), key.ty),
                (InternalColumn::GroupKeyKnown(at), ExprKind::Known(column()), Type::Bool),
            ];
            for (name, kind, ty) in parts {
                on.push(name.to_string());
                made.push((name.to_string(), Expr::new(kind, ty, false, key.span)));
            }
        }
        if !made.is_empty() {
            self.push(chain, Op::Derive(made));
        }
        on
    }

    fn days(&mut self, chain: &mut Chain, keys: &[Column], by_day: &ByDay, values: &[(String, ByDay)]) {
        let day = InternalColumn::Day.to_string();
        self.push(chain, Op::Derive(vec![(day.clone(), by_day.day.clone())]));
        let day = Column { name: day, ty: Type::Date, unknown: true, span: chain.span, grain: None };
        let keys_of_days = keys.iter().cloned().chain([day]).collect();
        self.push(chain, Op::Aggregate { keys: keys_of_days, items: by_day.of_days.clone() });
        let items = values.iter().map(|(name, one)| (name.clone(), one.value.clone())).collect();
        self.push(chain, Op::Aggregate { keys: keys.to_vec(), items });
    }
}

/// A value of a type, whichever.
fn some_value(ty: Type) -> Constant {
    match ty {
        Type::Text | Type::Personal => Constant::Text(String::new()),
        Type::Bool => Constant::Bool(false),
        Type::Date => Constant::Date(jiff::civil::Date::ZERO),
        Type::Datetime => Constant::Moment(jiff::Timestamp::UNIX_EPOCH),
        Type::Weekday => Constant::Weekday(Day::Monday),
        Type::Duration => Constant::Duration(0),
        _ => Constant::Integer(0),
    }
}

fn named((name, value): (String, Expr)) -> Option<(String, ByDay)> {
    match value.kind {
        ExprKind::ByDay(by_day) => Some((name, *by_day)),
        _ => None,
    }
}

/// The join of what is computed of the same groups.
fn of_groups(chain: &Chain, on: Vec<(String, String)>, columns: Vec<(String, String)>) -> Join {
    Join {
        table: chain.table,
        left: true,
        on,
        columns,
        many: false,
        latest: None,
        check_unique: false,
        or_none: true,
        span: chain.span,
    }
}
