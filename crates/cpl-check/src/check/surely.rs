//! `A is surely below B`: its types, and whether A tells how sure it is.

use cpl_model::program::{
    ArithOp, CheckKind, Constant, Direction, Expr, ExprKind, Function, Logic, NoEstimate, NoEstimateReason, Operand,
    Place, Program, Stage, Surely, SurelyValue, TableSource,
};
use cpl_model::types::Type;
use cpl_syntax::{Code, Diagnostic, Span, tree};
use rust_decimal::Decimal;

use super::{Checker, scope::Scope, state::reporter::Checked};

/// The least chance where none is written.
const LEAST: Decimal = Decimal::from_parts(9, 0, 0, false, 1);
/// Less than this is no better than a coin, and more is not known of any model.
const ALLOWED: [Decimal; 2] = [Decimal::from_parts(5, 0, 0, false, 1), Decimal::from_parts(999, 0, 0, false, 3)];

impl Checker<'_> {
    pub(super) fn surely(
        &mut self,
        left: Expr,
        (direction, than, at): (Direction, &tree::Expr, Option<&tree::Expr>),
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        let than = self.expr(than, scope);
        let least = at.map(|at| self.least_chance(at, scope)).transpose()?;
        let (left, right) = self.comparable(left, than?, true)?;
        if !left.ty.is_amount() {
            let message = format!("nothing tells how sure {} is", left.ty);
            return self.refuse(Code::E0407, message, left.span, "wanted: a cost, a rate, a count or a mean");
        }
        let operand = |value| Operand { value, estimate: None };
        let surely = Surely {
            direction,
            left: operand(left),
            right: operand(right),
            least: least.unwrap_or(LEAST),
            gives: SurelyValue::Outcome,
        };
        Ok(Expr::new(ExprKind::Surely(Box::new(surely)), Type::Bool, true, span))
    }

    /// `at 95%`
    fn least_chance(&mut self, at: &tree::Expr, scope: &Scope<'_>) -> Checked<Decimal> {
        let least = self.expr(at, scope)?;
        let [low, high] = ALLOWED;
        match least.amount().filter(|_| least.ty == Type::Ratio) {
            Some(chance) if (low..=high).contains(&chance) => Ok(chance),
            Some(_) => self.refuse(Code::E0103, "a chance is from 50% to 99.9% here", at.span, "wanted: such as `95%`"),
            None => {
                let written = least.amount().filter(|amount| !amount.is_zero() && amount.is_sign_positive());
                let percent = written.map(|amount| {
                    let hundred = Decimal::from(100);
                    if amount < Decimal::ONE { (amount * hundred).normalize() } else { amount }
                });
                let label = percent.filter(|_| least.ty.is_quantity()).map_or_else(
                    || "wanted: such as `95%`, written out".to_owned(),
                    |percent| format!("write `{percent}%`"),
                );
                self.refuse(Code::E0301, "a chance is written in percent", at.span, label)
            }
        }
    }

    /// `surest first`: by what the rule asks to be sure of, the least sure of it.
    pub(super) fn surest(&mut self, when: &[Expr], span: Span) -> Checked<Expr> {
        let conditions = when.iter().filter(|condition| condition.any(|kind| matches!(kind, ExprKind::Surely(_))));
        let doubts: Vec<Expr> = conditions.map(doubt).collect();
        if doubts.is_empty() {
            return self.fail(
                Diagnostic::new(Code::E0407, "this rule is sure of nothing").at(span, "surest of what?").help(
                    "ask `is surely below` or `is surely above` in `when`, or order by a value: `lowest cac first`",
                ),
            );
        }
        Ok(of_several(Function::Greatest, doubts))
    }

    /// Reports conditions on values of which nothing tells how sure they are.
    pub(super) fn check_sureness(&mut self, program: &Program) {
        for diagnostic in unsure(program) {
            self.report(diagnostic);
        }
    }
}

/// The chance that a condition is not so: 0 or 1 of what is known.
fn doubt(condition: &Expr) -> Expr {
    let number = |kind| Expr::new(kind, Type::Number, true, condition.span);
    let whole = |value| Expr::constant(Constant::Integer(value), Type::Count, condition.span);
    match &condition.kind {
        ExprKind::Surely(surely) => {
            let surely = Surely { gives: SurelyValue::Doubt, ..(**surely).clone() };
            number(ExprKind::Surely(Box::new(surely)))
        }
        ExprKind::Not(inner) => number(ExprKind::Arith(ArithOp::Subtract, Box::new(whole(1)), Box::new(doubt(inner)))),
        ExprKind::Logic(logic, a, b) => {
            let function = if *logic == Logic::And { Function::Greatest } else { Function::Least };
            of_several(function, vec![doubt(a), doubt(b)])
        }
        _ => number(ExprKind::Function(Function::If, vec![condition.clone(), whole(0), whole(1)])),
    }
}

