//! `A is surely below B`: what is asked, and whether something tells how sure A is.

use cpl_model::program::{
    CheckKind, Direction, Expr, ExprKind, NoEstimate, NoEstimateReason, Operand, Place, Program, Stage, Surely,
    SurelyValue, TableSource,
};
use cpl_model::types::Type;
use cpl_syntax::{Code, Diagnostic, Span, tree};
use rust_decimal::Decimal;

use super::{Checker, scope::Scope, state::reporter::Checked};

/// The chance that is asked for where none is said.
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
            None => self.refuse(Code::E0301, "a chance is written out", at.span, "wanted: such as `95%`"),
        }
    }

    /// `surest first`: by what the rule asks to be sure of.
    pub(super) fn surest(&mut self, when: &[Expr], span: Span) -> Checked<Expr> {
        let mut doubts = Vec::new();
        for condition in when {
            condition.walk(&mut |part| {
                if let ExprKind::Surely(surely) = &part.kind {
                    let surely = Surely { gives: SurelyValue::Doubt, ..(**surely).clone() };
                    doubts.push(Expr::new(ExprKind::Surely(Box::new(surely)), Type::Number, true, part.span));
                }
            });
        }
        match doubts.len() {
            0 => self.fail(
                Diagnostic::new(Code::E0407, "this rule is sure of nothing").at(span, "surest of what?").help(
                    "ask `is surely below` or `is surely above` in `when`, or order by a value: `lowest cac first`",
                ),
            ),
            1 => Ok(doubts.remove(0)),
            _ => {
                let greatest = ExprKind::Function(cpl_model::program::Function::Greatest, doubts);
                Ok(Expr::new(greatest, Type::Number, true, span))
            }
        }
    }

    /// Reports what is asked of values of which nothing tells how sure they are.
    pub(super) fn check_sureness(&mut self, program: &Program) {
        for diagnostic in unsure(program) {
            self.report(diagnostic);
        }
    }
}

fn unsure(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut looked_at = Vec::new();
    for (expr, place) in program.asks_for_sureness() {
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
        Ok(_) if program.is_exact(right, place) => None,
        Ok(_) => program.estimate(right, place).err().map(|error| nothing_tells(program, right, &error)),
        Err(error) => Some(nothing_tells(program, left, &error)),
    }
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
