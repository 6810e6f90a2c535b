//! Plan → polars, and nothing else: the only crate that names the engine.
//!
//! The layers stand on each other, and never the other way: `engine` runs frames and knows how polars holds values and
//! fails; `expr` turns expressions, `operator` operators into polars; `source` reads rows; `schedule` decides what runs
//! when. What a run finds depends only on the plan and its inputs.

mod engine;
mod error;
mod expr;
mod operator;
mod schedule;
mod source;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cpl_model::{program::Expr, types::Type, value::Value};
use cpl_plan::{
    backend::{Answers, Backend},
    bind::BoundPlan,
};
use jiff::tz::TimeZone;
use polars::prelude::{self as pl, IntoLazy};

use crate::expr::Translator;

pub use cpl_source::Salt;
pub use error::{Cause, ExecError, FanOut, SourceError, file_problem};
pub use schedule::{Made, Scheduler};
pub use source::{Files, Input, Inputs, RejectedRows, ScanRequest, StoredColumn, expand, parquet_sample};
pub use table::{TableRows, write_parquet};

/// The engine: polars, over some inputs.
pub struct Polars<'a> {
    /// Where rows come from.
    pub inputs: &'a dyn Inputs,
    /// Hears what is under way.
    pub progress: &'a (dyn Fn(&str) + Sync),
    /// About how many rows of a source are taken at once, where they need not be held together.
    pub part_rows: usize,
}

/// The values of bound expressions of constants, in a zone.
///
/// # Errors
/// Where one is outside the calendar or too large.
pub fn constants(exprs: &[Expr], zone: &TimeZone) -> Result<Vec<Value>, ExecError> {
    let translator = Translator { zone, totals: BTreeMap::new() };
    let columns: Vec<_> =
        exprs.iter().enumerate().map(|(at, expr)| translator.expr(expr).alias(at.to_string())).collect();
    let types: Vec<Type> = exprs.iter().map(|expr| expr.ty).collect();
    let row = engine::collect_one(pl::DataFrame::default().lazy().select(columns), pl::Engine::InMemory)?;
    Ok(engine::decode_rows(&row, &types, zone)?.pop().unwrap_or_default())
}

/// Fewer rows than this are not worth a call of the engine.
pub const PART_ROWS: usize = 1 << 17;

impl Backend for Polars<'_> {
    type Error = ExecError;
    type Rejected = RejectedRows;

    fn run(&mut self, plan: &BoundPlan) -> Result<Answers<RejectedRows>, ExecError> {
        Ok(Scheduler::new(plan, self).run()?.answers)
    }
}

impl Polars<'_> {
    /// Runs a plan that shows a table: the table, and the answers to its checks.
    ///
    /// # Errors
    /// What kept it from being finished.
    pub fn table(&self, plan: &BoundPlan) -> Result<(TableRows, Answers<RejectedRows>), ExecError> {
        let outcome = Scheduler::new(plan, self).run()?;
        Ok((TableRows::of(plan, outcome.shown.unwrap_or_default()), outcome.answers))
    }
}
