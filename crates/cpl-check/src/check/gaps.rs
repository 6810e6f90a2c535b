//! Gaps in a series: `no gaps` finds them, `fill gaps` makes rows of them.

use cpl_syntax::{Code, Diagnostic, Name, Span};

use super::{Checker, scope::ScopeColumn, state::reporter::Checked, transform::Relation};
use cpl_model::program::{Check, CheckKind, Order, Periods, Stage, Table};

impl Checker<'_> {
    pub(super) fn no_gaps(&mut self, series: &[Name], span: Span, table: &mut Table) -> Checked<()> {
        let columns: Vec<ScopeColumn> = table.columns.iter().map(ScopeColumn::of).collect();
        let periods = self.periods(series, span, &columns, table.key.as_deref(), table.time.as_deref())?;
        let series = series.iter().map(|name| name.value.clone()).collect();
        table.checks.push(Check { kind: CheckKind::NoGaps(periods), series, watched: false, span });
        Ok(())
    }

    pub(super) fn fill_gaps(&mut self, series: &[Name], span: Span, relation: &mut Relation) -> Checked<Stage> {
        let periods =
            self.periods(series, span, &relation.columns, relation.key.as_deref(), relation.time.as_deref())?;
        for column in &mut relation.columns {
            column.unknown |= column.name != periods.time && !periods.series.contains(&column.name);
        }
        // Rows that differ in nothing but such a name would have one key.
        let of_key = |name: &String| relation.key.iter().flatten().any(|part| part == name);
        if !periods.series.iter().all(of_key) {
            relation.key = None;
        }
        relation.order = if relation.key.is_some() { Order::Key } else { Order::Sorted };
        relation.singleton = false;
        Ok(Stage::FillGaps(periods))
    }

    /// By the date of the key, else by what dates a row; a series is named by the rest of the key, or as written.
    fn periods(
        &mut self,
        series: &[Name],
        span: Span,
        columns: &[ScopeColumn],
        key: Option<&[String]>,
        time: Option<&str>,
    ) -> Checked<Periods> {
        let column = |name: &str| columns.iter().find(|column| column.name == name);
        let is_time =
            |name: &&String| column(name).is_some_and(|column| column.ty.is_ok_and(cpl_model::types::Type::is_time));
        let Some(time) = key.into_iter().flatten().find(is_time).map(String::as_str).or(time).and_then(column) else {
            let label = "wanted: a date in the table's key, or one date among its columns";
            return self.refuse(Code::E0404, "gaps in what? Nothing dates these rows", span, label);
        };
        let Some(grain) = time.grain else {
            if time.ty.is_ok_and(|ty| ty == cpl_model::types::Type::Date) {
                return self.fail(
                    Diagnostic::new(
                        Code::E0404,
                        format!("the periods of `{}` are of no length that can be filled", time.name),
                    )
                    .at(span, "days, weeks, months and hours have gaps")
                    .at(time.span, "these dates begin another period, or none")
                    .help("group by `date_of(…)`, `week_start(…)` or `month_start(…)` before"),
                );
            }
            return self.fail(
                Diagnostic::new(Code::E0404, format!("`{}` holds moments, which have no gaps", time.name))
                    .at(span, "every period is looked for: of what length?")
                    .at(time.span, "this is a moment")
                    .help("declare it `datetime by hour`, or group by `date_of(…)` or `hour_start(…)` before"),
            );
        };
        for (at, name) in series.iter().enumerate() {
            self.find_column(name, columns)?;
            if name.as_str() == time.name || series[..at].iter().any(|before| before.value == name.value) {
                let message = format!("`{}` names no series here", name.as_str());
                return self.refuse(Code::E0202, message, name.span, "it is the date, or stands here twice");
            }
        }
        let rest = || key.into_iter().flatten().filter(|part| **part != time.name).cloned().collect();
        let series: Vec<String> =
            if series.is_empty() { rest() } else { series.iter().map(|name| name.value.clone()).collect() };
        // By the key, and where it does not tell rows apart by their series.
        let mut order: Vec<String> = key.unwrap_or_default().to_vec();
        for name in series.iter().chain([&time.name]) {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        Ok(Periods { series, time: time.name.clone(), grain, order })
    }
}
