//! The required columns of each table.

use std::collections::{BTreeMap, BTreeSet};

use super::purpose::Purpose;
use cpl_model::program::{
    Action, Alert, CheckKind, ColumnLocator, Dashboard, Decision, Encoding, Expr, InternalColumn, Program, Rows, Table,
    TableId, TableSource,
};

/// The columns of each table that something needs.
#[derive(Clone, Debug, Default)]
pub struct RequiredColumns(BTreeMap<TableId, BTreeSet<String>>);

impl RequiredColumns {
    /// What the dashboard, the rules or the shown table read.
    pub fn of(program: &Program, purpose: Purpose) -> Self {
        let mut required = Self::default();
        match purpose {
            Purpose::Show(table) => required.add(table, program.table(table).columns.iter().map(|c| c.name.as_str())),
            Purpose::Run => {
                if let Some(dashboard) = &program.dashboard {
                    required.dashboard(dashboard, program.table(dashboard.table));
                }
                program.decisions.iter().for_each(|rule| required.decision(rule));
                program.alerts.iter().for_each(|rule| required.alert(rule));
                // Every check is evaluated, whether or not a rule depends on it.
                for (at, _) in program.tables.iter().enumerate().filter(|(_, table)| !table.checks.is_empty()) {
                    required.add(TableId(at), []);
                }
            }
        }
        required
    }

    /// The required columns of a table; none where nothing needs it.
    pub fn table(&self, id: TableId) -> Option<&BTreeSet<String>> {
        self.0.get(&id)
    }

    pub fn add<'n>(&mut self, id: TableId, columns: impl IntoIterator<Item = &'n str>) {
        self.0.entry(id).or_default().extend(columns.into_iter().map(str::to_owned));
    }

    /// Adds what a table's checks read.
    pub fn checks(&mut self, id: TableId, table: &Table) {
        for check in &table.checks {
            self.add(id, check.series.iter().map(String::as_str));
            match &check.kind {
                CheckKind::Key(columns) => self.add(id, columns.iter().map(String::as_str)),
                CheckKind::Fresh(column, _) => self.add(id, [column.as_str()]),
                // The rows that break it are named by their key.
                CheckKind::Expect(expected) if expected.has_aggregate() => self.exprs(id, [expected]),
                CheckKind::Expect(expected) => {
                    self.exprs(id, [expected]);
                    self.add(id, table.key.iter().flatten().map(String::as_str));
                }
                CheckKind::NoGaps(periods) => self.add(id, periods.names().iter().map(String::as_str)),
            }
        }
    }

    /// Adds what a fetch needs itself: its time column, the currency of amounts, and one column to have rows at all.
    /// Where bad rows are skipped, all that is declared: which rows are bad must not depend on what else is read.
    pub fn fetch(&mut self, id: TableId, table: &Table) {
        let TableSource::Fetch(fetch) = &table.source else { return };
        self.add(id, table.time.as_deref());
        if fetch.skip_bad.is_some() {
            self.add(id, fetch.columns.iter().map(|column| column.name.as_str()));
        }
        let account = fetch.columns.iter().find(|column| column.account_currency.is_some());
        for column in fetch.columns.iter().filter(|column| matches!(column.encoding, Encoding::Money(..))) {
            if self.table(id).is_some_and(|columns| columns.contains(&column.name)) {
                let account = account.map(|column| column.name.as_str());
                self.add(id, column.minor_of.as_deref().into_iter().chain(account));
            }
        }
        if self.table(id).is_some_and(BTreeSet::is_empty) {
            let first =
                fetch.columns.iter().find(|column| column.locator != ColumnLocator::File).or(fetch.columns.first());
            self.add(id, first.map(|column| column.name.as_str()));
        }
    }

    /// Adds the totals of other tables that an expression reads.
    pub fn totals(&mut self, expr: &Expr) {
        for table in expr.totals() {
            self.add(table, [InternalColumn::Total.to_string().as_str()]);
        }
    }

    fn exprs<'e>(&mut self, id: TableId, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            self.add(id, expr.columns());
            self.totals(expr);
        }
    }

    fn dashboard(&mut self, dashboard: &Dashboard, table: &Table) {
        self.exprs(dashboard.table, dashboard.exprs());
        self.add(dashboard.table, dashboard.by.as_deref());
        if dashboard.over.is_some() {
            self.add(dashboard.table, table.time.as_deref());
        }
    }

    fn decision(&mut self, rule: &Decision) {
        let id = rule.rows.table;
        self.rows(&rule.rows);
        self.exprs(id, rule.exprs());
        self.add(id, rule.actions.iter().flat_map(Action::columns));
        self.add(id, rule.keep.iter().map(|keep| keep.column.as_str()));
        self.add(id, rule.totals.iter().map(|total| total.column.as_str()));
    }

    fn alert(&mut self, rule: &Alert) {
        self.rows(&rule.rows);
        self.exprs(rule.rows.table, rule.exprs());
    }

    fn rows(&mut self, rows: &Rows) {
        self.add(rows.table, rows.key.iter().map(String::as_str));
        self.add(rows.table, rows.newest.iter().map(|newest| newest.time.as_str()));
        if let Some(except) = &rows.except {
            self.add(except.table, std::iter::once(&except.time).chain(&except.on).map(String::as_str));
        }
    }
}
