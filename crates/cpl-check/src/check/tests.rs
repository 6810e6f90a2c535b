//! `test` blocks: names and cells are checked like the rest.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Arg, Expectation, TestClock},
};
use rust_decimal::prelude::ToPrimitive;

use super::{
    Checker,
    scope::Scope,
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    clock::AsOf,
    program::{
        Cell, Column, Constant, Expected, ExpectedKind, Expr, ExprKind, Given, GivenRows, PastDecision, Rows, TableId,
        Test,
    },
    types::Type,
    value::Value,
};

/// The columns of past decisions besides the row's key: when, and the changed column before and afterwards.
const WHEN: &str = "at";
const BEFORE: &str = "before";
const AFTER: &str = "after";

impl Checker<'_> {
    /// All tests; `rules` are the rows that rules look at, by their names.
    pub(super) fn tests(&mut self, rules: &[(&str, &Rows)]) -> Checked<Vec<Test>> {
        let file = self.input.file;
        let titles: Vec<&Name> = file.tests.iter().map(|test| &test.title).collect();
        self.unique(titles, "a test");
        let tests: Vec<_> = file.tests.iter().map(|test| self.test(test, rules)).collect();
        tests.into_iter().collect()
    }

    fn test(&mut self, test: &tree::Test, rules: &[(&str, &Rows)]) -> Checked<Test> {
        let as_of = self.test_clock(test);
        let is_rule =
            |given: &&tree::Given| self.input.file.decides.iter().any(|rule| rule.name.value == given.name.value);
        let (past, given): (Vec<_>, Vec<_>) = test.given.iter().partition(is_rule);
        let given: Vec<_> = given.into_iter().map(|given| self.given(given)).collect();
        let past: Vec<_> = past.into_iter().map(|past| self.past(past, rules)).collect();
        let expect: Vec<_> = test.expect.iter().map(|expect| self.expectation(expect, rules)).collect();
        // One that could not be read was reported.
        if test.expect.is_empty()
            && !self.input.file.missing_names.contains(&tree::File::missing_clause("test", "expect"))
        {
            self.report(
                Diagnostic::new(Code::E0107, "the test expects nothing")
                    .at(test.title.span, "can't fail")
                    .help("add `expect RULE for KEY`, `expect no RULE` or `expect TABLE { | … | }`"),
            );
        }
        let names: Vec<&Name> = test.given.iter().map(|given| &given.name).collect();
        self.unique(names, "a table");
        Ok(Test {
            title: test.title.value.clone(),
            span: test.title.span,
            as_of: as_of?,
            given: given.into_iter().collect::<Checked<_>>()?,
            past: past.into_iter().collect::<Checked<Vec<_>>>()?.concat(),
            expect: expect.into_iter().collect::<Checked<_>>()?,
        })
    }

    fn test_clock(&mut self, test: &tree::Test) -> Checked<AsOf> {
        match &test.clock {
            Some(TestClock::Today(date)) => self.date(date).map(AsOf::Date),
            Some(TestClock::Now(now)) => match now.value.parse() {
                Ok(now) => Ok(AsOf::Datetime(now)),
                Err(_) => self.refuse(Code::E0103, format!("there is no {}", now.value), now.span, "no such moment"),
            },
            None => self.fail(
                Diagnostic::new(Code::E0107, "the test does not say when it plays")
                    .at(test.title.span, "on which day?")
                    .help("add `today 2026-11-20`"),
            ),
        }
    }

    /// Past decisions: the row's key, when, and what the changed column was before and after.
    fn past(&mut self, past: &tree::Given, rules: &[(&str, &Rows)]) -> Checked<Vec<PastDecision>> {
        let tree::GivenRows::Table(written) = &past.rows else {
            let label = "wanted: a table `{ | … | }`";
            return self.refuse(Code::E0205, "past decisions are written out", past.name.span, label);
        };
        self.unique(written.header.iter().collect(), "a column");
        let rows = self.rule_rows(&past.name, rules)?;
        let table = self.tables[rows.table].clone();
        let mut known: Vec<Column> =
            rows.key.iter().filter_map(|name| table.column(name)).cloned().chain([time_of(&past.name)]).collect();
        let wanted: Vec<String> = known.iter().map(|column| column.name.clone()).collect();
        if let Some(changed) = self.only_changed_column(&past.name).and_then(|name| table.column(&name)) {
            known.extend([BEFORE, AFTER].map(|name| Column { name: name.to_owned(), ..changed.clone() }));
        }
        let columns: Vec<_> = written.header.iter().map(|name| self.past_column(name, &known)).collect();
        let missing = wanted.iter().find(|name| !written.header.iter().any(|written| written.value == **name));
        if let Some(name) = missing {
            let message = format!("a past decision of `{}` has a column `{name}`", past.name.as_str());
            return self.refuse(Code::E0502, message, past.name.span, "given without it");
        }
        let columns = columns.into_iter().collect::<Checked<Vec<_>>>()?;
        let cells = self.cells(&written.rows, &columns)?;
        self.all_named(&written.rows, &columns, &wanted)?;
        let decision = |row: Vec<Cell>| {
            let value = |name: &str| {
                let at = columns.iter().position(|column| column.name == name)?;
                Some(row[at].value.clone())
            };
            PastDecision {
                rule: past.name.value.clone(),
                span: past.name.span,
                key: rows.key.iter().filter_map(|name| value(name)).collect(),
                at: value(WHEN).unwrap_or(Value::Unknown),
                before: value(BEFORE),
                after: value(AFTER),
            }
        };
        Ok(cells.into_iter().map(decision).collect())
    }

    /// A past decision is of one row, at one time.
    fn all_named(
        &mut self,
        rows: &[Vec<cpl_syntax::Spanned<Option<String>>>],
        columns: &[Column],
        wanted: &[String],
    ) -> Checked<()> {
        for (cell, column) in rows.iter().flat_map(|row| row.iter().zip(columns)) {
            if wanted.contains(&column.name) && cell.value.as_deref().is_none_or(str::is_empty) {
                let message = format!("a past decision has a value of `{}`", column.name);
                return self.refuse(Code::E0301, message, cell.span, "it is empty");
            }
        }
        Ok(())
    }

    fn past_column(&mut self, name: &Name, known: &[Column]) -> Checked<Column> {
        match known.iter().find(|column| column.name == name.value) {
            Some(column) => Ok(column.clone()),
            None => self.unknown_name("column", name, known.iter().map(|column| column.name.as_str())),
        }
    }

    /// The column that a rule changes, if it changes only one.
    fn only_changed_column(&self, rule: &Name) -> Option<String> {
        let decide = self.input.file.decides.iter().find(|decide| decide.name.value == rule.value)?;
        let mut columns = decide.actions.iter().filter_map(|action| match &action.value {
            tree::Action::Change(column, ..) | tree::Action::MoveRows(_, column, ..) => Some(&column.value),
            _ => None,
        });
        let first = columns.next()?;
        columns.all(|column| column == first).then(|| first.clone())
    }

    fn given(&mut self, given: &tree::Given) -> Checked<Given> {
        let span = given.name.span;
        let fetches: Vec<&str> = self.input.file.fetches.iter().map(|fetch| fetch.name.as_str()).collect();
        if !fetches.contains(&given.name.as_str()) {
            return self.unknown_name("fetch", &given.name, fetches);
        }
        let table = self.table_id(&given.name)?;
        let rows = match &given.rows {
            tree::GivenRows::Table(written) => {
                let columns = self.headed(table, &written.header)?;
                let rows = self
                    .cells(&written.rows, &columns)?
                    .into_iter()
                    .map(|row| row.into_iter().map(|cell| cell.value).collect());
                GivenRows::Written(columns.into_iter().map(|column| column.name).collect(), rows.collect())
            }
            tree::GivenRows::From(call) => {
                let csv = call.callee.table.is_none() && call.callee.name.as_str() == "csv";
                let [Arg::Plain(path)] = call.args.as_slice() else {
                    return self.refuse(Code::E0205, "which file?", span, "wanted: `from csv(\"file.csv\")`");
                };
                if !csv {
                    return self.refuse(Code::E0205, "a test reads CSV", span, "wanted: `from csv(\"file.csv\")`");
                }
                GivenRows::File(self.plain_text(path)?)
            }
        };
        Ok(Given { table, span, rows })
    }

    /// The columns of a table that a header names.
    fn headed(&mut self, table: TableId, header: &[Name]) -> Checked<Vec<Column>> {
        self.unique(header.iter().collect(), "a column");
        let of = self.tables[table].clone();
        let columns: Vec<_> = header.iter().map(|name| self.column_of(name, &of).cloned()).collect();
        columns.into_iter().collect()
    }

    fn cells(
        &mut self,
        rows: &[Vec<cpl_syntax::Spanned<Option<String>>>],
        columns: &[Column],
    ) -> Checked<Vec<Vec<Cell>>> {
        let mut fits = Ok(());
        let mut made = Vec::new();
        for row in rows {
            let mut cells = Vec::new();
            for (cell, column) in row.iter().zip(columns) {
                match Cell::of(cell.value.as_deref().unwrap_or_default(), column.ty, &self.zone) {
                    Some(cell) => cells.push(cell),
                    None => {
                        let written = cell.value.as_deref().unwrap_or_default();
                        let message = format!("`{written}` is no value of `{}`", column.name);
                        fits = self.refuse(Code::E0301, message, cell.span, format!("wanted: {}", column.ty));
                    }
                }
            }
            made.push(cells);
        }
        fits.map(|()| made)
    }

    fn expectation(&mut self, expect: &Expectation, rules: &[(&str, &Rows)]) -> Checked<Expected> {
        let (name, kind) = match expect {
            Expectation::Fires(name, key, with) => {
                let key = self.row_key(name, key, rules)?;
                let mut values = Vec::new();
                for (column, value) in with {
                    self.passes(name, column)?;
                    let wanted = self.constant_value(value)?;
                    self.fits_column(name, column, &wanted, value.span, rules)?;
                    values.push((column.value.clone(), wanted));
                }
                (name, ExpectedKind::Fires(name.value.clone(), key, values))
            }
            Expectation::Not(name, key) => {
                let key = if key.is_empty() {
                    self.rule_rows(name, rules)?;
                    None
                } else {
                    Some(self.row_key(name, key, rules)?)
                };
                (name, ExpectedKind::Not(name.value.clone(), key))
            }
            Expectation::Is(state, name, key) => {
                (name, ExpectedKind::Is(*state, name.value.clone(), self.row_key(name, key, rules)?))
            }
            Expectation::Table(name, table) => {
                let id = self.table_id(name)?;
                let columns = self.headed(id, &table.header)?;
                let rows = self.cells(&table.rows, &columns)?;
                let columns = columns.into_iter().map(|column| column.name).collect();
                (name, ExpectedKind::Table(id, columns, rows))
            }
        };
        Ok(Expected { span: name.span, kind })
    }

    /// The rows a rule looks at.
    fn rule_rows<'r>(&mut self, name: &Name, rules: &[(&str, &'r Rows)]) -> Checked<&'r Rows> {
        let file = self.input.file;
        let mut all = file.decides.iter().map(|rule| &rule.name).chain(file.alerts.iter().map(|rule| &rule.name));
        let Some(rule) = all.clone().find(|rule| rule.value == name.value) else {
            return self.unknown_name("rule", name, all.by_ref().map(Name::as_str));
        };
        self.analysis.record_use(name.span, rule.span);
        // One that is wrong itself was reported.
        rules.iter().find(|(rule, _)| *rule == name.as_str()).map(|(_, rows)| *rows).ok_or(Reported::earlier())
    }

    /// The values that name a row, in the key's order.
    fn row_key(&mut self, name: &Name, written: &[Name], rules: &[(&str, &Rows)]) -> Checked<Vec<Value>> {
        let rows = self.rule_rows(name, rules)?;
        let table = self.tables[rows.table].clone();
        if rows.key.len() != written.len() {
            let span = written.first().map_or(name.span, |first| first.span.to(written[written.len() - 1].span));
            let (label, help) = if rows.key.is_empty() {
                ("its table has one row".to_owned(), format!("write `expect {}`", name.as_str()))
            } else {
                let key = rows.key.join(", ");
                (format!("its rows are named by {key}"), format!("write `expect {} for {key}`", name.as_str()))
            };
            let message = format!("which row of `{}`?", name.as_str());
            return self.fail(Diagnostic::new(Code::E0502, message).at(span, label).help(help));
        }
        let mut key = Vec::new();
        for (column, value) in rows.key.iter().zip(written) {
            let ty = table.column(column).map_or(Type::Text, |column| column.ty);
            let Some(cell) = Cell::of(value.as_str(), ty, &self.zone) else {
                let message = format!("`{}` is no value of `{column}`", value.as_str());
                return self.refuse(Code::E0301, message, value.span, format!("wanted: {ty}"));
            };
            key.push(cell.value);
        }
        Ok(key)
    }

    /// A column that a rule changes, or an argument it passes.
    fn passes(&mut self, rule: &Name, column: &Name) -> Checked<()> {
        let decide = self.input.file.decides.iter().find(|decide| decide.name.value == rule.value);
        let Some(decide) = decide else {
            let message = format!("`{}` changes nothing", rule.as_str());
            return self.refuse(Code::E0503, message, column.span, "an alert passes no values");
        };
        let mut known: Vec<&str> = Vec::new();
        for action in &decide.actions {
            let (columns, via) = match &action.value {
                tree::Action::Change(column, _, via) | tree::Action::MoveRows(_, column, _, _, via) => {
                    (vec![column], via)
                }
                tree::Action::Move(_, from, to, via) => (vec![from, to], via),
                tree::Action::Call(via) => (Vec::new(), via),
            };
            known.extend(columns.into_iter().map(Name::as_str));
            known.extend(via.arguments.iter().map(|argument| argument.name.as_str()));
        }
        if known.contains(&column.as_str()) {
            return Ok(());
        }
        self.unknown_name("column or argument of the rule", column, known)
    }

    /// A value of a changed column is of its type.
    fn fits_column(
        &mut self,
        rule: &Name,
        column: &Name,
        value: &Value,
        span: Span,
        rules: &[(&str, &Rows)],
    ) -> Checked<()> {
        let rows = self.rule_rows(rule, rules)?;
        let Some(ty) = self.tables[rows.table].column(column.as_str()).map(|column| column.ty) else {
            return Ok(());
        };
        let fits = match (value, ty) {
            (Value::Money(_, of), Type::Money(wanted)) => *of == wanted,
            (Value::Ratio(_), Type::Ratio) | (Value::Number(_), Type::Number) => true,
            (Value::Integer(_), ty) => ty.is_quantity(),
            (Value::Text(_), Type::Text) | (Value::Date(_), Type::Date) => true,
            (Value::Bool(_), Type::Bool) | (Value::Weekday(_), Type::Weekday) => true,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        self.refuse(Code::E0301, format!("`{}` is {ty}", column.as_str()), span, format!("`{value}` is none"))
    }

    /// A value written out.
    fn constant_value(&mut self, written: &tree::Expr) -> Checked<Value> {
        let expr = self.expr(written, &Scope::CONSTANT)?;
        let span: Span = expr.span;
        match value_of(&expr) {
            Some(value) => Ok(value),
            None => self.refuse(Code::E0307, "a value was wanted", span, "wanted: one such as `$120`"),
        }
    }
}

/// The time column of past decisions.
fn time_of(rule: &Name) -> Column {
    Column { name: WHEN.to_owned(), ty: Type::Datetime, unknown: false, span: rule.span, grain: None }
}

fn value_of(expr: &Expr) -> Option<Value> {
    if let Some(amount) = expr.amount() {
        return Some(match expr.ty {
            Type::Money(of) => Value::Money(amount, of),
            Type::Ratio => Value::Ratio(amount.to_f64()?),
            Type::Number => Value::Number(amount.to_f64()?),
            _ => Value::Integer(amount.to_i64()?),
        });
    }
    Some(match &expr.kind {
        ExprKind::Constant(Constant::Date(date)) => Value::Date(*date),
        ExprKind::Constant(Constant::Bool(value)) => Value::Bool(*value),
        ExprKind::Constant(Constant::Weekday(day)) => Value::Weekday(*day),
        ExprKind::Constant(Constant::Text(text)) => Value::Text(text.clone()),
        _ => return None,
    })
}
