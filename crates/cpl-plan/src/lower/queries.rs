//! Checks, the dashboard, rules and the shown table become queries.

use cpl_model::{
    program::{
        AggFunc, Check, CheckKind, Constant, Dashboard, Expr, ExprKind, InternalColumn, Newest, Order, Periods,
        Quotient, Rows, Table, TableId, TableSource,
    },
    types::Type,
};
use cpl_syntax::Span;

use super::{Chain, Lowering, except_on::of_newest};
use crate::{
    plan::{NodeId, Op},
    prune::Purpose,
    query::{DashboardPart, Gaps, Nearest, NewestPeriod, Query, QueryKind, Requester, RowQuery},
    rule::{CompiledAlert, CompiledRule, Conditions, RowLayout, operands},
};

impl Lowering<'_> {
    pub(super) fn add_query(&mut self, of: NodeId, kind: QueryKind, requester: Requester, span: Span) {
        self.plan.add_query(|id| Query { id, of, kind, requester, span, stage: 0 });
    }

    pub(super) fn queries(&mut self, purpose: Purpose) {
        if let Purpose::Show(id) = purpose {
            self.show(id);
            return;
        }
        if let Some(dashboard) = self.program().dashboard.clone() {
            self.dashboard(&dashboard);
        }
        for at in 0..self.program().decisions.len() {
            self.decide(at);
        }
        for at in 0..self.program().alerts.len() {
            self.alert(at);
        }
    }

    /// Those columns of a table with their types.
    pub(super) fn typed<'n>(&self, id: TableId, names: impl Iterator<Item = &'n String>) -> Vec<(String, Type)> {
        let table = self.program().table(id);
        names.filter_map(|name| Some((name.clone(), table.column(name)?.ty))).collect()
    }

    fn show(&mut self, id: TableId) {
        let table = self.program().table(id).clone();
        let columns = self.typed(id, table.columns.iter().map(|column| &column.name));
        let order = sorted_by(&table).to_vec();
        self.add_query(self.end(id), QueryKind::Table { columns, order }, Requester::Show(id), table.span);
    }

    /// The checks of a table; of a test's empty tables none.
    pub(super) fn checks(&mut self, id: TableId) {
        let table = self.program().table(id).clone();
        let is_fetch = matches!(table.source, TableSource::Fetch(_));
        if is_fetch && self.given.is_some_and(|given| !given.contains(&id)) {
            return;
        }
        for (at, check) in table.checks.iter().enumerate() {
            let kind = self.check(check, id, &table);
            self.add_query(self.end(id), kind, Requester::Check { table: id, at }, table.span);
            if let CheckKind::Expect(expected) = &check.kind
                && !expected.has_aggregate()
            {
                let kind = self.broken_rows(check, expected, id);
                self.add_query(self.end(id), kind, Requester::BrokenRows { table: id, at }, table.span);
            }
        }
    }

    /// What a check finds: of the whole table, or a row for each series.
    fn check(&self, check: &Check, id: TableId, table: &Table) -> QueryKind {
        let mut values = Vec::new();
        let item = match &check.kind {
            CheckKind::Key(columns) => {
                return QueryKind::Duplicates { key: self.typed(id, columns.iter()), known_only: false };
            }
            CheckKind::NoGaps(periods) => return QueryKind::FirstGap(gaps(periods, table)),
            CheckKind::Fresh(column, _) => {
                let ty = table.column(column).map_or(Type::Date, |column| column.ty);
                let of = Expr::column(column, ty, true, check.span);
                Expr::aggregate(AggFunc::Max, Some(of), None, ty, check.span)
            }
            CheckKind::Expect(expected) if expected.has_aggregate() => {
                values = operands(expected);
                expected.clone()
            }
            CheckKind::Expect(expected) => {
                Expr::aggregate(AggFunc::Count, None, Some(is_broken(expected)), Type::Count, check.span)
            }
        };
        let values = values.into_iter().enumerate().map(|(at, value)| (format!("value {at}"), value.clone()));
        let items = std::iter::once(("found".to_owned(), item)).chain(values).collect();
        QueryKind::Aggregate { filter: None, keys: self.typed(id, check.series.iter()), items }
    }

    /// The first rows of which an expectation is not true: what names them, and what it looks at.
    fn broken_rows(&self, check: &Check, expected: &Expr, id: TableId) -> QueryKind {
        let table = self.program().table(id);
        let mut shown: Vec<String> = table.key.clone().unwrap_or_default();
        for name in check.series.iter().map(String::as_str).chain(expected.columns()) {
            if !shown.iter().any(|before| before == name) {
                shown.push(name.to_owned());
            }
        }
        let columns = self.typed(id, shown.iter());
        QueryKind::FirstRows { filter: is_broken(expected), columns, order: shown }
    }

    /// Asks how many rows have no value that a sum in a quotient wants, of all or of those in a window.
    pub(super) fn passed_over<'e>(
        &mut self,
        chain: &Chain,
        values: impl Iterator<Item = &'e Expr>,
        window: Option<&Expr>,
    ) {
        if self.given.is_some() {
            return;
        }
        let mut summed: Vec<&Expr> = Vec::new();
        for of in values.flat_map(Expr::sums_passing_over).filter_map(Expr::summed) {
            if !summed.iter().any(|before| before.same_as(of)) {
                summed.push(of);
            }
        }
        for of in summed {
            let with = |kind| Expr::new(kind, Type::Bool, false, of.span);
            let known = with(ExprKind::Known(Box::new(of.clone())));
            let unknown = with(ExprKind::Not(Box::new(known)));
            let count = |filter| Expr::aggregate(AggFunc::Count, None, filter, Type::Count, of.span);
            let items = vec![("rows".to_owned(), count(None)), ("unknown".to_owned(), count(Some(unknown)))];
            let kind = QueryKind::Aggregate { filter: window.cloned(), keys: Vec::new(), items };
            let requester = Requester::PassedOver { table: chain.table, of: of.span };
            self.add_query(chain.at, kind, requester, of.span);
        }
    }

    fn dashboard(&mut self, dashboard: &Dashboard) {
        let table = self.program().table(dashboard.table).clone();
        let metrics: Vec<(String, Expr)> = dashboard
            .metrics
            .iter()
            .enumerate()
            .map(|(at, metric)| (format!("metric {at}"), metric.value.clone()))
            .collect();
        let goals = dashboard.metrics.iter().enumerate();
        let goals = goals.filter_map(|(at, metric)| Some((format!("goal {at}"), metric.goal.as_ref()?.bound.clone())));
        let items = metrics.iter().cloned().chain(goals).collect();
        let window = in_window(dashboard, &table);
        let quotient = dashboard.metrics.first().and_then(|constraint| Quotient::of(&constraint.value));
        let sums = quotient.into_iter().flat_map(|quotient| std::iter::once(quotient.above).chain(quotient.below));
        let sums: Vec<_> = sums.enumerate().map(|(at, value)| (format!("sum {at}"), value)).collect();
        let chain = Chain { table: dashboard.table, span: dashboard.span, at: self.end(dashboard.table) };
        self.passed_over(&chain, metrics.iter().map(|(_, value)| value), window.as_ref());
        let mut add_query = |part, filter: Option<Expr>, keys, items| {
            let kind = QueryKind::Aggregate { filter, keys, items };
            self.add_query(chain.at, kind, Requester::Dashboard(part), dashboard.span);
        };
        add_query(DashboardPart::Now, window.clone(), Vec::new(), items);
        if dashboard.over.is_some() {
            // The same window: `bind` takes the one before.
            add_query(DashboardPart::Before, window.clone(), Vec::new(), metrics.clone());
        }
        if let Some(by) = dashboard.by.as_ref().and_then(|by| table.column(by)) {
            let keys = vec![(by.name.clone(), by.ty)];
            let with_sums = |metrics: &[(String, Expr)]| metrics.iter().cloned().chain(sums.clone()).collect();
            add_query(DashboardPart::By, window.clone(), keys.clone(), with_sums(&metrics));
            if dashboard.over.is_some() {
                add_query(DashboardPart::ByBefore, window, keys, with_sums(&metrics[..1]));
            }
        }
    }

    fn decide(&mut self, at: usize) {
        let rule = self.program().decisions[at].clone();
        let mut layout = RowLayout::default();
        let compiled = CompiledRule::of(&rule, self.program(), &mut layout);
        let totalled = compiled.totals.iter().any(|total| total.cap.is_some());
        let key = compiled.conditions.key.iter().map(|(_, at)| *at).collect();
        let nearest = Some(Nearest { missing: compiled.missing, key });
        let (of, kind) = self.rows(&rule.rows, layout, &compiled.conditions, (totalled, false, nearest), rule.span);
        self.add_query(of, kind, Requester::Decide(at, Box::new(compiled)), rule.span);
    }

    fn alert(&mut self, at: usize) {
        let rule = self.program().alerts[at].clone();
        let mut layout = RowLayout::default();
        let compiled = CompiledAlert::of(&rule, self.program(), &mut layout);
        // What is no exception needs no word.
        let left_out = rule.rows.except.is_some();
        let (of, kind) = self.rows(&rule.rows, layout, &compiled.conditions, (false, left_out, None), rule.span);
        self.add_query(of, kind, Requester::Alert(at, Box::new(compiled)), rule.span);
    }

    /// Replaces the questions whether something is sure by columns: a query reads a rule's rows several times, and a chance is not
    /// computed for each of them.
    fn judged(&mut self, chain: &mut Chain, exprs: Vec<Expr>) -> Vec<Expr> {
        let mut judged = Judged::default();
        let exprs = exprs.into_iter().map(|expr| judged.replace(expr)).collect();
        if !judged.0.is_empty() {
            self.push(chain, Op::Derive(judged.0));
            self.plan.node_mut(chain.at).materialized = true;
        }
        exprs
    }

    /// The rows of a rule; what it looks at in other rows becomes columns first.
    fn rows(
        &mut self,
        rows: &Rows,
        mut layout: RowLayout,
        conditions: &Conditions,
        (totalled, left_out_rows, nearest): (bool, bool, Option<Nearest>),
        span: Span,
    ) -> (NodeId, QueryKind) {
        let mut chain = Chain { table: rows.table, span, at: self.end(rows.table) };
        let mut exprs: Vec<Expr> = layout.columns().to_vec();
        if let Some(newest) = &rows.newest {
            if let Some(except) = &rows.except {
                self.except_on(&mut chain, except, newest);
            }
            exprs = exprs.into_iter().map(|expr| of_newest(expr, newest, rows.except.is_some())).collect();
        }
        let (mut exprs, _) = self.windowed(&mut chain, &exprs.iter().collect::<Vec<_>>());
        // Of a series only the newest period is judged, which the query finds.
        if rows.newest.is_none() {
            exprs = self.judged(&mut chain, exprs);
        }
        layout.columns_mut().clone_from_slice(&exprs);
        let newest = |newest: &Newest| {
            let (present, _) = conditions.present?;
            Some(NewestPeriod {
                key: rows.key.clone(),
                time: newest.time.clone(),
                grain: newest.grain,
                on: newest.on.clone(),
                start: None,
                present,
                is_judged: conditions.except.as_ref().map(|except| except.is_judged),
            })
        };
        let outcomes = conditions.all.iter().map(|condition| condition.outcome);
        let is_judged = conditions.except.as_ref().map(|except| except.is_judged).filter(|_| !left_out_rows);
        let query = RowQuery {
            layout,
            conditions: outcomes.chain(is_judged).collect(),
            newest: rows.newest.as_ref().and_then(newest),
            left_out_rows,
            all_rows: totalled || self.given.is_some(),
            nearest,
        };
        (chain.at, QueryKind::Rows(query))
    }
}

