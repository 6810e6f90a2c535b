//! A file → the `fetch` that reads it. What is seen is written; what is only likely gets a comment that says so.
//!
//! All rows are looked at, up to a limit of bytes: a type is that of every value, and a key is unique in every row.

mod column_type;
mod guess;
mod key;
mod names;
mod numbers;
mod sample;
mod time;
mod words;
mod write;

use std::path::Path;

use cpl_batch::Problem;

pub use sample::{Column, DeclaredAnswer, Found, Sample, is_workbook};

/// As many bytes of a file are looked at; of a JSON document all.
pub const LOOKED_AT: u64 = 16 << 20;

/// What a file holds, by its name's ending.
///
/// # Errors
/// What keeps it from being read.
pub fn sample(file: &Path) -> Result<Sample, Problem> {
    sample::of(file)
}

/// What a server answered, which is in that file; `declared` is what a connector's file says of it.
///
/// # Errors
/// What keeps it from being read.
pub fn answer(file: &Path, declared: DeclaredAnswer<'_>) -> Result<Sample, Problem> {
    sample::answer(file, declared)
}

/// What a connector's file says of the records of an endpoint: the lines that stand in it. `written` is how a pipeline calls it;
/// `personal` are the columns, by their names or paths, that the file declares so already.
#[must_use]
pub fn endpoint(sample: &Sample, written: &str, personal: &[String]) -> String {
    let names = names::of(&sample.columns);
    let guessed = guess::columns(sample, &names);
    let key = key::of(sample, &guessed.columns);
    write::endpoint(sample, &guessed, &names, &key, (written, personal))
}

/// The text of a `fetch` for what was looked at; `written` is the path as the pipeline will have it.
#[must_use]
pub fn fetch(sample: &Sample, written: &str) -> String {
    let names = names::of(&sample.columns);
    let guessed = guess::columns(sample, &names);
    let key = key::of(sample, &guessed.columns);
    write::fetch(sample, &guessed, &names, &key, written)
}
