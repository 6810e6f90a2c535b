//! A rule's conditions and the values they look at.

use cpl_model::{
    program::{Expr, ExprKind, InternalColumn, Newest, Program, Rows, Surely},
    types::Type,
};
use cpl_syntax::Span;

use super::{
    explain::Explained,
    layout::{RowLayout, ValueRef},
};

/// All conditions of a rule.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Each of them must be true.
    pub all: Vec<Condition>,
    /// The columns that name a row.
    pub key: Vec<(String, ValueRef)>,
    /// Of a series: the position of the flag that it has the current period, and the word for a period.
    pub present: Option<(ValueRef, &'static str)>,
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// As it is written.
    pub expr: Expr,
    /// Its outcome.
    pub outcome: ValueRef,
    /// The sides of its comparisons.
    pub operands: Vec<Explained>,
    /// What it asks to be sure of.
    pub sureness: Vec<Sureness>,
}

/// `A is surely below B` in a condition.
#[derive(Clone, Debug)]
pub struct Sureness {
    /// It.
    pub surely: Surely,
    /// Where it is written.
    pub span: Span,
    /// Its outcome.
    pub outcome: ValueRef,
    /// The values by which it is judged, in the order of [`Surely::columns`].
    pub columns: Vec<ValueRef>,
}

impl Conditions {
    pub(super) fn of(when: &[Expr], rows: &Rows, program: &Program, layout: &mut RowLayout) -> Self {
        let table = program.table(rows.table);
        let key = rows.key.iter().map(|name| {
            let ty = table.column(name).map_or(Type::Text, |column| column.ty);
            (name.clone(), layout.column(name, ty))
        });
        let key = key.collect();
        let all = when.iter().map(|expr| Condition {
            expr: expr.clone(),
            outcome: layout.add(expr),
            operands: operands(expr).into_iter().map(|part| Explained::of(part, rows.table, program, layout)).collect(),
            sureness: sureness(expr, layout),
        });
        let all = all.collect();
        let present =
            |newest: &Newest| (layout.column(&InternalColumn::Present.to_string(), Type::Bool), newest.grain.word());
        let present = rows.newest.as_ref().map(present);
        Self { all, key, present }
    }
}

fn sureness(condition: &Expr, layout: &mut RowLayout) -> Vec<Sureness> {
    let mut found = Vec::new();
    condition.walk(&mut |part| {
        if let ExprKind::Surely(surely) = &part.kind {
            let columns = surely.columns().into_iter().map(|column| layout.add(column)).collect();
            found.push(Sureness { surely: (**surely).clone(), span: part.span, outcome: layout.add(part), columns });
        }
    });
    found
}

/// The parts of a condition whose values explain it: the sides of its comparisons.
#[must_use]
pub fn operands(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Logic(_, a, b) => [operands(a), operands(b)].concat(),
        ExprKind::Not(a) => operands(a),
        ExprKind::Compare(_, a, b) | ExprKind::Exceeds(_, a, b, _) | ExprKind::Within(_, a, b, _) => {
            [a, b].into_iter().filter(|side| !is_literal(side)).map(|side| &**side).collect()
        }
        ExprKind::Surely(surely) => {
            surely.operands().into_iter().map(|side| &side.value).filter(|side| !is_literal(side)).collect()
        }
        ExprKind::Known(a) | ExprKind::InWindow(a, _) | ExprKind::OneOf(a, _) | ExprKind::InRange(a, ..) => vec![a],
        ExprKind::Constant(_) => Vec::new(),
        _ => vec![expr],
    }
}

/// A literal in the rule itself. The value of a `let` is not one: it is shown by its name.
fn is_literal(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Constant(_) => expr.defined.is_none(),
        ExprKind::Negate(inner) => is_literal(inner),
        _ => false,
    }
}