/// Distinct questions whether something is sure, and the columns that answer them.
#[derive(Default)]
struct Judged(Vec<(String, Expr)>);

impl Judged {
    fn replace(&mut self, expr: Expr) -> Expr {
        if !matches!(expr.kind, ExprKind::Surely(_)) {
            return expr.map_parts(&mut |part| self.replace(part));
        }
        let known = self.0.iter().position(|(_, before)| before.same_as(&expr));
        let at = known.unwrap_or(self.0.len());
        let name = InternalColumn::Sure(at).to_string();
        let column = Expr { kind: ExprKind::Column(name.clone()), ..expr.clone() };
        if known.is_none() {
            self.0.push((name, expr));
        }
        column
    }
}

/// The sort columns of a shown table: its key, unless a `sort` set another order; none for a fetch.
fn sorted_by(table: &Table) -> &[String] {
    let made = matches!(table.source, TableSource::Transform { .. }) && table.order != Order::Sorted;
    table.key.as_deref().filter(|_| made).unwrap_or_default()
}

fn gaps(periods: &Periods, table: &Table) -> Gaps {
    let ty = |name: &String| table.column(name).map_or(Type::Date, |column| column.ty);
    Gaps { types: periods.names().iter().map(ty).collect(), periods: periods.clone() }
}

/// Whether the expectation is false or unknown in a row.
fn is_broken(expected: &Expr) -> Expr {
    let with = |kind| Expr { kind, unknown: false, defined: None, ..expected.clone() };
    let no = with(ExprKind::Constant(Constant::Bool(false)));
    let known = with(ExprKind::OrElse(Box::new(expected.clone()), Box::new(no)));
    with(ExprKind::Not(Box::new(known)))
}

/// Whether a row lies in the dashboard's window.
fn in_window(dashboard: &Dashboard, table: &Table) -> Option<Expr> {
    let over = dashboard.over?;
    let time = table.column(table.time.as_deref()?)?;
    let time = Expr::column(&time.name, time.ty, time.unknown, time.span);
    let kind = ExprKind::InWindow(Box::new(time), over);
    Some(Expr::new(kind, Type::Bool, true, over.span))
}
