//! Bad rows that are put aside, where the fetch allows some.

use cpl_csv::{Bad, Batch, Place, Problem};
use cpl_plan::program::{Fetch, FetchColumn, Table};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::explain;
use crate::trouble::Trouble;

/// What rows told beside their values.
#[derive(Default)]
pub struct Told {
    /// How many fitted.
    pub rows: u64,
    /// Amounts of which digits beyond the sixth were rounded away.
    pub rounded: u64,
    /// Those that did not fit.
    pub aside: Vec<Aside>,
}

/// A row that was put aside.
pub struct Aside {
    /// Its file, as it is called.
    pub file: String,
    /// Where it stands there.
    pub place: Place,
    /// What of it does not fit.
    pub problem: Problem,
    /// The texts of the columns that are read, as far as there are any.
    pub cells: Vec<Option<String>>,
}

impl Told {
    pub fn add(&mut self, batch: &Batch, file: &str) {
        self.rows += batch.rows as u64;
        self.rounded += batch.columns.iter().map(|column| column.rounded).sum::<u64>();
        self.aside.extend(batch.bad.iter().cloned().map(|Bad { problem, cells }| {
            let place = problem.place().unwrap_or_default();
            Aside { file: file.to_owned(), place, problem, cells }
        }));
    }

    /// Whether not too many are bad: the first of them, where they are.
    #[expect(clippy::cast_precision_loss, reason = "a share of rows")]
    pub fn check(&self, table: &Table, fetch: &Fetch, columns: &[FetchColumn]) -> Result<(), Trouble> {
        let (Some(share), Some(first)) = (fetch.skip_bad, self.aside.first()) else { return Ok(()) };
        let (bad, all) = (self.aside.len() as u64, self.aside.len() as u64 + self.rows);
        if Decimal::from(bad) <= share * Decimal::from(all) {
            return Ok(());
        }
        let told = explain::problem(&first.problem, &first.file, fetch, columns);
        let found = cpl_plan::value::Value::Ratio(bad as f64 / all as f64);
        let may = cpl_plan::value::Value::Ratio(share.to_f64().unwrap_or(0.0));
        let rows = format!("{bad} of {all} rows of `{}` are bad: {found}, and up to {may} may be", table.shown_name());
        Err(vec![told.help(format!("{rows}; this is the first"))])
    }
}
