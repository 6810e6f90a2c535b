//! `dashboard`: one constraint and its three drivers.

use cpl_syntax::{Code, Diagnostic, tree};

use super::{
    Checker,
    arith::zero_as,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
};
use cpl_model::{
    program::{Dashboard, DashboardMetric, Goal, PastWindow, WindowKind},
    types::Type,
};

impl Checker<'_> {
    /// The dashboard, if the file has one; none in the outer option where it is wrong.
    pub(super) fn dashboard(&mut self) -> Checked<Option<Dashboard>> {
        let Some(dashboard) = self.input.file.dashboards.first() else { return Ok(None) };
        if let Some(second) = self.input.file.dashboards.get(1) {
            self.report(
                Diagnostic::new(Code::E0501, "one pipeline has one dashboard")
                    .at(second.span, "a second one")
                    .at(dashboard.span, "the first one"),
            );
        }
        self.count_metrics(dashboard);
        let table = self.table_id(&dashboard.from)?;
        let of = self.tables[table].clone();
        let columns: Vec<ScopeColumn> = of.columns.iter().map(ScopeColumn::of).collect();
        let scope = Scope::group(&columns, of.time.as_deref(), &[]).settling(of.settles);
        let written = dashboard.constraints.iter().chain(&dashboard.drivers);
        let metrics: Vec<_> = written.map(|driver| self.dashboard_metric(driver, &scope)).collect();
        let over = dashboard.over.map(|over| self.dated(over, &of)).transpose();
        if let Some(by) = &dashboard.by {
            self.column_of(by, &of)?;
        }
        let over = over?;
        Ok(Some(Dashboard {
            table,
            metrics: metrics.into_iter().collect::<Checked<_>>()?,
            over,
            by: dashboard.by.as_ref().map(|by| by.value.clone()),
            span: dashboard.span,
        }))
    }

    fn count_metrics(&mut self, dashboard: &tree::Dashboard) {
        let (constraints, drivers) = (dashboard.constraints.len(), dashboard.drivers.len());
        if constraints != 1 {
            let label = format!("{constraints} constraints");
            let _reported: Checked<()> =
                self.refuse(Code::E0501, "a dashboard has exactly one constraint", dashboard.span, label);
        }
        if drivers != 3 {
            let label = format!("{drivers} {}", if drivers == 1 { "driver" } else { "drivers" });
            let _reported: Checked<()> =
                self.refuse(Code::E0501, "a dashboard has exactly three drivers", dashboard.span, label);
        }
    }

    fn dated(&mut self, over: tree::Window, table: &cpl_model::program::Table) -> Checked<PastWindow> {
        if table.time.is_none() {
            let message = format!("`{}` has no one date to look back by", table.name);
            return self.refuse(Code::E0404, message, over.span, "wanted: a date among its columns, or `time COLUMN`");
        }
        if let WindowKind::Last(length, unit) = over.kind {
            let days = matches!(unit, tree::Unit::Day | tree::Unit::Week | tree::Unit::Month);
            if length == 0 || !days {
                let label = "wanted: `last 7 days` or longer periods";
                return self.refuse(Code::E0501, "a dashboard looks at whole days", over.span, label);
            }
        }
        let grain = table.time.as_deref().and_then(|time| table.column(time)).and_then(|column| column.grain);
        self.past_window(over, table.settles, grain)
    }

    fn dashboard_metric(&mut self, driver: &tree::Driver, scope: &Scope<'_>) -> Checked<DashboardMetric> {
        if !self.metrics.contains_key(driver.metric.as_str()) {
            let known: Vec<&str> = self.input.file.metrics.iter().map(|metric| metric.name.as_str()).collect();
            return self.unknown_name("metric", &driver.metric, known);
        }
        let value = self.metric(&driver.metric, None, scope);
        let goal = match &driver.goal {
            None => None,
            Some(goal) => {
                let bound = self.expr(&goal.bound, &Scope::CONSTANT);
                Some((goal.direction, bound?))
            }
        };
        let value = value?;
        if !value.ty.is_amount() && value.ty != Type::Duration {
            let message = format!("`{}` is {}, which has no trend", driver.metric.as_str(), value.ty);
            return self.refuse(Code::E0501, message, driver.metric.span, "wanted: an amount");
        }
        let goal = match goal {
            None => None,
            Some((direction, bound)) => {
                let bound = zero_as(bound, value.ty);
                let (_, bound) = self.comparable(value.clone(), bound, true)?;
                Some(Goal { direction, bound })
            }
        };
        Ok(DashboardMetric { name: driver.metric.value.clone(), value, goal })
    }
}
