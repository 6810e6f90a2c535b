//! What a right pipeline is warned of: a pipeline serves one decision, and rules that act go wrong in known ways.

use std::collections::BTreeSet;

mod acting;
mod data;

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{ArithOp, CompareOp, WindowKind},
};

use acting::days;
use cpl_model::program::{Constant, Expr, ExprKind, Length, Program, SeriesOf, Source, Stage, Table, TableId};

/// A pipeline serves one decision: what that does not need is to be dropped.
pub fn unneeded(what: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::W0101, format!("the {what} `{name}` is not required for the decision"))
        .at(at, "no decision, alert or dashboard needs it")
        .help("drop it")
}

/// What is to be said of a program's rules, and of what they look at.
pub fn rules(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in &program.decisions {
        let looked_at = Seen::of(program, rule.rows.table, &rule.exprs());
        found.extend(acting::compounding(program, rule, &looked_at));
        found.extend(acting::changes(rule));
        found.extend(acting::without_count(program, rule, &looked_at));
    }
    found.extend(data::stale(program));
    found.extend(data::partial_days(program));
    found.extend(data::restated_days(program));
    found.extend(data::means_of_means(program));
    found.extend(data::partners_against_zero(program));
    found
}

/// What a rule looks at: its table's and its own expressions, and the tables behind them.
struct Seen<'p> {
    tables: BTreeSet<TableId>,
    exprs: Vec<&'p Expr>,
}

impl<'p> Seen<'p> {
    fn of(program: &'p Program, table: TableId, own: &[&'p Expr]) -> Self {
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

    /// The longest window looked at, in days, and where it stands.
    fn longest(&self) -> Option<(i64, Span)> {
        let mut found: Option<(i64, Span)> = None;
        for expr in &self.exprs {
            expr.walk(&mut |part| {
                let days = match &part.kind {
                    ExprKind::InWindow(_, window) => match window.kind {
                        WindowKind::Last(length, unit) => days(length, unit),
                        WindowKind::Period(_, period) => Some(acting::period_days(period)),
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
fn since(from: &Expr) -> Option<i64> {
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
fn computed(table: &Table) -> Vec<&Expr> {
    match &table.source {
        Source::Transform { stages, .. } => stages.iter().flat_map(Stage::exprs).collect(),
        Source::Fetch(_) => Vec::new(),
    }
}
