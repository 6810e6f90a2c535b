//! Lints on the data of rules: stale rows, incomplete days, means of means, unmatched rows of joins.

use std::collections::BTreeSet;

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{CompareOp, WhichPeriod, WindowKind},
};

use super::rule_inputs::{RuleInputs, computed, since};
use cpl_model::{
    program::{
        AggFunc, Check, CheckKind, Constant, Encoding, Expr, ExprKind, Fetch, FetchColumn, Logic, PageBy, Program,
        SeriesOf, SourceKind, Stage, Table, TableId, TableSource,
    },
    types::Type,
    value::Value,
};

/// The table of each decision and alert, and what they compute of its rows.
fn rules(program: &Program) -> impl Iterator<Item = (TableId, Vec<&Expr>)> {
    let decisions = program.decisions.iter().map(|rule| (rule.rows.table, rule.exprs()));
    decisions.chain(program.alerts.iter().map(|rule| (rule.rows.table, rule.exprs())))
}

/// Sources of decisions and alerts without a freshness check.
pub fn stale(program: &Program) -> Vec<Diagnostic> {
    let rules = program.decisions.iter().map(|rule| (&rule.name, rule.rows.table));
    let rules: Vec<(&String, TableId)> =
        rules.chain(program.alerts.iter().map(|rule| (&rule.name, rule.rows.table))).collect();
    let mut found = Vec::new();
    for (at, table) in program.tables.iter().enumerate() {
        let id = TableId(at);
        let (TableSource::Fetch(_), Some(time)) = (&table.source, &table.time) else { continue };
        let upstream = |from: TableId| RuleInputs::of(program, from, &[]).tables;
        let is_fresh =
            |id: &TableId| program.table(*id).checks.iter().any(|check| matches!(check.kind, CheckKind::Fresh(..)));
        // A table made of it may be checked in its place, on the way to the rule.
        let unchecked = rules.iter().find(|(_, from)| {
            let tables = upstream(*from);
            tables.contains(&id) && !tables.iter().any(|table| is_fresh(table) && upstream(*table).contains(&id))
        });
        if let Some((rule, _)) = unchecked {
            found.push(
                Diagnostic::new(Code::W0205, format!("`{rule}` would not see that `{}` has stopped", table.name))
                    .at(table.span, format!("dated by `{time}`, and may be of any age"))
                    .help("add `fresh within 2 days`: what is older holds the decision"),
            );
        }
    }
    found
}

/// Rules over series of a source whose freshness is that of its newest row, whichever series it is of.
pub fn stopped_series(program: &Program) -> Vec<Diagnostic> {
    let decisions = program.decisions.iter().map(|rule| (&rule.name, &rule.rows));
    let alerts = program.alerts.iter().map(|rule| (&rule.name, &rule.rows));
    let mut found: Vec<Diagnostic> = Vec::new();
    // Of a series' newest period, one that has none is undecided already.
    for (rule, rows) in decisions.chain(alerts).filter(|(_, rows)| rows.newest.is_none()) {
        // A joined table may lack a series for other reasons: nobody bought.
        for id in program.table_line(rows.table) {
            let table = program.table(id);
            let fresh = |check: &&Check| matches!(check.kind, CheckKind::Fresh(..));
            let Some(check) = table.checks.iter().find(fresh) else { continue };
            let by_series = table.checks.iter().filter(fresh).any(|check| !check.series.is_empty());
            let series: Vec<String> =
                rows.key.iter().filter_map(|key| program.passed_through(key, rows.table, id)).collect();
            let is_known = found.iter().any(|before| before.start() == check.span.start);
            // A column that identifies each row has one row for each value: no series can stop.
            let is_row = table.key.as_ref().is_some_and(|key| key.iter().all(|name| series.contains(name)));
            if by_series || series.is_empty() || is_known || is_row {
                continue;
            }
            let names = series.join(", ");
            found.push(
                Diagnostic::new(
                    Code::W0210,
                    format!("`{rule}` would not see that one {names} of `{}` has stopped", table.name),
                )
                .at(check.span, "looks at the newest row of all")
                .help(format!("add `for {names}` to it: what is older is held, and nothing else")),
            );
        }
    }
    found
}

