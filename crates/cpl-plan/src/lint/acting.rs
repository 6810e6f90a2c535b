//! Rules that act: how they go wrong in practice.

use std::collections::BTreeSet;

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{ArithOp, CompareOp, Period, Unit},
};

use rust_decimal::Decimal;

use super::Seen;
use crate::{
    clock::Cadence,
    program::{Action, AggFunc, Bound, Decision, Direction, Expr, ExprKind, Program, Source, Stage, Step},
    types::Type,
};

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

/// Days from one run to the next, and how that is said.
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
pub fn compounding(program: &Program, rule: &Decision, looked_at: &Seen<'_>) -> Option<Diagnostic> {
    let by = rule.actions.iter().find_map(|action| match action {
        Action::Change { step, column, .. } if goes_on(step, column) => Some((step.expr().span, column)),
        _ => None,
    });
    let ((change, column), (window, at)) = (by?, looked_at.longest()?);
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
    let help = format!(
        "look at no more days than lie between two runs, or run less often; `cooldown {window} days` comes with a later version"
    );
    Some(
        Diagnostic::new(Code::W0201, format!("`{}` compounds: one good window changes `{column}` {times}", rule.name))
            .at(change, format!("each {run}"))
            .at(at, format!("looks at {window} days"))
            .help(help),
    )
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
        let rises = goes_on(step, column) && !is_cut(step, column);
        let bounded = bound(false) || (bound(true) && !rises);
        let held = bounded || total || rule.at_most.is_some() || rule.approval;
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

/// Whether the new value is one of the old: `by +20%`, `to budget * 80%`.
fn goes_on(step: &Step, column: &str) -> bool {
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

/// A rule that acts on a ratio of few things acts on chance.
pub fn without_count(program: &Program, rule: &Decision, looked_at: &Seen<'_>) -> Option<Diagnostic> {
    let asks_count = rule.when.iter().any(|condition| match &condition.kind {
        ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, left, _) => left.ty.is_whole(),
        ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, _, right) => right.ty.is_whole(),
        ExprKind::Exceeds(Direction::Above, left, ..) => left.ty.is_whole(),
        _ => false,
    });
    if asks_count {
        return None;
    }
    let divided = Divided::of(program, looked_at);
    let span = rule.when.iter().find_map(|condition| divided.part_of(condition))?;
    let name = program.written(span);
    Some(
        Diagnostic::new(Code::W0204, format!("`{}` acts on `{name}` however few things it is of", rule.name))
            .at(span, "an average or a rate")
            .help("add `require COUNT >= 30`: of few things a rate is chance"),
    )
}

/// The columns that are averages or rates: stored as ratios, or computed by a division of what changes, or of such.
struct Divided(BTreeSet<String>);

impl Divided {
    fn of(program: &Program, looked_at: &Seen<'_>) -> Self {
        let mut found = Self(BTreeSet::new());
        // A table comes behind those it is made of.
        for table in looked_at.tables.iter().map(|id| program.table(*id)) {
            if let Source::Fetch(fetch) = &table.source {
                let ratios = fetch.columns.iter().filter_map(|column| table.column(&column.name));
                found.0.extend(ratios.filter(|column| column.ty == Type::Ratio).map(|column| column.name.clone()));
            }
            let Source::Transform { stages, .. } = &table.source else { continue };
            for (name, value) in stages.iter().flat_map(Stage::named) {
                if found.part_of(value).is_some() {
                    found.0.insert(name.clone());
                }
            }
        }
        found
    }

    /// The first part of an expression that is an average or a rate.
    fn part_of(&self, expr: &Expr) -> Option<Span> {
        let mut found = None;
        expr.walk(&mut |part| {
            let is = match &part.kind {
                ExprKind::Column(name) => self.0.contains(name),
                ExprKind::Arith(ArithOp::Divide, _, by) => {
                    by.any(|kind| matches!(kind, ExprKind::Column(_) | ExprKind::Aggregate(_) | ExprKind::Series(_)))
                }
                ExprKind::Aggregate(aggregate) => aggregate.func == AggFunc::Mean,
                _ => false,
            };
            if is && found.is_none() {
                found = Some(part.span);
            }
        });
        found
    }
}
