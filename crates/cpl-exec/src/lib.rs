//! Runs a plan: files into frames, frames into tables, tables into decisions, decisions into effects.
//!
//! The only crate that names polars. A step becomes a lazy frame, a batch is collected in one call on
//! the streaming engine. What a run finds depends on the program, its inputs and the clock's window
//! alone; only targets change anything outside.

mod alert;
mod answers;
mod batch;
mod by_row;
mod checks;
mod collect;
mod dashboard;
mod decide;
mod expr;
mod fetch;
mod frames;
mod parts;
mod profile;
mod quarantine;
mod rows;
mod rule;
mod run;
mod show;
mod slots;
mod summary;
mod test;
mod trouble;
mod types;
mod why;

use std::path::Path;

use cpl_plan::clock::Clock;

pub use profile::{Cost, profile};
pub use run::{planned, run};
pub use show::{Shown, show, write_parquet};
pub use test::{Failed, test};

/// What a run needs to know of the world around it.
#[derive(Clone)]
pub struct World<'a> {
    /// The folder of the pipeline's file: paths in it are relative to it.
    pub folder: &'a Path,
    /// The name of the pipeline's file, without its ending.
    pub stem: &'a str,
    /// What the decisions' identities are counted in.
    pub workspace: &'a str,
    /// The window the run belongs to.
    pub clock: Clock,
    /// How many threads read files.
    pub threads: usize,
    /// Told what is under way: the step's title.
    pub progress: &'a (dyn Fn(&str) + Sync),
}
