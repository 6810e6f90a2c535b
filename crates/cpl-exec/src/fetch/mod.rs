//! Files → frames. `Rows` is what the rest of the crate sees of them, however they are written.

mod aside;
mod batches;
mod explain;
mod files;
mod parquet;
mod part;
mod sifted;
mod stored;
mod words;

pub use aside::{Aside, Told};
pub use batches::engine_column;
pub use files::expand;
pub use part::Part;

use std::path::PathBuf;

use cpl_plan::{
    plan::Step,
    program::{Fetch, FetchColumn, SourceKind, Table},
};
use polars::prelude::{DataFrame, IntoLazy, LazyFrame, UnionArgs, concat};

use crate::{
    World,
    trouble::{self, Trouble},
};

/// A fetch's rows: the needed columns, checked and typed; no row is left out yet.
pub struct Rows {
    /// The rows, in the files' order.
    pub frame: LazyFrame,
    /// What else the rows told, where they were read.
    pub told: Option<Told>,
    /// Where they are not read yet: the sum of this frame's only column is how many amounts are rounded.
    pub rounded: Option<Box<LazyFrame>>,
    /// Where the values are checked as they are read: what to look for when that fails.
    pub late: Option<Late>,
}

/// The rows of files whose values are checked as they are read.
pub struct ScannedParts {
    /// The rows, in the files' order.
    pub parts: Vec<LazyFrame>,
    /// The sum of this frame's only column is how many amounts are rounded.
    pub rounded: Option<LazyFrame>,
    /// What to look for when reading fails.
    pub late: Late,
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
    /// Finds the files of a fetch, of which the columns of that step are to be read.
    pub fn of(table: &'a Table, fetch: &'a Fetch, step: &Step, world: &'a World<'a>) -> Result<Self, Trouble> {
        let files = files::expand(fetch, world.folder)?;
        let columns = fetch.columns.iter().filter(|column| step.columns.contains(&column.name)).cloned().collect();
        Ok(Self { table, fetch, files, columns, world })
    }

    /// Whether the engine reads the rows by itself, when they are needed.
    pub fn is_scanned(&self) -> bool {
        self.fetch.kind == SourceKind::Parquet && self.fetch.skip_bad.is_none()
    }

    /// The rows that the engine reads by itself, in parts of at most so many.
    pub fn scanned(&self, most: usize) -> Result<ScannedParts, Trouble> {
        parquet::parts(most, self.fetch, self.files.clone(), self.columns.clone(), self.world.folder)
    }

    /// Hands out the rows part by part, at least one, those texts as words where few differ; what else they told.
    pub fn parts(&self, words: &[String], mut sink: impl FnMut(Part) -> Result<(), Trouble>) -> Result<Told, Trouble> {
        sink(Part::of(&self.columns)?)?;
        let told = match self.fetch.kind {
            SourceKind::Parquet => sifted::good_rows(self, |rows| sink(Part::from(rows)))?,
            _ => batches::parts(self, words, sink)?,
        };
        told.check(self.table, self.fetch, &self.columns)?;
        Ok(told)
    }

    /// The bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// All rows.
    pub fn rows(self) -> Result<Rows, Trouble> {
        if self.is_scanned() {
            let ScannedParts { parts, rounded, late } = self.scanned(usize::MAX)?;
            let frame = one_behind_the_other(parts)?;
            return Ok(Rows { frame, told: None, rounded: rounded.map(Box::new), late: Some(late) });
        }
        let mut all: Option<DataFrame> = None;
        let told = self.parts(&[], |Part { rows: part, .. }| {
            match &mut all {
                Some(all) => drop(all.vstack_mut_owned(part).map_err(trouble::engine)?),
                None => all = Some(part),
            }
            Ok(())
        })?;
        Ok(Rows { frame: all.unwrap_or_default().lazy(), told: Some(told), rounded: None, late: None })
    }
}

fn one_behind_the_other(mut frames: Vec<LazyFrame>) -> Result<LazyFrame, Trouble> {
    if frames.len() == 1 {
        return Ok(frames.remove(0));
    }
    concat(frames, UnionArgs { maintain_order: true, ..Default::default() }).map_err(trouble::engine)
}

impl Late {
    /// The value that does not fit, or the file that can't be read, where that is why a plan failed.
    pub fn find(&self) -> Option<Trouble> {
        parquet::find(&self.of, &self.files, &self.columns)
    }
}
