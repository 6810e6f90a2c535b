//! Files → frames. `Rows` is what the rest of the crate sees of them, however they are written.

mod csv;
mod explain;
mod files;
mod parquet;
mod stored;

use std::path::PathBuf;

use cpl_plan::program::{Fetch, FetchColumn, SourceKind, Table};
use polars::prelude::LazyFrame;

use crate::{World, trouble::Trouble};

/// A file's rows: the needed columns, checked and typed; no row is left out yet.
pub struct Rows {
    /// The rows, in the files' order.
    pub frame: LazyFrame,
    /// Amounts of which digits beyond the sixth were rounded away.
    pub rounded: Rounded,
    /// Where the values are checked as they are read: what to look for when that fails.
    pub late: Option<Late>,
}

/// How many amounts were rounded.
pub enum Rounded {
    /// So many.
    Counted(u64),
    /// The sum of this frame's only column.
    Late(Box<LazyFrame>),
}

/// Files whose values are checked while the plan runs.
pub struct Late {
    files: Vec<PathBuf>,
    columns: Vec<FetchColumn>,
    of: Fetch,
}

/// The rows of a fetch, only `needed` columns.
pub fn rows(table: &Table, fetch: &Fetch, needed: &[String], world: &World<'_>) -> Result<Rows, Trouble> {
    let files = files::expand(fetch, world.folder)?;
    let columns: Vec<FetchColumn> =
        fetch.columns.iter().filter(|column| needed.contains(&column.name)).cloned().collect();
    match fetch.kind {
        SourceKind::Csv { separator } => csv::rows(table, fetch, &files, &columns, separator, world),
        SourceKind::Parquet => parquet::rows(fetch, files, columns),
    }
}

impl Late {
    /// The value that does not fit, where that is why a plan failed.
    pub fn find(&self) -> Option<Trouble> {
        parquet::find(&self.of, &self.files, &self.columns)
    }
}
