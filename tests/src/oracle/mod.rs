//! A second implementation of the language, slow and obvious: typed expressions over plain rows, money and whole
//! numbers as exact rationals, no engine. What both say of generated tables must be equal.

mod aggregate;
mod check;
mod expr;
mod function;
mod needed;
mod pattern;
mod rule;
mod stage;
mod surely;
mod value;
mod window;

use std::{cell::RefCell, collections::BTreeMap};

use cpl_model::{
    clock::Clock,
    program::{Program, Stage, TableId, TableSource},
};
use needed::Needed;

pub use check::Checked;
pub use rule::{Changed, Outcome, Told};
pub use value::{Rational, Val, rational};

/// A row: values by the names of columns.
pub type Row = BTreeMap<String, Val>;

/// All tables of a program, made of given rows.
pub struct Oracle<'p> {
    program: &'p Program,
    clock: &'p Clock,
    tables: Vec<Vec<Row>>,
    /// Every join, as they are made.
    made_joins: RefCell<Vec<MadeJoin>>,
    needed: Needed,
    /// Rows dated after `now`, by the names of the fetches.
    future: BTreeMap<String, usize>,
}

/// What is read of a fetch.
#[derive(Clone, Debug)]
pub struct Read {
    /// The fetch.
    pub fetch: String,
    /// Its rows, without those dated after `now`.
    pub rows: usize,
    /// Those.
    pub future: usize,
    /// The newest of its times.
    pub newest: Val,
}

/// A join, and how many rows of its sides have no partner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alone {
    /// The transform.
    pub table: String,
    /// The table that is joined.
    pub with: String,
    /// Rows of the transform without a partner stay.
    pub kept: bool,
    /// Rows of the transform, and of that table.
    pub rows: (usize, usize),
}

/// A join that was made.
struct MadeJoin {
    /// The table it is a stage of.
    of: TableId,
    alone: Alone,
    /// As it is written, where there are rows and none of them has a partner.
    unmet: Option<String>,
}

impl<'p> Oracle<'p> {
    /// Makes the tables; `rows` are those of the fetches, by their names.
    ///
    /// # Panics
    /// Where a fetch has none that are given.
    #[must_use]
    pub fn new(program: &'p Program, clock: &'p Clock, rows: &BTreeMap<String, Vec<Row>>) -> Self {
        let (made_joins, future) = (RefCell::default(), BTreeMap::new());
        let mut oracle = Self { program, clock, tables: Vec::new(), made_joins, needed: Needed::of(program), future };
        for table in &program.tables {
            let made = match &table.source {
                TableSource::Fetch(fetch) => {
                    let Some(all) = rows.get(&table.name).cloned() else {
                        panic!("{} has no generated rows: empty, it would be held against nothing", table.name)
                    };
                    let read = all.len();
                    let kept = oracle.until_now(all, table.time.as_deref().filter(|_| !fetch.future));
                    oracle.future.insert(table.name.clone(), read - kept.len());
                    kept
                }
                TableSource::Transform { from, stages } => {
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
        let made =
            matches!(table.source, TableSource::Transform { .. }) && table.order != cpl_model::program::Order::Sorted;
        let mut rows = self.tables[id.0].clone();
        if let (true, Some(key)) = (made, &table.key) {
            stage::sort(&mut rows, key.iter().map(|name| (name.as_str(), false)));
        }
        rows
    }

    /// The joins that a run makes, and how many of their rows have no partner; by name.
    #[must_use]
    pub fn joins(&self) -> Vec<Alone> {
        let mut found: Vec<Alone> = self.counted_joins(|join| Some(join.alone.clone()));
        found.sort();
        found
    }

    /// What is wanted of the joins that a run makes; one with a table of one row counts nothing.
    fn counted_joins<T>(&self, wanted: impl Fn(&MadeJoin) -> Option<T>) -> Vec<T> {
        let all = self.made_joins.borrow();
        let mut found = Vec::new();
        for (at, table) in self.program.tables.iter().enumerate() {
            let TableSource::Transform { stages, .. } = &table.source else { continue };
            let joins = stages.iter().filter_map(|stage| if let Stage::Join(join) = stage { Some(join) } else { None });
            let made = all.iter().filter(|made| made.of.0 == at);
            let both = joins
                .enumerate()
                .zip(made)
                .filter(|((nth, join), _)| !join.on.is_empty() && self.needed.has_join(TableId(at), *nth));
            found.extend(both.filter_map(|(_, made)| wanted(made)));
        }
        found
    }

    /// What a run reads of each fetch that it needs, in the order of the file.
    #[must_use]
    pub fn read(&self) -> Vec<Read> {
        let fetches = self
            .program
            .tables
            .iter()
            .enumerate()
            .filter(|(at, table)| matches!(table.source, TableSource::Fetch(_)) && self.needed.has(TableId(*at)));
        let read = |(at, table): (usize, &cpl_model::program::Table)| {
            let rows = &self.tables[at];
            let newest = table.time.as_ref().and_then(|time| check::newest(rows, time)).unwrap_or(Val::Unknown);
            let future = self.future.get(&table.name).copied().unwrap_or(0);
            Read { fetch: table.name.clone(), rows: rows.len(), future, newest }
        };
        fetches.map(read).collect()
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
