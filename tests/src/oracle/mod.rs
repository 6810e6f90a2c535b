//! A second implementation of the language, slow and obvious: typed expressions over plain rows, money and whole
//! numbers as exact rationals, no engine. What both say of generated tables must be equal.

mod aggregate;
mod expr;
mod function;
mod rule;
mod stage;
mod value;

use std::{cell::RefCell, collections::BTreeMap};

use cpl_model::{
    clock::Clock,
    program::{Program, Source, TableId},
};

pub use rule::{Outcome, Told};
pub use value::{Rational, Val, rational};

/// A row: values by the names of columns.
pub type Row = BTreeMap<String, Val>;

/// All tables of a program, made of given rows.
pub struct Oracle<'p> {
    program: &'p Program,
    clock: &'p Clock,
    tables: Vec<Vec<Row>>,
    alone: RefCell<Vec<Alone>>,
}

/// A join, and how many rows of its sides have no partner.
#[derive(Debug, PartialEq, Eq)]
pub struct Alone {
    /// The transform.
    pub table: String,
    /// The table that is joined.
    pub with: String,
    /// Rows of the transform, and of that table.
    pub rows: (usize, usize),
}

impl<'p> Oracle<'p> {
    /// Makes the tables; `rows` are those of the fetches, by their names.
    #[must_use]
    pub fn new(program: &'p Program, clock: &'p Clock, rows: &BTreeMap<String, Vec<Row>>) -> Self {
        let mut oracle = Self { program, clock, tables: Vec::new(), alone: RefCell::default() };
        for table in &program.tables {
            let made = match &table.source {
                Source::Fetch(fetch) => {
                    let all = rows.get(&table.name).cloned().unwrap_or_default();
                    oracle.until_now(all, table.time.as_deref().filter(|_| !fetch.future))
                }
                Source::Transform { from, stages } => {
                    stages.iter().fold(oracle.tables[from.0].clone(), |rows, stage| oracle.stage(stage, &rows))
                }
            };
            oracle.tables.push(made);
        }
        oracle
    }

    /// The rows of a table as `cpl show` tells them: by its key, unless it was sorted otherwise.
    #[must_use]
    pub fn shown(&self, id: TableId) -> Vec<Row> {
        let table = self.program.table(id);
        let made = matches!(table.source, Source::Transform { .. }) && table.order != cpl_model::program::Order::Sorted;
        let mut rows = self.tables[id.0].clone();
        if let (true, Some(key)) = (made, &table.key) {
            stage::sort(&mut rows, key.iter().map(|name| (name.as_str(), false)));
        }
        rows
    }

    /// Whether there is a join with so many rows without a partner.
    #[must_use]
    pub fn has(&self, alone: &Alone) -> bool {
        self.alone.borrow().contains(alone)
    }

    /// Rows dated after `now` (a date: after `today`) are not read.
    fn until_now(&self, mut rows: Vec<Row>, time: Option<&str>) -> Vec<Row> {
        let Some(time) = time else { return rows };
        rows.retain(|row| match &row[time] {
            Val::Date(date) => *date <= self.clock.today(),
            Val::Moment(moment) => *moment <= self.clock.now.timestamp(),
            _ => true,
        });
        rows
    }
}
