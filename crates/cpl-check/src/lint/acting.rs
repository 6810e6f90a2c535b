//! Rules that act: how they go wrong in practice.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{ArithOp, CompareOp},
};

use rust_decimal::Decimal;

use super::rule_inputs::{LongestWindow, RuleInputs};
use cpl_model::{
    clock::Cadence,
    program::{Action, Bound, Decision, Expr, ExprKind, Program, Step},
};

/// Days from one run to the next, and a word for the interval.
fn between_runs(every: Cadence) -> (i64, &'static str) {
    match every {
        Cadence::Hour => (0, "hour"),
        Cadence::Day(_) => (1, "day"),
        Cadence::Weekday(_) => (1, "weekday"),
        Cadence::Week(..) => (7, "week"),
        Cadence::Month(..) => (30, "month"),
    }
}

/// The same good week would raise a value each day.
pub fn compounding(program: &Program, rule: &Decision, inputs: &RuleInputs<'_>) -> Option<Diagnostic> {
    let by = rule.actions.iter().find_map(|action| match action {
        Action::Change { step, column, .. } if is_relative(step, column) => Some((step.expr().span, column)),
        _ => None,
    });
    let (change, column) = by?;
    if let Some(at) = inputs.fixed_span().filter(|_| rule.cooldown.is_none()) {
        let message = format!("`{}` compounds: the same days change `{column}` at each run", rule.name);
        return Some(
            Diagnostic::new(Code::W0201, message)
                .at(change, format!("each {}", between_runs(program.every).1))
                .at(at, "begins on a day that stays")
                .help("look at days that move on with each run: `day in last 7 days`"),
        );
    }
    let LongestWindow { days: window, settles, at } = inputs.longest()?;
    let (mut apart, mut run) = (between_runs(program.every).0, between_runs(program.every).1.to_owned());
    // A rule of some days of the week is looked at less often.
    if let Some(between) = i64::try_from(rule.on.len()).ok().filter(|days| *days > 0).map(|days| 7 / days)
        && between > apart
    {
        (apart, run) = (between, "of its days".to_owned());
    }
    if window <= apart || rule.cooldown.is_some() {
        return None;
    }
    let times = if apart == 0 { "many times".to_owned() } else { format!("{} times", (window + apart - 1) / apart) };
    let weekly =
        if rule.on.is_empty() && apart == 1 && window <= 7 { "look at it on one day (`on monday`), or " } else { "" };
    // What a change did is seen whole once all days of a window behind it have settled.
    let whole = window + settles;
    let help = format!(
        "{weekly}look at no more days than lie between two runs, run less often, or wait after a change: `cooldown {whole} days`"
    );
    Some(
        Diagnostic::new(Code::W0201, format!("`{}` compounds: one good window changes `{column}` {times}", rule.name))
            .at(change, format!("each {run}"))
            .at(at, format!("looks at {window} days"))
            .help(help),
    )
}

/// Rules that change one column of one target in opposite directions, by bounds of one value that leave no gap: they take
/// turns, and a value that stays near the bound goes up and down.
pub fn opposite(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, rule) in program.decisions.iter().enumerate() {
        for other in &program.decisions[at + 1..] {
            if rule.no_reversal.is_some() && other.no_reversal.is_some() {
                continue;
            }
            let Some(column) = changed_oppositely(rule, other) else { continue };
            let Some((first, second)) = without_gap(rule, other) else { continue };
            let (one, two) = (&rule.name, &other.name);
            found.push(
                Diagnostic::new(Code::W0211, format!("`{one}` and `{two}` take turns with `{column}`"))
                    .at(first, "changes it one way")
                    .at(second, "changes it the other way, by bounds that leave no gap")
                    .help("leave a gap between the bounds: below $45 the one, above $50 the other; or add `no reversal within 14 days` to both"),
            );
        }
    }
    found
}

/// The column that both change through one target, the one up and the other down.
fn changed_oppositely<'p>(rule: &'p Decision, other: &Decision) -> Option<&'p str> {
    let changes = |rule: &'p Decision| rule.actions.iter();
    changes(rule).find_map(|action| {
        let Action::Change { column, step, via, .. } = action else { return None };
        let opposite = other.actions.iter().any(|action| match action {
            Action::Change { column: same, step: back, via: there, .. } => {
                same == column && there.target == via.target && is_cut(step, column) != is_cut(back, column)
            }
            _ => false,
        });
        (opposite && is_relative(step, column)).then_some(column.as_str())
    })
}

