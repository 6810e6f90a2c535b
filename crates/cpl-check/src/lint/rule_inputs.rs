//! What a rule reads: its table's expressions and its own, and those of the tables they are made of.

use std::collections::BTreeSet;

use cpl_model::program::{
    ArithOp, CompareOp, Constant, Expr, ExprKind, Length, Program, SeriesOf, Stage, Table, TableId, TableSource,
    WindowKind,
};
use cpl_syntax::{
    Span,
    tree::{Period, Unit},
};

/// The inputs of a rule: its expressions, those of its table, and all tables upstream.
pub struct RuleInputs<'p> {
    /// The tables, its own included.
    pub tables: BTreeSet<TableId>,
    /// The expressions.
    pub exprs: Vec<&'p Expr>,
}

impl<'p> RuleInputs<'p> {
    pub fn of(program: &'p Program, table: TableId, own: &[&'p Expr]) -> Self {
        let (mut tables, mut waiting) = (BTreeSet::new(), vec![table]);
        waiting.extend(own.iter().flat_map(|expr| expr.totals()));
        while let Some(next) = waiting.pop() {
            if tables.insert(next) {
                waiting.extend(program.table(next).inputs());
            }
        }
        let mut exprs = own.to_vec();
        exprs.extend(tables.iter().flat_map(|id| computed(program.table(*id))));
        Self { tables, exprs }
    }

    /// The longest window, in days, and its span.
    pub fn longest(&self) -> Option<(i64, Span)> {
        let mut found: Option<(i64, Span)> = None;
        for expr in &self.exprs {
            expr.walk(&mut |part| {
                let days = match &part.kind {
                    ExprKind::InWindow(_, window) => match window.kind {
                        WindowKind::Last(length, unit) => days(length, unit),
                        WindowKind::Period(_, period) => Some(period_days(period)),
                    },
                    ExprKind::Series(series) => match &series.of {
                        SeriesOf::Over(_, Length { length, unit }, _) => days(*length, *unit),
                        SeriesOf::Lag(..) | SeriesOf::Share(_) => None,
                    },
                    // `day >= today - 28 days`
                    ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, _, from) => since(from),
                    ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, from, _) => since(from),
                    _ => None,
                };
                if let Some(days) = days.filter(|days| found.is_none_or(|(most, _)| *days > most)) {
                    found = Some((days, part.span));
                }
            });
        }
        found
    }
}

/// How many days before today a day is that is counted from it.
pub fn since(from: &Expr) -> Option<i64> {
    const DAY: i64 = 86_400_000_000;
    match &from.kind {
        ExprKind::Constant(Constant::Today(days)) => Some(-i64::from(*days)),
        ExprKind::Arith(ArithOp::Subtract, today, back) => match back.kind {
            ExprKind::Constant(Constant::Duration(micros)) => Some(since(today)? + micros / DAY),
            ExprKind::Constant(Constant::Months(months)) => Some(since(today)? + i64::from(months) * 30),
            _ => None,
        },
        _ => None,
    }
}

/// What a table computes.
pub fn computed(table: &Table) -> Vec<&Expr> {
    match &table.source {
        TableSource::Transform { stages, .. } => stages.iter().flat_map(Stage::exprs).collect(),
        TableSource::Fetch(_) => Vec::new(),
    }
}

/// About how many days a length of time has.
pub fn days(length: u32, unit: Unit) -> Option<i64> {
    let length = i64::from(length);
    Some(match unit {
        Unit::Day => length,
        Unit::Week => length * 7,
        Unit::Month => length * 30,
        Unit::Hour => length / 24,
        Unit::Minute | Unit::Second => return None,
    })
}

/// About how many days a period of the calendar has.
pub fn period_days(period: Period) -> i64 {
    match period {
        Period::Week => 7,
        Period::Month => 30,
        Period::Quarter => 91,
        Period::Year => 365,
    }
}
