//! Checks: what must hold of a table, and which rules rest on one that does not.

use std::collections::BTreeSet;

use cpl_model::{
    program::{Check, CheckKind, Expr, Stage, TableId, TableSource},
    value::Value,
};
use jiff::ToSpan;

use super::{Alone, Oracle, Row, Val, expr::Seen, stage::sort};

/// A check, and what is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checked {
    /// The table.
    pub table: String,
    /// As the report names it.
    pub check: String,
    /// Whether it does not hold.
    pub broken: bool,
    /// What is reported.
    pub text: String,
}

impl Oracle<'_> {
    /// The checks of all tables that a run reads, by name.
    #[must_use]
    pub fn checks(&self) -> Vec<Checked> {
        let mut checks: Vec<Checked> = (0..self.tables.len()).map(TableId).flat_map(|id| self.checks_of(id)).collect();
        checks.extend(self.unmet_joins().into_iter().map(|(_, checked)| checked));
        checks.sort();
        checks
    }

    /// Whether a table, or one it is made of, breaks a check.
    pub(super) fn rests_on_broken(&self, table: TableId) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![table];
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(self.inputs(id));
            }
        }
        let unmet = self.unmet_joins().iter().any(|(id, _)| seen.contains(id));
        unmet || seen.into_iter().flat_map(|id| self.checks_of(id)).any(|check| check.broken)
    }

    /// The joins of which no row has a partner, though there are some.
    fn unmet_joins(&self) -> Vec<(TableId, Checked)> {
        self.counted_joins(|made| {
            let Alone { table, with, .. } = made.alone.clone();
            let text = format!("no row of {table} has a partner in {with}");
            Some((made.of, Checked { table, check: made.unmet.clone()?, broken: true, text }))
        })
    }

    /// The tables that one is made of.
    fn inputs(&self, id: TableId) -> Vec<TableId> {
        let TableSource::Transform { from, stages } = &self.program.table(id).source else { return Vec::new() };
        let more = stages.iter().flat_map(|stage| match stage {
            Stage::Join(join) => vec![join.table],
            Stage::Union(union) => union.tables.clone(),
            _ => Vec::new(),
        });
        std::iter::once(*from).chain(more).collect()
    }

    fn checks_of(&self, id: TableId) -> Vec<Checked> {
        if !self.needed.has(id) {
            return Vec::new();
        }
        self.program.table(id).checks.iter().map(|check| self.checked(check, id)).collect()
    }

    fn checked(&self, check: &Check, id: TableId) -> Checked {
        let (table, rows) = (self.program.table(id).name.clone(), self.tables[id.0].as_slice());
        let (written, (broken, text)) = match &check.kind {
            CheckKind::Key(columns) => (format!("key {}", columns.join(", ")), self.key(columns, &table, rows)),
            CheckKind::Fresh(column, micros) => {
                let written = format!("fresh {column} within {}", Value::Duration(*micros));
                (written, self.fresh(column, *micros, &table, rows))
            }
            CheckKind::Expect(expected) => {
                let written = format!("expect {}", self.program.written(check.span));
                (written, self.expected(expected, &table, rows))
            }
            CheckKind::NoGaps(_) => unreachable!("no generated pipeline says so"),
        };
        Checked { table, check: written, broken, text }
    }

    /// Each key once; unknown values count as any other.
    fn key(&self, columns: &[String], table: &str, rows: &[Row]) -> (bool, String) {
        let key = |row: &Row| columns.iter().map(|name| (name.clone(), row[name].clone())).collect::<Row>();
        let times = |row: &Row| rows.iter().filter(|other| key(other) == key(row)).count();
        let mut several: Vec<Row> = rows.iter().filter(|row| times(row) > 1).cloned().collect();
        sort(&mut several, columns.iter().map(|name| (name.as_str(), false)));
        let Some(first) = several.first() else { return (false, "each once".to_owned()) };
        let keys: BTreeSet<String> = several.iter().map(|row| format!("{:?}", key(row))).collect();
        if keys.len() > 1 {
            return (true, format!("{} keys of {table} stand in several rows", keys.len()));
        }
        let values: Vec<String> = columns.iter().map(|name| self.told(&first[name])).collect();
        (true, format!("{} rows of {table} are {}", times(first), values.join(", ")))
    }

    /// The newest value is no older than that before `now`; a date lasts until the next begins.
    fn fresh(&self, column: &str, micros: i64, table: &str, rows: &[Row]) -> (bool, String) {
        let Some(newest) = newest(rows, column) else {
            return (true, format!("{table} has no row with a known {column}"));
        };
        let oldest = self.clock.now.timestamp() - micros.microseconds();
        let fresh = match &newest {
            Val::Moment(moment) => *moment >= oldest,
            Val::Date(date) => {
                let end = date.tomorrow().map(|next| next.at(0, 0, 0, 0));
                end.is_ok_and(|end| end >= self.program.timezone.to_datetime(oldest))
            }
            _ => false,
        };
        (!fresh, format!("the newest {column} of {table} is {}", self.told(&newest)))
    }

    /// True of the whole table, or in each of its rows.
    fn expected(&self, expected: &Expr, table: &str, rows: &[Row]) -> (bool, String) {
        if expected.has_aggregate() {
            let (none, group) = (Row::new(), rows.iter().collect::<Vec<&Row>>());
            return match self.eval(expected, &Seen { row: &none, rows: &[], group: Some(&group) }) {
                Val::Bool(true) => (false, "true".to_owned()),
                Val::Bool(false) => (true, format!("false for {table}")),
                _ => (true, format!("unknown for {table}")),
            };
        }
        let holds = |row: &&Row| self.eval(expected, &Seen { row, rows, group: None }) == Val::Bool(true);
        match rows.len() - rows.iter().filter(holds).count() {
            0 => (false, "true in each row".to_owned()),
            1 => (true, format!("not true in 1 row of {table}")),
            n => (true, format!("not true in {n} rows of {table}")),
        }
    }

    /// A value as the report shows it, of the kinds that keys and times are of.
    fn told(&self, value: &Val) -> String {
        match value {
            Val::Unknown => Value::Unknown.to_string(),
            Val::Bool(value) => Value::Bool(*value).to_string(),
            Val::Whole(value) => Value::Integer(i64::try_from(*value).unwrap_or(0)).to_string(),
            Val::Date(date) => Value::Date(*date).to_string(),
            Val::Moment(moment) => Value::Datetime(*moment, self.program.timezone.clone()).to_string(),
            Val::Text(text) => Value::Text(text.clone()).to_string(),
            other => unreachable!("no generated key or time is such a value: {other:?}"),
        }
    }
}

/// The newest known value of a column.
pub fn newest(rows: &[Row], column: &str) -> Option<Val> {
    rows.iter().map(|row| &row[column]).filter(|value| !value.is_unknown()).max_by(|a, b| a.order(b)).cloned()
}