fn of_several(function: Function, mut values: Vec<Expr>) -> Expr {
    if values.len() == 1 {
        return values.remove(0);
    }
    let span = values[0].span;
    Expr::new(ExprKind::Function(function, values), Type::Number, true, span)
}

fn unsure(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut looked_at = Vec::new();
    for (expr, place) in program.sureness_exprs() {
        expr.walk(&mut |part| {
            if let ExprKind::Surely(surely) = &part.kind {
                looked_at.push(part.span);
                found.extend(wrong(program, surely, place));
            }
        });
    }
    for expr in elsewhere(program) {
        expr.walk(&mut |part| {
            if matches!(part.kind, ExprKind::Surely(_)) && !looked_at.contains(&part.span) {
                looked_at.push(part.span);
                found.push(
                    Diagnostic::new(Code::E0407, "`is surely` can't stand here")
                        .at(part.span, "not in a group, a check, a message or an action")
                        .help("ask in `when`, `require`, or in `where` and `derive` behind the group that makes the value"),
                );
            }
        });
    }
    found
}

/// All other expressions.
fn elsewhere(program: &Program) -> Vec<&Expr> {
    let tables = program.tables.iter();
    let checks = tables.clone().flat_map(|table| &table.checks).filter_map(|check| match &check.kind {
        CheckKind::Expect(expected) => Some(expected),
        _ => None,
    });
    let grouped = tables.filter_map(|table| match &table.source {
        TableSource::Transform { stages, .. } => Some(stages),
        TableSource::Fetch(_) => None,
    });
    let grouped = grouped.flatten().filter(|stage| matches!(stage, Stage::Group { .. })).flat_map(Stage::exprs);
    let rules = program.decisions.iter().flat_map(|rule| rule.exprs());
    let alerts = program.alerts.iter().flat_map(|rule| rule.exprs());
    let dashboard = program.dashboard.iter().flat_map(|dashboard| dashboard.exprs());
    checks.chain(grouped).chain(rules).chain(alerts).chain(dashboard).collect()
}

fn wrong(program: &Program, surely: &Surely, place: Place) -> Option<Diagnostic> {
    let [left, right] = surely.operands().map(|side| &side.value);
    match program.estimate(left, place) {
        Err(_) if program.is_exact(left, place) && program.estimate(right, place).is_ok() => {
            Some(turned_round(program, surely))
        }
        Ok(_) if program.is_exact(right, place) => None,
        Ok(of) => match program.estimate(right, place) {
            Ok(other) if of.is_same_as(&other) => Some(
                Diagnostic::new(Code::E0407, "a value is compared with itself")
                    .at(left.span.to(right.span), "both are made of the same rows")
                    .help("compare it with another one, or with what it should be"),
            ),
            Ok(_) => None,
            Err(error) => Some(nothing_tells(program, right, &error)),
        },
        Err(error) => Some(nothing_tells(program, left, &error)),
    }
}

/// `$20 is surely below cac`
fn turned_round(program: &Program, surely: &Surely) -> Diagnostic {
    let [left, right] = surely.operands().map(|side| (side.value.span, program.written(side.value.span)));
    let direction = if surely.direction == Direction::Below { Direction::Above } else { Direction::Below };
    Diagnostic::new(Code::E0407, format!("`{}` is known exactly", left.1))
        .at(left.0, "what it may be is no question")
        .help(format!("write `{} is surely {} {}`", right.1, direction.word(), left.1))
}

fn nothing_tells(program: &Program, value: &Expr, error: &NoEstimate) -> Diagnostic {
    let why = match error.why {
        NoEstimateReason::Read => "it comes as it is from a file or a server",
        NoEstimateReason::Computed => "it is computed row by row, of what was aggregated",
        NoEstimateReason::Aggregate => "its chance is not known: it is another kind of aggregate",
        NoEstimateReason::Lost => "it names a group, or comes from several tables",
        NoEstimateReason::NoColumn => "it is no column: only those of a group tell how sure they are",
        NoEstimateReason::Factor => "what multiplies it is not written out, or not above 0",
    };
    let written = program.written(value.span);
    let diagnostic = Diagnostic::new(Code::E0407, format!("nothing tells how sure `{written}` is"));
    let diagnostic = if error.at == value.span {
        diagnostic.at(value.span, why)
    } else {
        diagnostic.at(value.span, "how sure is this?").at(error.at, why)
    };
    diagnostic.help(
        "ask of a column that `group by` makes as `sum(money) / sum(count)`, `sum(count) / sum(count)`, `sum(count)`, `count()` or \
         `mean(x)`, alone or times a number; else compare by `<` or `>`, and require a minimum count",
    )
}
