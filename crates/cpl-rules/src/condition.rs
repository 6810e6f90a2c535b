//! What a rule's conditions say of a row.

use cpl_model::{
    program::{CompareOp, Direction, Expr, ExprKind, Margin, Program},
    report::{Because, Outcome, Pairs, QuietRow},
    value::Value,
};
use cpl_plan::rule::{Condition, Conditions, PatternCheck, Sureness};
use rust_decimal::Decimal;

use crate::{decide::amount, pattern, sureness};

/// A row and the conditions it is judged by.
#[derive(Clone, Copy)]
pub struct RuleRow<'a> {
    pub conditions: &'a Conditions,
    pub values: &'a [Value],
}

/// What the conditions say of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All conditions are true.
    Fires,
    /// One is false.
    Quiet,
    /// None is false, and one is unknown.
    Undecided,
}

impl RuleRow<'_> {
    /// The columns that name the row.
    pub fn key(&self) -> Pairs {
        Pairs(self.conditions.key.iter().map(|(name, at)| (name.clone(), self.values[at.0].clone())).collect())
    }

    /// One condition that is false decides, whatever else is unknown.
    pub fn verdict(&self) -> Verdict {
        if self.left_out().is_some() {
            return Verdict::Quiet;
        }
        if self.is_missing() {
            return Verdict::Undecided;
        }
        let mut outcomes = self.conditions.all.iter().map(|condition| self.outcome(condition));
        if outcomes.clone().any(|outcome| *outcome == Value::Bool(false)) {
            Verdict::Quiet
        } else if outcomes.any(Value::is_unknown) {
            Verdict::Undecided
        } else {
            Verdict::Fires
        }
    }

    fn outcome(&self, condition: &Condition) -> &Value {
        &self.values[condition.outcome.0]
    }

    /// The series has no row of the period that is looked at; it is never judged by an older one.
    pub fn is_missing(&self) -> bool {
        self.conditions.present.is_some_and(|(at, _)| self.values[at.0].is_unknown())
    }

    /// Why the row is not judged, where its period is left out.
    pub fn left_out(&self) -> Option<String> {
        let except = self.conditions.except.as_ref()?;
        let is_left_out = self.values[except.is_judged.0] == Value::Bool(false);
        let period = match (&self.values[except.time.0], self.conditions.present) {
            (Value::Unknown, Some((_, word))) => format!("the newest complete {word}"),
            (time, _) => time.to_string(),
        };
        is_left_out.then(|| format!("{period} is left out: `{}` names it", except.table))
    }

    /// The values that were looked at, each once.
    pub fn because(&self, program: &Program) -> Vec<Because> {
        let mut found: Vec<Because> = Vec::new();
        let sureness: Vec<&Sureness> = self.conditions.all.iter().flat_map(|condition| &condition.sureness).collect();
        let patterns: Vec<&PatternCheck> =
            self.conditions.all.iter().flat_map(|condition| &condition.patterns).collect();
        for operand in self.conditions.all.iter().flat_map(|condition| &condition.operands) {
            if !found.iter().any(|before| before.text == operand.written()) {
                let value = operand.value(self.values).clone();
                let text = operand.written().to_owned();
                let of_it = sureness.iter().filter(|one| program.written(one.surely.left.value.span) == text);
                let sure =
                    of_it.filter_map(|one| Some(sureness::sure(one, &sureness::judge(one, self.values)?, program)));
                let sure = sure.collect();
                let of_it = patterns.iter().filter(|one| program.written(one.pattern.of.value.span) == text);
                let usual = of_it.map(|one| pattern::usual(one, self.values, program)).collect();
                found.push(Because { text, value, sure, usual });
            }
        }
        found
    }

    /// The conditions with their values, as a person reads them.
    pub fn shown_conditions(&self, program: &Program) -> Vec<String> {
        self.conditions.all.iter().map(|condition| self.shown(condition, program)).collect()
    }

    /// The false ones, with their values.
    pub fn false_conditions(&self, program: &Program) -> Vec<String> {
        if let Some(why) = self.left_out() {
            return vec![why];
        }
        let all = self.conditions.all.iter();
        let wrong = all.filter(|condition| *self.outcome(condition) == Value::Bool(false));
        wrong.map(|condition| self.shown(condition, program)).collect()
    }

    /// The row, where it is quiet: what each condition says of it.
    pub fn quiet_row(&self, rule: &str, program: &Program) -> QuietRow {
        let outcomes = self.conditions.all.iter().map(|condition| {
            let is_so = match self.outcome(condition) {
                Value::Bool(is_so) => Some(*is_so),
                _ => None,
            };
            let text =
                if is_so == Some(false) { self.denied(condition, program) } else { self.shown(condition, program) };
            Outcome { text, is_so }
        });
        let left_out = self.left_out().map(|text| Outcome { text, is_so: Some(false) });
        let conditions = left_out.map_or_else(|| outcomes.collect(), |why| vec![why]);
        QuietRow { rule: rule.to_owned(), key: self.key(), conditions, because: self.because(program) }
    }

    /// Which values are unknown and why, where that keeps the row from being decided.
    pub fn unknown(&self, program: &Program) -> Vec<String> {
        if let Some((_, period)) = self.conditions.present.filter(|_| self.is_missing()) {
            return vec![format!("it has no row of the newest complete {period}")];
        }
        let undecided = self.conditions.all.iter().filter(|condition| self.outcome(condition).is_unknown());
        let mut reasons: Vec<String> = Vec::new();
        for operand in undecided.flat_map(|condition| &condition.operands) {
            if operand.value(self.values).is_unknown() {
                let text = operand.why_unknown(self.values);
                if !reasons.contains(&text) {
                    reasons.push(text);
                }
            }
        }
        let undecided = self.conditions.all.iter().filter(|condition| self.outcome(condition).is_unknown());
        for one in undecided.flat_map(|condition| &condition.sureness) {
            if let Some(why) = sureness::why_unknown(one, self.values) {
                reasons.push(why);
            }
        }
        let undecided = self.conditions.all.iter().filter(|condition| self.outcome(condition).is_unknown());
        reasons.extend(
            undecided.flat_map(|one| &one.patterns).filter_map(|one| pattern::why_unknown(one, self.values, program)),
        );
        reasons
    }

    fn shown(&self, condition: &Condition, program: &Program) -> String {
        let side = |expr: &Expr, other: &Expr| self.shown_side(condition, expr, other, program);
        match &condition.expr.kind {
            ExprKind::Compare(op, left, right) => {
                format!("{} {} {}", side(left, right), sign(*op), side(right, left))
            }
            ExprKind::Surely(_) => self.shown_sureness(condition, program).join(", "),
            ExprKind::Series(_) if !condition.patterns.is_empty() => self.shown_patterns(condition, program).join(", "),
            ExprKind::Exceeds(direction, left, right, margin) => {
                let word = if *direction == Direction::Above { "exceeds" } else { "falls below" };
                let by = by(margin.as_deref(), program);
                format!("{} {word} {}{by}", side(left, right), side(right, left))
            }
            _ => {
                let operands = condition.operands.iter();
                let values = operands.map(|operand| format!("{} {}", operand.written(), operand.value(self.values)));
                let values = format!("({})", values.collect::<Vec<_>>().join(", "));
                let text = format!("{} {values}", program.written(condition.expr.span));
                // What it is sure of, in words of its own.
                let more =
                    self.shown_sureness(condition, program).into_iter().chain(self.shown_patterns(condition, program));
                std::iter::once(text).chain(more).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// How sure it is of what a condition asks to be sure of.
    fn shown_sureness(&self, condition: &Condition, program: &Program) -> Vec<String> {
        let shown = condition.sureness.iter().map(|one| {
            let [left, right] = one.surely.operands().map(|operand| &operand.value);
            let sides = [(left, right), (right, left)];
            let [left, right] = sides.map(|(side, other)| self.shown_side(condition, side, other, program));
            match sureness::judge(one, self.values) {
                Some(judgement) => sureness::shown(one, &judgement, (&left, &right), program),
                None => program.written(one.span),
            }
        });
        shown.collect()
    }

    /// What is usual, where a condition asks whether it is.
    fn shown_patterns(&self, condition: &Condition, program: &Program) -> Vec<String> {
        let shown = condition.patterns.iter().map(|one| {
            let value = &one.pattern.of.value;
            let value = self.shown_side(condition, value, value, program);
            let unknown = || pattern::why_unknown(one, self.values, program).unwrap_or_else(|| "unknown".to_owned());
            pattern::shown(one, self.values, &value)
                .unwrap_or_else(|| format!("{} ({})", program.written(one.span), unknown()))
        });
        shown.collect()
    }

    /// What the conditions tell of how sure they are, and of what is usual.
    pub fn evidence(&self, program: &Program) -> Vec<String> {
        let each = self.conditions.all.iter().flat_map(|condition| {
            self.shown_sureness(condition, program).into_iter().chain(self.shown_patterns(condition, program))
        });
        each.collect()
    }

    /// What is not so: `cac $52.00 is not below $47`.
    fn denied(&self, condition: &Condition, program: &Program) -> String {
        let side = |expr: &Expr, other: &Expr| self.shown_side(condition, expr, other, program);
        let (left, is, right) = match &condition.expr.kind {
            ExprKind::Compare(op, left, right) => (left, denial(*op), right),
            ExprKind::Surely(_) => return self.shown(condition, program),
            ExprKind::Series(_) if !condition.patterns.is_empty() => return self.shown(condition, program),
            ExprKind::Exceeds(direction, left, right, margin) => {
                let does = if *direction == Direction::Above { "does not exceed" } else { "does not fall below" };
                let by = by(margin.as_deref(), program);
                return format!("{} {does} {}{by}", side(left, right), side(right, left));
            }
            _ => return format!("not so: {}", self.shown(condition, program)),
        };
        format!("{} {is} {}", side(left, right), side(right, left))
    }

    /// `cac $41.20`, `cac * 2 ($82.40)`; a literal is shown as it is.
    fn shown_side(&self, condition: &Condition, expr: &Expr, other: &Expr, program: &Program) -> String {
        let text = program.written(expr.span);
        let Some(operand) = condition.operands.iter().find(|operand| operand.written() == text) else { return text };
        let (value, multiple) = (operand.value(self.values), expr.is_multiple() || other.is_multiple());
        let mut shown = value.shown(multiple);
        // Where rounding would hide on which side of the other it is, all digits are shown.
        if shown == program.written(other.defined.unwrap_or(other.span)) {
            shown = value.shown_exact(multiple);
        }
        if is_name(expr) { format!("{text} {shown}") } else { format!("{text} ({shown})") }
    }
}

/// Rows stand by their key: numbers by size, all else by its letters.
pub fn key_order(key: &Pairs) -> Vec<(Option<Decimal>, String)> {
    key.0.iter().map(|(_, value)| (amount::of(value), value.raw())).collect()
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Column(_)) || expr.defined.is_some()
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

/// ` by more than 15%`
fn by(margin: Option<&Margin>, program: &Program) -> String {
    let written = |margin: &Margin| format!(" by more than {}", program.written(margin.amount().span));
    margin.map_or_else(String::new, written)
}

/// What is said where a comparison is false.
fn denial(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "is not",
        CompareOp::Unequal => "is",
        CompareOp::Less => "is not below",
        CompareOp::LessOrEqual => "is above",
        CompareOp::Greater => "is not above",
        CompareOp::GreaterOrEqual => "is below",
    }
}
