//! What a right pipeline is warned of: a pipeline serves one decision, and rules that act go wrong in known ways.

use std::collections::BTreeSet;

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{ArithOp, CompareOp, Unit, WindowKind},
};

use crate::{
    clock::Cadence,
    program::{
        Action, AggFunc, Bound, CheckKind, Constant, Decision, Direction, Expr, ExprKind, Length, Program, SeriesOf,
        Source, Stage, Step, Table, TableId,
    },
    types::Type,
};

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
        found.extend(compounding(program, rule, &looked_at));
        found.extend(changes(rule));
        found.extend(without_count(program, rule, &looked_at));
    }
    found.extend(stale(program));
    found.extend(partial_days(program));
    found.extend(means_of_means(program));
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
                        WindowKind::Period(..) => None,
                    },
                    ExprKind::Series(series) => match &series.of {
                        SeriesOf::Over(_, Length { length, unit }, _) => days(*length, *unit),
                        SeriesOf::Lag(..) | SeriesOf::Share(_) => None,
                    },
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

/// What a table computes.
fn computed(table: &Table) -> Vec<&Expr> {
    match &table.source {
        Source::Transform { stages, .. } => stages.iter().flat_map(Stage::exprs).collect(),
        Source::Fetch(_) => Vec::new(),
    }
}

fn days(length: u32, unit: Unit) -> Option<i64> {
    let length = i64::from(length);
    Some(match unit {
        Unit::Day => length,
        Unit::Week => length * 7,
        Unit::Month => length * 30,
        Unit::Hour => length / 24,
        Unit::Minute | Unit::Second => return None,
    })
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
fn compounding(program: &Program, rule: &Decision, looked_at: &Seen<'_>) -> Option<Diagnostic> {
    let by = rule.actions.iter().find_map(|action| match action {
        Action::Change { step: step @ (Step::Share(_) | Step::Amount(_)), column, .. } => {
            Some((step.expr().span, column))
        }
        _ => None,
    });
    let ((change, column), (window, at)) = (by?, looked_at.longest()?);
    let (apart, run) = between_runs(program.every);
    if window <= apart || rule.cooldown.is_some() {
        return None;
    }
    let times = if apart == 0 { "many times".to_owned() } else { format!("{} times", (window + apart - 1) / apart) };
    Some(
        Diagnostic::new(Code::W0201, format!("`{}` compounds: one good window changes `{column}` {times}", rule.name))
            .at(change, format!("each {run}"))
            .at(at, format!("looks at {window} days"))
            .help(format!("add `cooldown {window} days`, or look at no more than the time between two runs")),
    )
}

/// Changes without a guard, and cuts without a floor.
fn changes(rule: &Decision) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in &rule.actions {
        let Action::Change { column, step, .. } = action else { continue };
        let bound = |floor: bool| {
            rule.keep.iter().any(|keep| keep.column == *column && matches!(keep.bound, Bound::Floor(_)) == floor)
        };
        let total = rule.totals.iter().any(|total| total.column == *column);
        let held = bound(true) || bound(false) || total || rule.at_most.is_some() || rule.approval;
        let span = step.expr().span;
        if !held && rule.keep_change.is_none() && rule.cooldown.is_none() {
            found.push(
                Diagnostic::new(Code::W0203, format!("nothing holds what `{}` does to `{column}`", rule.name))
                    .at(span, "changed without a guard")
                    .help(format!("add `keep {column} between A and B`, or `at most N per run`")),
            );
        } else if is_cut(step) && !bound(true) {
            found.push(
                Diagnostic::new(Code::W0202, format!("`{}` may drain `{column}`: it cuts without a floor", rule.name))
                    .at(span, "again and again, towards nothing")
                    .help(format!("add `keep {column} at least A`")),
            );
        }
    }
    found
}

fn is_cut(step: &Step) -> bool {
    match step {
        Step::Share(by) | Step::Amount(by) => match &by.kind {
            ExprKind::Negate(_) => true,
            _ => by.amount().is_some_and(|amount| amount.is_sign_negative()),
        },
        Step::To(_) => false,
    }
}

/// A rule that acts on a ratio of few things acts on chance.
fn without_count(program: &Program, rule: &Decision, looked_at: &Seen<'_>) -> Option<Diagnostic> {
    let acts = rule.actions.iter().any(|action| !matches!(action, Action::Call { .. }));
    let asks_count = rule.when.iter().any(|condition| match &condition.kind {
        ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, left, _) => left.ty.is_whole(),
        ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, _, right) => right.ty.is_whole(),
        ExprKind::Exceeds(Direction::Above, left, ..) => left.ty.is_whole(),
        _ => false,
    });
    if !acts || asks_count {
        return None;
    }
    let ratio = rule.when.iter().find_map(|condition| {
        let mut found = None;
        condition.walk(&mut |part| {
            if let ExprKind::Column(name) = &part.kind
                && is_ratio(program, name, looked_at)
            {
                found.get_or_insert((name.clone(), part.span));
            }
        });
        found
    });
    let (name, span) = ratio?;
    Some(
        Diagnostic::new(Code::W0204, format!("`{}` acts on `{name}` however few things it is of", rule.name))
            .at(span, "an average or a rate")
            .help("add `require COUNT >= 30`: of few things a rate is chance"),
    )
}

