//! `except on TABLE`: a rule's rows learn whether their period is one of those that the table names.

use cpl_model::{
    program::{
        AggFunc, Column, Constant, Except, Expr, ExprKind, Function, Grain, InternalColumn, Join, Judged, Newest,
        SeriesOf,
    },
    types::Type,
};

use super::{Chain, Lowering};
use crate::plan::Op;

impl Lowering<'_> {
    /// Adds how often the table names the row's period, and how often the newest one, of which the series may have no row: unknown where it
    /// does not. It is grouped first, so that no row comes twice.
    pub(super) fn except_on(&mut self, chain: &mut Chain, except: &Except, newest: &Newest) {
        let span = except.span;
        let mut periods = Chain { table: except.table, span, at: self.end(except.table) };
        let table = self.program().table(except.table);
        let keys: Vec<Column> =
            std::iter::once(&except.time).chain(&except.on).filter_map(|name| table.column(name)).cloned().collect();
        let times = Expr::aggregate(AggFunc::Count, None, None, Type::Count, span);
        let named = InternalColumn::Except.to_string();
        self.push(&mut periods, Op::Aggregate { keys, items: vec![(named.clone(), times)] });
        self.plan.node_mut(periods.at).materialized = true;
        let mut left = newest.time.clone();
        let ty = if newest.grain == Grain::Hour { Type::Datetime } else { Type::Date };
        let mut start = Expr::constant(Constant::Newest(newest.grain, newest.on.clone()), ty, span);
        if except.by_day {
            let day = |moment| Expr::new(ExprKind::Function(Function::DateOf, vec![moment]), Type::Date, true, span);
            left = InternalColumn::ExceptDay.to_string();
            let of_row = day(Expr::column(&newest.time, Type::Datetime, true, span));
            self.push(chain, Op::Derive(vec![(left.clone(), of_row)]));
            start = day(start);
        }
        let of_newest = InternalColumn::Newest.to_string();
        self.push(chain, Op::Derive(vec![(of_newest.clone(), start)]));
        for (left, here) in [(left, named.clone()), (of_newest, InternalColumn::ExceptNewest.to_string())] {
            let own = except.on.iter().map(|name| (name.clone(), name.clone()));
            let on = std::iter::once((left, except.time.clone())).chain(own).collect();
            let join = Join {
                table: except.table,
                left: true,
                on,
                columns: vec![(named.clone(), here)],
                many: false,
                latest: None,
                check_unique: false,
                or_none: true,
                span,
            };
            self.push_with(chain, Op::Join(join), vec![periods.at]);
        }
    }
}

/// An expression of a rule: its patterns judge the newest period alone, and leave such rows out.
pub(super) fn of_newest(expr: Expr, newest: &Newest, has_except: bool) -> Expr {
    let mut expr = expr.map_parts(&mut |part| of_newest(part, newest, has_except));
    if let ExprKind::Series(series) = &mut expr.kind
        && let SeriesOf::Pattern(pattern) = &mut series.of
    {
        let times = Expr::column(&InternalColumn::Except.to_string(), Type::Count, true, expr.span);
        let is_named = Expr::new(ExprKind::Known(Box::new(times)), Type::Bool, false, expr.span);
        pattern.except = has_except.then_some(is_named);
        pattern.judged = Judged::Newest(newest.on.clone());
    }
    expr
}