/// Conditions of both rules on one value whose bounds touch or overlap.
fn without_gap(rule: &Decision, other: &Decision) -> Option<(Span, Span)> {
    let bounds = |rule: &Decision| rule.when.iter().filter_map(bound).collect::<Vec<_>>();
    let others = bounds(other);
    bounds(rule).into_iter().find_map(|first| {
        let second = others.iter().find(|second| {
            let (below, above) = if first.below { (&first, *second) } else { (*second, &first) };
            first.of == second.of && first.below != second.below && above.bound <= below.bound
        })?;
        Some((first.span, second.span))
    })
}

/// `cac < $47`: a bound of a value.
struct ValueBound {
    of: String,
    below: bool,
    bound: Decimal,
    span: Span,
}

fn bound(condition: &Expr) -> Option<ValueBound> {
    let ExprKind::Compare(op, left, right) = &condition.kind else { return None };
    let less = matches!(op, CompareOp::Less | CompareOp::LessOrEqual);
    if !less && !matches!(op, CompareOp::Greater | CompareOp::GreaterOrEqual) {
        return None;
    }
    let name = |side: &Expr| match &side.kind {
        ExprKind::Column(name) => Some(name.clone()),
        _ => None,
    };
    let of = |of, below, bound| ValueBound { of, below, bound, span: condition.span };
    match (name(left), right.amount(), name(right), left.amount()) {
        (Some(name), Some(bound), ..) => Some(of(name, less, bound)),
        (_, _, Some(name), Some(bound)) => Some(of(name, !less, bound)),
        _ => None,
    }
}

/// Changes without a guard, and cuts without a floor.
pub fn changes(rule: &Decision) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in &rule.actions {
        let Action::Change { column, step, .. } = action else { continue };
        let bound = |floor: bool| {
            rule.keep.iter().any(|keep| keep.column == *column && matches!(keep.bound, Bound::Floor(_)) == floor)
        };
        let total = rule.totals.iter().any(|total| total.column == *column);
        // A floor holds no rise.
        let rises = is_relative(step, column) && !is_cut(step, column);
        let bounded = bound(false) || (bound(true) && !rises);
        let held = bounded || total || rule.at_most.is_some() || rule.approval.is_some();
        let span = step.expr().span;
        if !held && rule.keep_change.is_none() && rule.cooldown.is_none() {
            found.push(
                Diagnostic::new(Code::W0203, format!("nothing holds what `{}` does to `{column}`", rule.name))
                    .at(span, "changed without a guard")
                    .help(format!("add `keep {column} between A and B`, or `at most N per run`")),
            );
        } else if is_cut(step, column) && !bound(true) {
            found.push(
                Diagnostic::new(Code::W0202, format!("`{}` may drain `{column}`: it cuts without a floor", rule.name))
                    .at(span, "again and again, towards nothing")
                    .help(format!("add `keep {column} at least A`")),
            );
        }
    }
    found
}

/// Whether the new value is computed from the old one: `by +20%`, `to budget * 80%`.
fn is_relative(step: &Step, column: &str) -> bool {
    match step {
        Step::Share(_) | Step::Amount(_) => true,
        Step::To(to) => to.any(|kind| matches!(kind, ExprKind::Column(name) if name == column)),
    }
}

/// Whether it is lower: `by -20%`, `to budget * 80%`, `to budget - $5`, `to budget / 2`.
fn is_cut(step: &Step, column: &str) -> bool {
    let is_column = |expr: &Expr| matches!(&expr.kind, ExprKind::Column(name) if name == column);
    let below_one = |expr: &Expr| expr.amount().is_some_and(|amount| amount < Decimal::ONE);
    match step {
        Step::Share(by) | Step::Amount(by) => match &by.kind {
            ExprKind::Negate(_) => true,
            _ => by.amount().is_some_and(|amount| amount.is_sign_negative()),
        },
        Step::To(to) => match &to.kind {
            ExprKind::Arith(ArithOp::Subtract, from, _) => is_column(from),
            ExprKind::Arith(ArithOp::Multiply, left, right) => {
                (is_column(left) && below_one(right)) || (is_column(right) && below_one(left))
            }
            ExprKind::Arith(ArithOp::Divide, of, by) => {
                is_column(of) && by.amount().is_some_and(|amount| amount > Decimal::ONE)
            }
            _ => false,
        },
    }
}