/// Whether a column is computed by a division of aggregates.
fn is_ratio(program: &Program, name: &str, looked_at: &Seen<'_>) -> bool {
    looked_at.tables.iter().any(|id| {
        let Source::Transform { stages, .. } = &program.table(*id).source else { return false };
        stages.iter().any(|stage| match stage {
            Stage::Group { items, .. } => items.iter().any(|(item, value)| {
                let divides = |kind: &ExprKind| matches!(kind, ExprKind::Arith(ArithOp::Divide, ..));
                item == name && value.any(divides) && value.any(|kind| matches!(kind, ExprKind::Aggregate(_)))
            }),
            _ => false,
        })
    })
}

/// Sources that a decision or an alert rests on, and whose age nobody looks at.
fn stale(program: &Program) -> Vec<Diagnostic> {
    let rules = program.decisions.iter().map(|rule| (&rule.name, rule.rows.table));
    let rules: Vec<(&String, TableId)> =
        rules.chain(program.alerts.iter().map(|rule| (&rule.name, rule.rows.table))).collect();
    let mut found = Vec::new();
    for (at, table) in program.tables.iter().enumerate() {
        let id = TableId(at);
        let (Source::Fetch(_), Some(time)) = (&table.source, &table.time) else { continue };
        let behind = |from: TableId| Seen::of(program, from, &[]).tables;
        let Some((rule, _)) = rules.iter().find(|(_, from)| behind(*from).contains(&id)) else { continue };
        let is_fresh =
            |id: &TableId| program.table(*id).checks.iter().any(|check| matches!(check.kind, CheckKind::Fresh(..)));
        // A table made of it may be checked in its place.
        let checked = rules.iter().any(|(_, from)| {
            let tables = behind(*from);
            tables.contains(&id) && tables.iter().any(|table| is_fresh(table) && behind(*table).contains(&id))
        });
        if !checked {
            found.push(
                Diagnostic::new(
                    Code::W0205,
                    format!("`{rule}` would not see that `{}` has stopped", table.shown_name()),
                )
                .at(table.span, format!("dated by `{time}`, and may be of any age"))
                .help("add `fresh within 2 days`: what is older holds the decision"),
            );
        }
    }
    found
}

/// Conditions that take in today, which is not over.
fn partial_days(program: &Program) -> Vec<Diagnostic> {
    let mut tables = BTreeSet::new();
    let mut exprs: Vec<&Expr> = Vec::new();
    for (table, own) in program
        .decisions
        .iter()
        .map(|rule| (rule.rows.table, rule.exprs()))
        .chain(program.alerts.iter().map(|rule| (rule.rows.table, rule.exprs())))
    {
        tables.extend(Seen::of(program, table, &own).tables);
        exprs.extend(own);
    }
    exprs.extend(tables.iter().flat_map(|id| computed(program.table(*id))));
    let mut found: Vec<Diagnostic> = Vec::new();
    for expr in exprs {
        expr.walk(&mut |part| {
            if let Some(today) = takes_in_today(part)
                && !found.iter().any(|before| before.start() == today.start)
            {
                found.push(
                    Diagnostic::new(Code::W0206, "today is not over: its rows are fewer than they will be")
                        .at(today, "takes in today")
                        .help("look at complete days: `day in last 7 days`, `day = yesterday`"),
                );
            }
        });
    }
    found
}

fn takes_in_today(expr: &Expr) -> Option<Span> {
    let today = |side: &Expr| matches!(side.kind, ExprKind::Constant(Constant::Today(0)));
    let day = |side: &Expr| side.ty.is_time() && side.any(|kind| matches!(kind, ExprKind::Column(_)));
    let sides = |left: &Expr, right: &Expr| day(left) && today(right);
    let taken = match &expr.kind {
        ExprKind::Compare(CompareOp::Equal | CompareOp::GreaterOrEqual | CompareOp::LessOrEqual, left, right) => {
            sides(left, right) || sides(right, left)
        }
        ExprKind::InRange(value, _, to) => sides(value, to),
        _ => false,
    };
    taken.then_some(expr.span)
}

/// Means of ratios, each of which may be of many things or of few.
fn means_of_means(program: &Program) -> Vec<Diagnostic> {
    let metrics = program.dashboard.iter().flat_map(|dashboard| dashboard.exprs());
    let exprs = program.tables.iter().flat_map(computed).chain(metrics);
    let mut found: Vec<Diagnostic> = Vec::new();
    for expr in exprs {
        expr.walk(&mut |part| {
            let ExprKind::Aggregate(aggregate) = &part.kind else { return };
            let Some(of) = aggregate.of.as_ref().filter(|of| of.ty == Type::Ratio) else { return };
            let mean = matches!(aggregate.func, AggFunc::Mean | AggFunc::Median);
            if mean && !found.iter().any(|before| before.start() == part.span.start) {
                found.push(
                    Diagnostic::new(Code::W0207, "a mean of ratios counts each alike, of however many things it is")
                        .at(part.span, "a mean of means")
                        .at(of.span, "this is a ratio")
                        .help("divide sums: `metric rate = sum(won) / sum(tried)`"),
                );
            }
        });
    }
    found
}
