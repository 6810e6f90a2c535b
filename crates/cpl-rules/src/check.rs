//! Checks: what the answer to a check's query says of the table, in words and as rows that break it.

use cpl_model::{
    clock::Clock,
    program::{self, CheckKind, Expr, Periods, Program, Table},
    report::Pairs,
    value::Value,
};
use cpl_plan::{query::SHOWN_ROWS, rule::operands};
use jiff::Span;

/// What a check found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The check as a report names it.
    pub check: String,
    /// Whether it does not hold.
    pub broken: bool,
    /// What was found, on one line.
    pub text: String,
    /// The first rows, keys, gaps or series that break it.
    pub rows: Vec<Pairs>,
    /// How many more there are.
    pub more: u64,
    /// The series that break it, where each is checked by itself.
    pub series: Vec<Vec<Value>>,
}

impl Finding {
    /// A check that is broken as a whole.
    pub fn broken(check: String, text: String) -> Self {
        Self { check, ..broken(text, Vec::new(), 0) }
    }
}

/// The answers to a check's queries.
pub struct Answered<'a> {
    /// What it found, of the whole table or of each series.
    pub rows: &'a [Vec<Value>],
    /// Of an expectation of rows: the names of columns, and the first rows that break it.
    pub broken_rows: Option<(Vec<&'a str>, &'a [Vec<Value>])>,
}

/// A check of a table, and what it is evaluated with.
pub struct CheckOutcome<'a> {
    pub check: &'a program::Check,
    pub table: &'a Table,
    pub program: &'a Program,
    pub clock: &'a Clock,
}

