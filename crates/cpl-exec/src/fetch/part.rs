//! Parts: some rows of a fetch, made of the reader's batches.

use cpl_csv::Batch;
use cpl_plan::program::FetchColumn;
use polars::prelude::{self as pl, DataFrame};

use super::{
    batches::{frame, no_rows},
    words::Words,
};
use crate::trouble::{self, Trouble};

/// Fewer rows than this are not worth a call of the engine.
const ROWS: usize = 1 << 17;

/// Some rows of a fetch.
pub struct Part {
    /// The rows; texts that only tell groups apart may be numbers there.
    pub rows: DataFrame,
    /// What those numbers stand for.
    pub words: Words,
}

impl From<DataFrame> for Part {
    fn from(rows: DataFrame) -> Self {
        Self { rows, words: Words::default() }
    }
}

impl Part {
    /// Without rows.
    pub fn of(columns: &[FetchColumn]) -> Result<Self, Trouble> {
        no_rows(columns).map(Self::from)
    }

    /// Appends a batch; what there is then, where that is enough.
    pub fn append(&mut self, batch: Batch, columns: &[FetchColumn], file: &str) -> Result<Option<Self>, Trouble> {
        let batch = frame(batch, columns, file, &mut self.words).map_err(trouble::engine)?;
        self.stack(batch).map_err(trouble::engine)?;
        if self.rows.height() < ROWS {
            return Ok(None);
        }
        Ok(Some(std::mem::replace(self, Self::of(columns)?)))
    }

    fn stack(&mut self, mut batch: DataFrame) -> pl::PolarsResult<()> {
        if self.rows.height() == 0 {
            self.rows = batch;
            return Ok(());
        }
        // Where many differ a batch has texts: then all of the part has.
        let texts: Vec<String> = self
            .rows
            .columns()
            .iter()
            .zip(batch.columns())
            .filter(|(old, new)| old.dtype() != new.dtype())
            .map(|(old, _)| old.name().to_string())
            .collect();
        for name in &texts {
            for rows in [&mut self.rows, &mut batch] {
                self.words.spell(rows, name)?;
            }
        }
        self.rows.vstack_mut_owned(batch)?;
        Ok(())
    }
}
