//! A rule's conditions: what they say of a row.

use cpl_plan::{
    program::{CompareOp, Direction, Expr, ExprKind, Margin, Newest, Program, Rows},
    report::{Because, Pairs},
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use crate::{
    decide::amount,
    frames::THERE,
    slots::{Slot, Slots},
    why::Traced,
};

/// A rule's conditions and the values they look at.
pub struct Conditions {
    all: Vec<Condition>,
    key: Vec<(String, Slot)>,
    /// Of a series: whether it has the row that is looked at, and what it is called.
    there: Option<(Slot, &'static str)>,
}

struct Condition {
    expr: Expr,
    slot: Slot,
    /// The sides of its comparisons.
    operands: Vec<Traced>,
}

/// What the conditions say of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fires,
    Quiet,
    Undecided,
}

impl Conditions {
    pub fn of(when: &[Expr], rows: &Rows, program: &Program, slots: &mut Slots) -> Self {
        let table = program.table(rows.table);
        let key = rows.key.iter().map(|name| {
            let ty = table.column(name).map_or(Type::Text, |column| column.ty);
            (name.clone(), slots.column(name, ty))
        });
        let key = key.collect();
        let all = when.iter().map(|expr| Condition {
            expr: expr.clone(),
            slot: slots.add(expr),
            operands: operands(expr).into_iter().map(|part| Traced::of(part, rows.table, program, slots)).collect(),
        });
        let all = all.collect();
        let there = |newest: &Newest| (slots.column(THERE, Type::Bool), newest.grain.word());
        let there = rows.newest.as_ref().map(there);
        Self { all, key, there }
    }

    pub fn key(&self, row: &[Value]) -> Pairs {
        Pairs(self.key.iter().map(|(name, slot)| (name.clone(), row[slot.0].clone())).collect())
    }

    /// One condition that is false decides, whatever else is unknown.
    pub fn verdict(&self, row: &[Value]) -> Verdict {
        if self.is_missing(row) {
            return Verdict::Undecided;
        }
        let value = |condition: &Condition| row[condition.slot.0].clone();
        if self.all.iter().any(|condition| value(condition) == Value::Bool(false)) {
            Verdict::Quiet
        } else if self.all.iter().any(|condition| value(condition).is_unknown()) {
            Verdict::Undecided
        } else {
            Verdict::Fires
        }
    }

    /// A series without the row that is looked at is never judged by an older one.
    pub fn is_missing(&self, row: &[Value]) -> bool {
        self.there.is_some_and(|(slot, _)| row[slot.0].is_unknown())
    }

    /// The values looked at, each once.
    pub fn because(&self, row: &[Value]) -> Vec<Because> {
        let mut found: Vec<Because> = Vec::new();
        for operand in self.all.iter().flat_map(|condition| &condition.operands) {
            if !found.iter().any(|before| before.text == operand.written()) {
                found.push(Because { text: operand.written().to_owned(), value: operand.value(row).clone() });
            }
        }
        found
    }

    /// The conditions with their values, as a person reads them.
    pub fn told(&self, row: &[Value], program: &Program) -> Vec<String> {
        self.all.iter().map(|condition| condition.told(row, program)).collect()
    }

    /// Those that are not so, with their values.
    pub fn not_so(&self, row: &[Value], program: &Program) -> Vec<String> {
        let not_so = self.all.iter().filter(|condition| row[condition.slot.0] == Value::Bool(false));
        not_so.map(|condition| condition.told(row, program)).collect()
    }

    /// Which values were unknown and why, where that keeps the row from being decided.
    pub fn unknown(&self, row: &[Value]) -> Vec<String> {
        if let Some((_, period)) = self.there.filter(|_| self.is_missing(row)) {
            return vec![format!("it has no row of the newest complete {period}")];
        }
        let undecided = self.all.iter().filter(|condition| row[condition.slot.0].is_unknown());
        let mut told: Vec<String> = Vec::new();
        for operand in undecided.flat_map(|condition| &condition.operands) {
            if operand.value(row).is_unknown() {
                let text = operand.why_unknown(row);
                if !told.contains(&text) {
                    told.push(text);
                }
            }
        }
        told
    }
}

impl Condition {
    fn told(&self, row: &[Value], program: &Program) -> String {
        let shown = |expr: &Expr, beside: &Expr| self.shown(expr, beside, row, program);
        match &self.expr.kind {
            ExprKind::Compare(op, left, right) => {
                format!("{} {} {}", shown(left, right), sign(*op), shown(right, left))
            }
            ExprKind::Exceeds(direction, left, right, margin) => {
                let word = if *direction == Direction::Above { "exceeds" } else { "falls below" };
                let by = match margin.as_deref() {
                    None => String::new(),
                    Some(Margin::Share(by) | Margin::Absolute(by)) => format!(" by {}", program.written(by.span)),
                };
                format!("{} {word} {}{by}", shown(left, right), shown(right, left))
            }
            _ => {
                let values =
                    self.operands.iter().map(|operand| format!("{} {}", operand.written(), operand.value(row)));
                format!("{} ({})", program.written(self.expr.span), values.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// `cac $41.20`, `cac * 2 ($82.40)`; a value written out is shown as it is.
    fn shown(&self, expr: &Expr, beside: &Expr, row: &[Value], program: &Program) -> String {
        let text = program.written(expr.span);
        let Some(operand) = self.operands.iter().find(|operand| operand.written() == text) else { return text };
        let (value, multiple) = (operand.value(row), program.is_multiple(expr) || program.is_multiple(beside));
        let mut shown = value.shown(multiple);
        // Where rounding would hide on which side of the other it is, all digits are shown.
        if shown == program.written(beside.defined.unwrap_or(beside.span)) {
            shown = value.shown_exact(multiple);
        }
        if is_name(expr) { format!("{text} {shown}") } else { format!("{text} ({shown})") }
    }
}

/// Rows stand by their key: numbers by size, all else by its letters.
pub fn order(key: &Pairs) -> Vec<(Option<Decimal>, String)> {
    key.0.iter().map(|(_, value)| (amount::of(value), value.raw())).collect()
}

/// The parts of a condition whose values tell why it holds: the sides of its comparisons.
fn operands(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Logic(_, a, b) => [operands(a), operands(b)].concat(),
        ExprKind::Not(a) => operands(a),
        ExprKind::Compare(_, a, b) | ExprKind::Exceeds(_, a, b, _) | ExprKind::Within(_, a, b, _) => {
            [a, b].into_iter().filter(|side| !is_written_out(side)).map(|side| &**side).collect()
        }
        ExprKind::Known(a) | ExprKind::InWindow(a, _) | ExprKind::OneOf(a, _) | ExprKind::InRange(a, ..) => vec![a],
        ExprKind::Constant(_) => Vec::new(),
        _ => vec![expr],
    }
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Column(_)) || expr.defined.is_some()
}

/// A value that stands in the rule itself. One of a `let` has that name's place, and is told.
fn is_written_out(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Constant(_) => expr.defined.is_none(),
        ExprKind::Negate(inner) => is_written_out(inner),
        _ => false,
    }
}

fn sign(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "=",
        CompareOp::Unequal => "!=",
        CompareOp::Less => "<",
        CompareOp::LessOrEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterOrEqual => ">=",
    }
}