impl CheckOutcome<'_> {
    /// What the answers say.
    pub fn of(&self, answered: &Answered<'_>) -> Finding {
        let found = match &self.check.kind {
            CheckKind::Key(columns) => self.duplicates(columns, answered.rows),
            CheckKind::Fresh(column, micros) if self.check.series.is_empty() => {
                self.fresh(column, *micros, answered.rows)
            }
            CheckKind::Fresh(column, micros) => self.fresh_series(column, *micros, answered.rows),
            CheckKind::Expect(expected) if expected.has_aggregate() => self.whole(expected, answered.rows),
            CheckKind::Expect(_) => self.each_row(answered),
            CheckKind::NoGaps(periods) => self.gaps(periods, answered.rows),
        };
        Finding { check: self.written(), ..found }
    }

    /// The check as a report names it.
    fn written(&self) -> String {
        let written = |span| self.program.written(span);
        let what = match &self.check.kind {
            CheckKind::Key(columns) => return format!("key {}", columns.join(", ")),
            CheckKind::NoGaps(_) => return written(self.check.span),
            CheckKind::Fresh(column, micros) => format!("fresh {column} within {}", Value::Duration(*micros)),
            CheckKind::Expect(_) if self.check.watched => format!("watch {}", written(self.check.span)),
            CheckKind::Expect(_) => format!("expect {}", written(self.check.span)),
        };
        if self.check.series.is_empty() { what } else { format!("{what} for {}", self.check.series.join(", ")) }
    }

    /// The keys that several rows share.
    fn duplicates(&self, columns: &[String], found: &[Vec<Value>]) -> Finding {
        let rows = found.iter().filter_map(|row| {
            let (key, [rows, _]) = row.split_at_checked(columns.len())? else { return None };
            Some(pairs(columns.iter().zip(key).chain([(&"rows".to_owned(), rows)])))
        });
        let keys = found.first().and_then(|row| row.last()).map_or(0, count);
        let text = match found.first() {
            None => return unbroken("each once"),
            Some(first) if keys == 1 => {
                let key: Vec<String> = first[..columns.len()].iter().map(ToString::to_string).collect();
                format!("{} rows of {} are {}", first[columns.len()], self.table.name, key.join(", "))
            }
            Some(_) => format!("{keys} keys of {} stand in several rows", self.table.name),
        };
        broken(text, rows.collect(), keys)
    }

    fn fresh(&self, column: &str, micros: i64, found: &[Vec<Value>]) -> Finding {
        let newest = found.first().and_then(|row| row.first()).cloned().unwrap_or(Value::Unknown);
        let text = match &newest {
            Value::Unknown => self.undated(column),
            newest => format!("the newest {column} of {} is {newest}", self.table.name),
        };
        if is_fresh(&newest, micros, self.clock) { unbroken(text) } else { broken(text, Vec::new(), 0) }
    }

    fn undated(&self, column: &str) -> String {
        format!("{} has no row with a known {column}", self.table.name)
    }

    /// Each series with its newest value.
    fn fresh_series(&self, column: &str, micros: i64, found: &[Vec<Value>]) -> Finding {
        if found.is_empty() {
            return broken(self.undated(column), Vec::new(), 0);
        }
        let stale = |row: &&Vec<Value>| row.last().is_none_or(|newest| !is_fresh(newest, micros, self.clock));
        let stale: Vec<&Vec<Value>> = found.iter().filter(stale).collect();
        let names = self.check.series.iter().cloned().chain([format!("newest {column}")]).collect::<Vec<_>>();
        let text = match stale.as_slice() {
            [] => return unbroken(format!("each {} is fresh", self.check.series.join(", "))),
            [one] => {
                let newest = one.last().cloned().unwrap_or(Value::Unknown);
                format!("the newest {column} of {} for {} is {newest}", self.table.name, self.name_of(one))
            }
            several => format!("{} of {} series of {} are too old", several.len(), found.len(), self.table.name),
        };
        self.broken_series(text, &names, &stale)
    }

    /// An expectation of the whole table, or of each series: its truth, and the values it looks at.
    fn whole(&self, expected: &Expr, found: &[Vec<Value>]) -> Finding {
        let series = self.check.series.len();
        let is_broken = |row: &&Vec<Value>| row.get(series) != Some(&Value::Bool(true));
        let wrong: Vec<Vec<Value>> = found.iter().filter(is_broken).map(|row| without(row, series)).collect();
        let values = operands(expected).into_iter().map(|value| self.program.written(value.span));
        let names: Vec<String> = self.check.series.iter().cloned().chain(values).collect();
        let wrong: Vec<&Vec<Value>> = wrong.iter().collect();
        let text = match wrong.as_slice() {
            [] => return unbroken("true"),
            [one] => {
                let outcome = found.iter().find(is_broken).and_then(|row| row.get(series));
                let word = if outcome == Some(&Value::Bool(false)) { "false" } else { "unknown" };
                let text = format!("{word} for {}", self.table.name);
                if names.is_empty() { text } else { format!("{text}: {}", pairs(names.iter().zip(one.iter()))) }
            }
            several => format!("not true for {} series of {}", several.len(), self.table.name),
        };
        self.broken_series(text, &names, &wrong)
    }

    /// An expectation of each row: how many rows break it, of the whole table or of each series that does.
    fn each_row(&self, answered: &Answered<'_>) -> Finding {
        let wrong: u64 = answered.rows.iter().filter_map(|row| row.last()).map(count).sum();
        if wrong == 0 {
            return unbroken("true in each row");
        }
        let (names, first) = answered.broken_rows.as_ref().map_or((&[][..], &[][..]), |(names, rows)| (names, *rows));
        let rows: Vec<Pairs> = first.iter().map(|row| pairs(names.iter().copied().zip(row))).collect();
        let text = match (wrong, rows.first()) {
            (1, Some(row)) => format!("not true in 1 row of {}: {row}", self.table.name),
            (1, None) => format!("not true in 1 row of {}", self.table.name),
            _ => format!("not true in {wrong} rows of {}", self.table.name),
        };
        let breaks = |row: &&Vec<Value>| row.last().is_some_and(|rows| count(rows) > 0);
        let of = |row: &Vec<Value>| row[..self.check.series.len()].to_vec();
        let series = if self.check.series.is_empty() {
            Vec::new()
        } else {
            answered.rows.iter().filter(breaks).map(of).collect()
        };
        Finding { series, ..broken(text, rows, wrong) }
    }

    /// Each series with gaps: its first gap, and how many it has.
    fn gaps(&self, periods: &Periods, found: &[Vec<Value>]) -> Finding {
        let (table, word) = (&self.table.name, periods.grain.word());
        let Some(first) = found.first() else { return unbroken(format!("each {word} is there")) };
        let series = periods.series.len();
        let gaps: u64 = found.iter().filter_map(|row| row.last()).map(count).sum();
        let [after, before, _] = &first[series..] else { unreachable!("a gap has two ends, and a number") };
        let of = if series == 0 { String::new() } else { format!(" for {}", listed(&first[..series])) };
        let more = if gaps > 1 { format!("; {gaps} such gaps") } else { String::new() };
        let text = format!("{table} has no {word} between {before} and {after}{of}{more}");
        let rows = found.iter().map(|row| {
            let named = periods.series.iter().map(String::as_str).zip(row);
            let ends = [("after", &row[series + 1]), ("before", &row[series]), ("gaps", &row[series + 2])];
            pairs(named.chain(ends))
        });
        let found_series = if self.check.series.is_empty() { Vec::new() } else { found.to_vec() };
        let found_series = found_series.into_iter().map(|row| row[..series].to_vec()).collect();
        Finding { series: found_series, ..broken(text, rows.take(SHOWN_ROWS as usize).collect(), found.len() as u64) }
    }

    /// Rows that begin with a series' names, each of which breaks the check; without series the one row.
    fn broken_series(&self, text: String, names: &[String], rows: &[&Vec<Value>]) -> Finding {
        let shown = rows.iter().take(SHOWN_ROWS as usize).map(|row| pairs(names.iter().zip(row.iter())));
        let series = match self.check.series.len() {
            0 => Vec::new(),
            n => rows.iter().map(|row| row[..n].to_vec()).collect(),
        };
        Finding { series, ..broken(text, shown.collect(), rows.len() as u64) }
    }

    fn name_of(&self, row: &[Value]) -> String {
        listed(&row[..self.check.series.len()])
    }
}

fn unbroken(text: impl Into<String>) -> Finding {
    Finding { check: String::new(), broken: false, text: text.into(), rows: Vec::new(), more: 0, series: Vec::new() }
}

/// Of so many rows that break it in all, the first.
fn broken(text: String, rows: Vec<Pairs>, all: u64) -> Finding {
    let more = all.saturating_sub(rows.len() as u64);
    Finding { broken: true, rows, more, ..unbroken(text) }
}

fn pairs<'v, N: AsRef<str>>(pairs: impl Iterator<Item = (N, &'v Value)>) -> Pairs {
    Pairs(pairs.map(|(name, value)| (name.as_ref().to_owned(), value.clone())).collect())
}

fn listed(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn without(row: &[Value], at: usize) -> Vec<Value> {
    row.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, value)| value.clone()).collect()
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Integer(count) => u64::try_from(*count).unwrap_or(0),
        _ => 0,
    }
}

/// Whether the newest value is no older than `micros` before `now`.
fn is_fresh(newest: &Value, micros: i64, clock: &Clock) -> bool {
    let Ok(oldest) = clock.now.checked_sub(Span::new().microseconds(micros)) else { return false };
    match newest {
        // A date counts as its whole day: it ends where the next begins.
        Value::Date(date) => date.tomorrow().is_ok_and(|end| end.at(0, 0, 0, 0) >= oldest.datetime()),
        Value::Datetime(moment, _) => *moment >= oldest.timestamp(),
        _ => false,
    }
}
