//! A rule's conditions and the values they look at.

use cpl_model::{
    program::{
        Except, Expr, ExprKind, InternalColumn, Newest, Pattern, PatternValue, Program, Rows, Series, SeriesOf, Surely,
    },
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
    /// Of a rule that leaves periods out.
    pub except: Option<Excepted>,
}

/// Whether a row's period is left out.
#[derive(Clone, Debug)]
pub struct Excepted {
    /// The position of the flag that it is not.
    pub is_judged: ValueRef,
    /// The period.
    pub time: ValueRef,
    /// The name of the table that names it.
    pub table: String,
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
    /// What it asks to break a pattern.
    pub patterns: Vec<PatternCheck>,
}

/// `x breaks pattern` in a condition.
#[derive(Clone, Debug)]
pub struct PatternCheck {
    /// It.
    pub pattern: Pattern,
    /// Where it is written.
    pub span: Span,
    /// Its outcome.
    pub outcome: ValueRef,
    /// The value.
    pub value: ValueRef,
    /// What is told beside it, in the order of [`PatternValue::SHOWN`].
    pub shown: [ValueRef; 5],
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
            patterns: patterns(expr, layout),
        });
        let all = all.collect();
        let present =
            |newest: &Newest| (layout.column(&InternalColumn::Present.to_string(), Type::Bool), newest.grain.word());
        let present = rows.newest.as_ref().map(present);
        let except = rows.except.as_ref().zip(rows.newest.as_ref()).map(|(except, newest)| Excepted {
            is_judged: layout.add(&is_judged(except)),
            time: layout.column(&newest.time, table.column(&newest.time).map_or(Type::Date, |column| column.ty)),
            table: program.table(except.table).name.clone(),
        });
        Self { all, key, present, except }
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

fn patterns(condition: &Expr, layout: &mut RowLayout) -> Vec<PatternCheck> {
    let mut found = Vec::new();
    condition.walk(&mut |part| {
        let ExprKind::Series(series) = &part.kind else { return };
        let SeriesOf::Pattern(pattern) = &series.of else { return };
        if pattern.gives != PatternValue::IsBroken {
            return;
        }
        let shown = PatternValue::SHOWN.map(|gives| {
            let ty = gives.ty(pattern.of.value.ty);
            let of = SeriesOf::Pattern(Box::new(Pattern { gives, ..(**pattern).clone() }));
            let kind = ExprKind::Series(Box::new(Series { of, ..(**series).clone() }));
            layout.add(&Expr::new(kind, ty, true, part.span))
        });
        let value = layout.add(&pattern.of.value);
        let outcome = layout.add(part);
        found.push(PatternCheck { pattern: (**pattern).clone(), span: part.span, outcome, value, shown });
    });
    found
}

/// Whether a row's period is not left out.
fn is_judged(except: &Except) -> Expr {
    let boolean = |kind| Expr::new(kind, Type::Bool, false, except.span);
    let times = Expr::column(&InternalColumn::Except.to_string(), Type::Count, true, except.span);
    boolean(ExprKind::Not(Box::new(boolean(ExprKind::Known(Box::new(times))))))
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
        ExprKind::Series(series) => match &series.of {
            SeriesOf::Pattern(pattern) if pattern.gives == PatternValue::IsBroken => vec![&pattern.of.value],
            _ => vec![expr],
        },
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
