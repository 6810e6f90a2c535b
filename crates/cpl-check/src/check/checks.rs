//! Checks: `key`, `fresh`, `expect`, in a fetch or at a place of a transform.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Clause},
};

use super::{
    Checker,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
};
use cpl_model::program::{Check, CheckKind, Constant, ExprKind, Table};

impl Checker<'_> {
    /// Reads a check into the table that must pass it.
    pub(super) fn check(&mut self, clause: &Clause, table: &mut Table) -> Checked<()> {
        match clause {
            Clause::Key(columns) => self.key(columns, table),
            Clause::Fresh(column, within, series, span) => self.fresh(column.as_ref(), within, series, *span, table),
            Clause::Expect(expected, series) => self.expect(expected, series, false, table),
            Clause::Watch(expected, series) => self.expect(expected, series, true, table),
            Clause::NoGaps(series, span) => self.no_gaps(series, *span, table),
        }
    }

    /// True in every row; of the whole table where it aggregates, which an expression of a row can't.
    fn expect(&mut self, written: &tree::Expr, series: &[Name], watched: bool, table: &mut Table) -> Checked<()> {
        let series = self.series_names(series, table);
        let columns: Vec<ScopeColumn> = table.columns.iter().map(ScopeColumn::of).collect();
        let mark = self.reporter.mark();
        let of_rows = self.condition(written, &Scope::row(&columns, table.time.as_deref()).settling(table.settles));
        // What is reported of other tables, which are resolved on the way, stands elsewhere and stays.
        let here = |diagnostic: &Diagnostic| (written.span.start..=written.span.end).contains(&diagnostic.start());
        let new = self.reporter.since(mark).iter();
        let aggregates = new.filter(|new| here(new)).any(|diagnostic| diagnostic.code == Code::E0305);
        let expected = if aggregates {
            self.reporter.retain_since(mark, |diagnostic| !here(diagnostic));
            self.condition(written, &Scope::group(&columns, table.time.as_deref(), &[]).settling(table.settles))
        } else {
            of_rows
        };
        table.checks.push(Check { kind: CheckKind::Expect(expected?), series: series?, watched, span: written.span });
        Ok(())
    }

    /// The columns that name a series: `for A, B`.
    pub(super) fn series_names(&mut self, names: &[Name], table: &Table) -> Checked<Vec<String>> {
        let mut series: Vec<String> = Vec::new();
        for name in names {
            let column = self.column_of(name, table)?;
            if column.ty.is_time() {
                let message = format!("`{}` is {}, and names no series", name.as_str(), column.ty);
                return self.refuse(Code::E0404, message, name.span, "wanted: what names a series, such as a channel");
            }
            if series.contains(&name.value) {
                let message = format!("`{}` stands here twice", name.as_str());
                return self.refuse(Code::E0202, message, name.span, "the second one");
            }
            series.push(name.value.clone());
        }
        Ok(series)
    }

    fn key(&mut self, columns: &[Name], table: &mut Table) -> Checked<()> {
        let mut key: Vec<String> = Vec::new();
        for column in columns {
            if key.contains(&column.value) {
                let message = format!("`{}` is a part of the key already", column.as_str());
                return self.refuse(Code::E0202, message, column.span, "the second one");
            }
            let part = self.column_of(column, table).map(|found| found.name.clone());
            key.push(part.or_else(|reported| {
                // With the one that is meant, what follows is checked too.
                let names = table.columns.iter().map(|column| column.name.as_str());
                cpl_syntax::nearest(column.as_str(), names).map(str::to_owned).ok_or(reported)
            })?);
        }
        if table.checks.iter().any(|check| matches!(check.kind, CheckKind::Key(_))) {
            let before = table.key.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
            return self.refuse(Code::E0107, "the table has a key already", columns[0].span, format!("it is {before}"));
        }
        let dates = key.iter().filter(|name| table.column(name).is_some_and(|column| column.ty.is_time())).count();
        if dates > 1 {
            let span = columns[0].span.to(columns[columns.len() - 1].span);
            return self.refuse(
                Code::E0401,
                "a key holds at most one date",
                span,
                format!("{dates} of these are dates"),
            );
        }
        let span = columns[0].span.to(columns[columns.len() - 1].span);
        table.checks.push(Check::of(CheckKind::Key(key.clone()), span));
        table.key = Some(key);
        Ok(())
    }

    fn fresh(
        &mut self,
        column: Option<&Name>,
        within: &tree::Expr,
        series: &[Name],
        span: Span,
        table: &mut Table,
    ) -> Checked<()> {
        let series = self.series_names(series, table)?;
        let name = match column {
            Some(column) => self.column_of(column, table)?.name.clone(),
            None => {
                if let Some(time) = &table.time {
                    time.clone()
                } else {
                    let label = "wanted: `fresh COLUMN within …`, and a date among the columns";
                    return self.refuse(Code::E0404, "the table has no date to be fresh by", span, label);
                }
            }
        };
        if !table.column(&name).is_some_and(|found| found.ty.is_time()) {
            return self.refuse(Code::E0404, format!("`{name}` is no date"), span, "wanted: a date or a datetime");
        }
        let within = self.expr(within, &Scope::CONSTANT)?;
        let ExprKind::Constant(Constant::Duration(micros)) = within.kind else {
            let label = "wanted: a length such as `2 days`; a month has no fixed one";
            return self.refuse(Code::E0307, "how old may it be?", within.span, label);
        };
        table.checks.push(Check { kind: CheckKind::Fresh(name, micros), series, watched: false, span });
        Ok(())
    }
}
