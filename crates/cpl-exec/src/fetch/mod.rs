//! Files → frames. `Rows` is what the rest of the crate sees of them, however they are written.

mod csv;
mod explain;
mod files;
mod parquet;
mod stored;

pub use files::expand;
pub use parquet::BAD;

use std::path::PathBuf;

use cpl_plan::program::{Fetch, FetchColumn, SourceKind, Table};
use polars::prelude::{DataFrame, IntoLazy, LazyFrame};

use crate::{
    World,
    trouble::{self, Trouble},
};

/// A fetch's rows: the needed columns, checked and typed; no row is left out yet.
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
    files: Vec<(String, PathBuf)>,
    columns: Vec<FetchColumn>,
    of: Fetch,
}

/// A fetch whose files are found.
pub struct Opened<'a> {
    table: &'a Table,
    fetch: &'a Fetch,
    files: Vec<PathBuf>,
    columns: Vec<FetchColumn>,
    world: &'a World<'a>,
}

impl<'a> Opened<'a> {
    /// Finds the files of a fetch, of which `needed` columns are to be read.
    pub fn of(table: &'a Table, fetch: &'a Fetch, needed: &[String], world: &'a World<'a>) -> Result<Self, Trouble> {
        let files = files::expand(fetch, world.folder)?;
        let columns = fetch.columns.iter().filter(|column| needed.contains(&column.name)).cloned().collect();
        Ok(Self { table, fetch, files, columns, world })
    }

    /// Whether the rows come in parts; else the engine takes them so by itself.
    pub fn comes_in_parts(&self) -> bool {
        matches!(self.fetch.kind, SourceKind::Csv { .. })
    }

    /// Hands out the rows part by part, at least one; how many amounts were rounded.
    pub fn parts(&self, mut sink: impl FnMut(DataFrame) -> Result<(), Trouble>) -> Result<u64, Trouble> {
        sink(csv::no_rows(&self.columns)?)?;
        match self.fetch.kind {
            SourceKind::Csv { .. } => csv::parts(self, sink),
            SourceKind::Parquet => unreachable!("asked before"),
        }
    }

    /// All rows.
    pub fn rows(self) -> Result<Rows, Trouble> {
        if !self.comes_in_parts() {
            return parquet::rows(self.fetch, self.files, self.columns, self.world.folder);
        }
        let mut all: Option<DataFrame> = None;
        let rounded = self.parts(|part| {
            match &mut all {
                Some(all) => drop(all.vstack_mut_owned(part).map_err(trouble::engine)?),
                None => all = Some(part),
            }
            Ok(())
        })?;
        Ok(Rows { frame: all.unwrap_or_default().lazy(), rounded: Rounded::Counted(rounded), late: None })
    }
}

impl Late {
    /// The value that does not fit, where that is why a plan failed.
    pub fn find(&self) -> Option<Trouble> {
        parquet::find(&self.of, &self.files, &self.columns)
    }
}