/// Several files or pages without a key: a row that is in two of them counts twice.
pub fn rows_twice(program: &Program) -> Vec<Diagnostic> {
    let needed = program.read_by_rules();
    let mut found = Vec::new();
    for (at, table) in program.tables.iter().enumerate().filter(|(at, _)| needed.contains(&TableId(*at))) {
        let TableSource::Fetch(fetch) = &table.source else { continue };
        // What comes after a `take 1 per` is one row of each again; a key of it is checked there.
        let checked = |id: &TableId| {
            let line: Vec<TableId> = program.table_line(*id).collect();
            line.contains(&TableId(at)) && line[..line.len() - 1].iter().any(|id| picks_rows(program, *id))
        };
        let all: Vec<TableId> = (0..program.tables.len()).map(TableId).filter(|id| needed.contains(id)).collect();
        let Some((parts, help)) = parts_of(fetch).filter(|_| table.key.is_none() && !all.iter().any(checked)) else {
            continue;
        };
        let message = format!("a row that is in two {parts} of `{}` counts twice", table.name);
        let diagnostic = Diagnostic::new(Code::W0213, message).at(fetch.path_span, format!("several {parts}"));
        found.push(diagnostic.help(help));
    }
    found
}

/// What a fetch is read in, where that may be several, and what to do about rows that are there twice.
fn parts_of(fetch: &Fetch) -> Option<(&'static str, &'static str)> {
    if fetch.kind.is_file() {
        let help = "add a `key`, which is checked; of exports that overlap `sort` by the newest and `take 1 per` key";
        return fetch.path.contains('*').then_some(("files", help));
    }
    let SourceKind::Endpoint(call) = &fetch.kind else { return None };
    let paging = call.endpoint.paging.as_ref().filter(|paging| paging.by != PageBy::First);
    paging.map(|_| ("pages", "add a `key` to the endpoint in the connector, or to this fetch: it is checked"))
}

/// Percentages of a workbook, whose cells hold 0.032 where they show 3.2%.
pub fn percents_in_workbooks(program: &Program) -> Vec<Diagnostic> {
    let fetches = program.tables.iter().filter_map(|table| match &table.source {
        TableSource::Fetch(fetch) => Some(fetch),
        TableSource::Transform { .. } => None,
    });
    let columns = fetches.filter(|fetch| matches!(fetch.kind, SourceKind::Excel(_))).flat_map(|fetch| &fetch.columns);
    let percents = columns.filter(|column| column.encoding == Encoding::Percent);
    let advice = |column: &FetchColumn| {
        Diagnostic::new(Code::W0214, "a cell that shows 3.2% holds 0.032, and as `percent` that is 0.032%")
            .at(column.span, format!("{} of a workbook", column.name))
            .help("declare it `ratio`; `percent` is right where the cells hold 3.2, or texts")
    };
    percents.map(advice).collect()
}

/// Days of an account in another zone than the pipeline's: they begin and end at other moments than its own.
pub fn days_of_another_zone(program: &Program) -> Vec<Diagnostic> {
    let advice = |table: &Table| {
        let TableSource::Fetch(fetch) = &table.source else { return None };
        let SourceKind::Endpoint(of) = &fetch.kind else { return None };
        let is_day = table.column(table.time.as_deref()?).is_some_and(|time| time.ty == Type::Date);
        let account = of.endpoint.timezone.as_deref().filter(|_| is_day)?;
        let own = program.timezone.iana_name().unwrap_or("UTC");
        let message =
            format!("the days of `{}` are those of {account}, and the pipeline's are those of {own}", table.name);
        let diagnostic = Diagnostic::new(Code::W0216, message).at(fetch.path_span, "an account in another time zone");
        let help = format!("write `timezone \"{account}\"` into the pipeline, or fetch moments instead of days");
        (!account.eq_ignore_ascii_case(own)).then(|| diagnostic.help(help))
    };
    program.tables.iter().filter_map(advice).collect()
}

