//! Which columns of which tables something needs.

use std::collections::{BTreeMap, BTreeSet};

use super::Purpose;
use crate::program::{
    Action, Alert, CheckKind, Dashboard, Decision, Expr, Found, Program, Rows, Source, Table, TableId,
};

/// The needed columns of each needed table.
#[derive(Debug, Default)]
pub struct Needs(BTreeMap<TableId, BTreeSet<String>>);

impl Needs {
    /// What the ends of the pipeline look at.
    pub fn of(program: &Program, purpose: Purpose) -> Self {
        let mut needs = Self::default();
        match purpose {
            Purpose::Show(table) => needs.add(table, program.table(table).columns.iter().map(|c| c.name.as_str())),
            Purpose::Run => {
                if let Some(dashboard) = &program.dashboard {
                    needs.dashboard(dashboard, program.table(dashboard.table));
                }
                program.decisions.iter().for_each(|rule| needs.decision(rule));
                program.alerts.iter().for_each(|rule| needs.alert(rule));
            }
        }
        needs
    }

    /// The columns needed of a table; none where nothing needs it.
    pub fn table(&self, id: TableId) -> Option<&BTreeSet<String>> {
        self.0.get(&id)
    }

    pub fn add<'n>(&mut self, id: TableId, columns: impl IntoIterator<Item = &'n str>) {
        self.0.entry(id).or_default().extend(columns.into_iter().map(str::to_owned));
    }

    /// What a table's checks look at.
    pub fn checks(&mut self, id: TableId, table: &Table) {
        for check in &table.checks {
            match &check.kind {
                CheckKind::Key(columns) => self.add(id, columns.iter().map(String::as_str)),
                CheckKind::Fresh(column, _) => self.add(id, [column.as_str()]),
                CheckKind::Expect(expected) => self.exprs(id, [expected]),
                CheckKind::NoGaps(periods) => self.add(id, periods.names().iter().map(String::as_str)),
            }
        }
    }

    /// A fetch also needs what its time looks at, and one column to have rows at all.
    pub fn fetch(&mut self, id: TableId, table: &Table) {
        let Source::Fetch(fetch) = &table.source else { return };
        self.add(id, table.time.as_deref());
        for column in &fetch.columns {
            if self.table(id).is_some_and(|needed| needed.contains(&column.name)) {
                self.add(id, column.minor_of.as_deref());
            }
        }
        if self.table(id).is_some_and(BTreeSet::is_empty) {
            let first = fetch.columns.iter().find(|column| column.found != Found::File).or(fetch.columns.first());
            self.add(id, first.map(|column| column.name.as_str()));
        }
    }

    /// The totals of other tables that an expression looks at.
    pub fn totals(&mut self, expr: &Expr) {
        for table in expr.totals() {
            self.add(table, [Table::TOTAL]);
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
    }
}
