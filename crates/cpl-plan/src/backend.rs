//! The interface of engines: an engine runs a plan and returns plain values.

use std::collections::BTreeMap;

use cpl_model::{program::TableId, value::Value};

use crate::{bind::BoundPlan, query::QueryId};

/// An engine that runs plans.
pub trait Backend {
    /// Why a plan was not finished.
    type Error;
    /// Rejected rows of a fetch.
    type Rejected;

    /// Runs a bound plan and answers all of its queries.
    ///
    /// # Errors
    /// What kept it from being finished; nothing has been written then.
    fn run(&mut self, plan: &BoundPlan) -> Result<Answers<Self::Rejected>, Self::Error>;
}

/// The answers to all queries of a plan, as plain values.
#[derive(Debug)]
pub struct Answers<R> {
    /// The rows of each answer.
    pub rows: BTreeMap<QueryId, Answer>,
    /// What was read of each fetch.
    pub read: BTreeMap<TableId, ReadStats<R>>,
}

/// The answer to a query.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its rows, each with the values of the query's columns.
    pub rows: Vec<Vec<Value>>,
    /// Of a rule: how many rows are quiet and did not come.
    pub quiet: usize,
    /// The first of those, by how much they lack.
    pub nearest: Vec<Vec<Value>>,
}

/// Statistics of reading a fetch.
#[derive(Debug, Default)]
pub struct ReadStats<R> {
    /// Bytes that were read; 0 where the engine reads while the plan runs.
    pub bytes: u64,
    /// The number of amounts that were rounded to six decimals.
    pub rounded: u64,
    /// Rows from the one on at which a table ends: they are not read.
    pub left_out: u64,
    /// The sheets that were read of workbooks.
    pub sheets: Vec<String>,
    /// Paths that found nothing in any record.
    pub empty_paths: Vec<String>,
    /// Where a server says that there are more pages, of which none is read.
    pub more_pages: Option<String>,
    /// Paths of `pages` that find nothing on the first page, where that is all that is wanted.
    pub empty_page_paths: Vec<String>,
    /// Columns of which each number looks as if its point set digits apart in threes.
    pub ambiguous_points: Vec<String>,
    /// Columns of days that are stored as midnights of UTC.
    pub utc_days: Vec<String>,
    /// How many rows were rejected.
    pub rejected_rows: u64,
    /// Those rows.
    pub rejected: R,
}

impl<R> Default for Answers<R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), read: BTreeMap::new() }
    }
}

impl<R> Answers<R> {
    /// The answer to a query; one that was not answered has no rows.
    #[must_use]
    pub fn of(&self, id: QueryId) -> &[Vec<Value>] {
        self.rows.get(&id).map_or(&[], |answer| &answer.rows)
    }
}