/// Whether a table takes one row of several.
fn picks_rows(program: &Program, id: TableId) -> bool {
    match &program.table(id).source {
        TableSource::Transform { stages, .. } => {
            stages.iter().any(|stage| matches!(stage, Stage::Take(_, per) if !per.is_empty()))
        }
        TableSource::Fetch(_) => false,
    }
}

/// Conditions that take in today, which is not over.
pub fn partial_days(program: &Program) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for (table, own) in rules(program) {
        let inputs = RuleInputs::of(program, table, &own);
        let times: BTreeSet<&str> = inputs.tables.iter().filter_map(|id| program.table(*id).time.as_deref()).collect();
        let ends_before = inputs.exprs.iter().any(|expr| leaves_out(expr, 0) || ends_itself(expr));
        for expr in &inputs.exprs {
            let mut without = BTreeSet::new();
            expr.walk(&mut |part| {
                if let ExprKind::Not(inner) = &part.kind {
                    without.insert(inner.span.start);
                }
            });
            expr.walk(&mut |part| {
                let open = || begins_before(part, &times).filter(|_| !ends_before);
                let today = takes_in_today(part).or_else(open).filter(|today| !without.contains(&today.start));
                if let Some(today) = today
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
    }
    found
}

/// Whether it excludes today: a window of complete days, or all days but today.
fn ends_itself(expr: &Expr) -> bool {
    let is_today = |side: &Expr| matches!(side.kind, ExprKind::Constant(Constant::Today(0)));
    let mut found = false;
    expr.walk(&mut |part| {
        found |= match &part.kind {
            ExprKind::InWindow(..) => true,
            ExprKind::Compare(CompareOp::Unequal, left, right) => is_today(left) || is_today(right),
            ExprKind::Not(inner) => {
                matches!(&inner.kind, ExprKind::Compare(CompareOp::Equal, left, right) if is_today(left) || is_today(right))
            }
            _ => false,
        };
    });
    found
}

/// Windows over days whose figures still move at their source.
pub fn moving_days(program: &Program) -> Vec<Diagnostic> {
    const DAY: i64 = 86_400_000_000;
    let rules: Vec<(TableId, Vec<&Expr>)> = rules(program).collect();
    let mut found: Vec<Diagnostic> = Vec::new();
    for (at, table) in program.tables.iter().enumerate() {
        let (TableSource::Fetch(Fetch { path_span, .. }), Some(settles)) = (&table.source, table.settles) else {
            continue;
        };
        let (fetch, days) = (TableId(at), settles / DAY + i64::from(settles % DAY > 0));
        for (from, own) in &rules {
            let inputs = RuleInputs::of(program, *from, own).tables;
            let depends_on_fetch = |id: &&TableId| RuleInputs::of(program, **id, &[]).tables.contains(&fetch);
            let made: Vec<&TableId> = inputs.iter().filter(depends_on_fetch).collect();
            let exprs: Vec<&Expr> =
                made.iter().flat_map(|id| computed(program.table(**id))).chain(own.iter().copied()).collect();
            if made.is_empty() || exprs.iter().any(|expr| leaves_out(expr, days) || keeps_settled(expr)) {
                continue;
            }
            let newest = exprs.iter().find_map(|expr| newest_days(expr));
            if let Some(window) = newest.filter(|at| !found.iter().any(|before| before.start() == at.start)) {
                let name = &table.name;
                found.push(
                    Diagnostic::new(Code::W0206, format!("the newest days of `{name}` still change at their source"))
                        .at(window, "takes them in")
                        .at(*path_span, format!("they settle within {}", Value::Duration(settles)))
                        .help(format!(
                            "leave them out: `day in last 7 settled days`, or `where day < today - {days} days`"
                        )),
                );
            }
        }
    }
    found
}

/// A window that ends yesterday, or today.
fn newest_days(expr: &Expr) -> Option<Span> {
    let mut found = None;
    expr.walk(&mut |part| {
        let newest = match &part.kind {
            ExprKind::InWindow(_, window) => {
                window.settles == 0 && !matches!(window.kind, WindowKind::Period(WhichPeriod::Previous, _))
            }
            ExprKind::Series(series) => matches!(series.of, SeriesOf::Over(..)),
            ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, _, from) => since(from).is_some(),
            ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, from, _) => since(from).is_some(),
            _ => false,
        };
        if newest && found.is_none() {
            found = Some(part.span);
        }
    });
    found
}

