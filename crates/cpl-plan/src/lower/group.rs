//! `group by`, and what it computes of each day of a group first.

use cpl_model::{
    program::{ByDay, Column, Expr, ExprKind, InternalColumn, Join},
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
            self.plan.node_mut(days.at).materialized = true;
            let on = keys.iter().map(|key| (key.name.clone(), key.name.clone())).collect();
            let columns = same.into_iter().map(|(name, _)| (name.clone(), name)).collect();
            self.push_with(chain, Op::Join(of_groups(chain, on, columns)), vec![days.at]);
        }
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