/// Whether a condition of rows keeps those alone whose days have settled.
fn keeps_settled(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::InWindow(_, window) => window.settles > 0,
        ExprKind::Logic(Logic::And, left, right) => keeps_settled(left) || keeps_settled(right),
        _ => false,
    }
}

/// Whether a condition leaves out the newest days, as `day < today - 7 days` does.
fn leaves_out(expr: &Expr, days: i64) -> bool {
    let mut found = false;
    expr.walk(&mut |part| {
        let until = match &part.kind {
            ExprKind::Compare(CompareOp::Less, _, until) => since(until),
            ExprKind::Compare(CompareOp::LessOrEqual, _, until) => since(until).map(|days| days - 1),
            ExprKind::Compare(CompareOp::Greater, until, _) => since(until),
            ExprKind::Compare(CompareOp::GreaterOrEqual, until, _) => since(until).map(|days| days - 1),
            _ => None,
        };
        found |= until.is_some_and(|until| until >= days);
    });
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

/// `day >= today - 7 days`, of what dates the rows: days from then on, today too.
fn begins_before(expr: &Expr, times: &BTreeSet<&str>) -> Option<Span> {
    let day = |side: &Expr| matches!(&side.kind, ExprKind::Column(name) if times.contains(name.as_str()));
    let open = match &expr.kind {
        ExprKind::Compare(CompareOp::Greater | CompareOp::GreaterOrEqual, left, from) => {
            day(left) && since(from).is_some()
        }
        ExprKind::Compare(CompareOp::Less | CompareOp::LessOrEqual, from, right) => day(right) && since(from).is_some(),
        _ => false,
    };
    open.then_some(expr.span)
}

/// Means of ratios: each ratio counts alike, whatever its denominator.
pub fn means_of_means(program: &Program) -> Vec<Diagnostic> {
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

/// Columns of a left join that are compared with 0. In unmatched rows they are unknown, not 0.
pub fn partners_against_zero(program: &Program) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // For each table, its columns that are unknown where a left join found no partner.
    let mut joined: Vec<BTreeSet<String>> = Vec::new();
    for table in &program.tables {
        let mut columns = BTreeSet::new();
        if let TableSource::Transform { from, stages } = &table.source {
            columns = joined.get(from.0).cloned().unwrap_or_default();
            for stage in stages {
                for expr in stage.exprs() {
                    against_zero(expr, &columns, &mut found);
                }
                match stage {
                    Stage::Join(join) if join.left => {
                        columns.extend(join.columns.iter().map(|(_, name)| name.clone()));
                    }
                    Stage::Derive(made) => columns.retain(|name| !made.iter().any(|(made, _)| made == name)),
                    Stage::Keep(kept) => columns.retain(|name| is_kept(kept, name)),
                    Stage::Group { .. } => columns.clear(),
                    _ => {}
                }
            }
        }
        joined.push(columns);
    }
    for (table, exprs) in rules(program) {
        for expr in exprs {
            against_zero(expr, &joined[table.0], &mut found);
        }
    }
    found
}

/// Whether a column is kept as it is.
fn is_kept(kept: &[(String, Expr)], name: &str) -> bool {
    kept.iter().any(|(kept, value)| kept == name && matches!(&value.kind, ExprKind::Column(column) if column == name))
}

fn against_zero(expr: &Expr, joined: &BTreeSet<String>, found: &mut Vec<Diagnostic>) {
    expr.walk(&mut |part| {
        let ExprKind::Compare(_, left, right) = &part.kind else { return };
        for (side, other) in [(left, right), (right, left)] {
            let zero = other.amount().is_some_and(|amount| amount.is_zero());
            let ExprKind::Column(name) = &side.kind else { continue };
            if zero && joined.contains(name) {
                found.push(
                    Diagnostic::new(Code::W0209, format!("without a partner `{name}` is unknown, and not 0"))
                        .at(side.span, "comes from a left join")
                        .help(format!("write `({name} ?? 0)`, or ask `{name} is unknown`")),
                );
            }
        }
    });
}
