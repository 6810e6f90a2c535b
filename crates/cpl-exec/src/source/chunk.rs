//! Chunks: some rows of a fetch, made of several batches.

use cpl_batch::Batch;
use cpl_model::program::FetchColumn;
use polars::prelude::{self as pl, DataFrame};

use super::{
    dictionary::Dictionary,
    frame::{frame, no_rows},
};
use crate::{engine::classify, error::ExecError};

/// Some rows of a fetch.
pub struct Chunk {
    /// The rows; dictionary columns hold numbers.
    pub rows: DataFrame,
    /// What the numbers stand for.
    pub dictionary: Dictionary,
}

impl From<DataFrame> for Chunk {
    fn from(rows: DataFrame) -> Self {
        Self { rows, dictionary: Dictionary::default() }
    }
}

impl Chunk {
    /// Without rows.
    pub fn empty(columns: &[FetchColumn]) -> Result<Self, ExecError> {
        no_rows(columns).map(Self::from)
    }

    /// Appends a batch; what there is then, where that is so many rows.
    pub fn append(
        &mut self,
        batch: Batch,
        columns: &[FetchColumn],
        file: &str,
        rows: usize,
    ) -> Result<Option<Self>, ExecError> {
        let batch = frame(batch, columns, file, &mut self.dictionary).map_err(classify)?;
        self.stack(batch).map_err(classify)?;
        if self.rows.height() < rows {
            return Ok(None);
        }
        Ok(Some(std::mem::replace(self, Self::empty(columns)?)))
    }

    /// The same rows in chunks of at most so many.
    pub fn cut(self, most: usize) -> Vec<Self> {
        if self.rows.height() <= most {
            return vec![self];
        }
        let starts = (0..self.rows.height()).step_by(most.max(1));
        let part = |start| {
            let start = i64::try_from(start).unwrap_or(i64::MAX);
            Self { rows: self.rows.slice(start, most), dictionary: self.dictionary.clone() }
        };
        starts.map(part).collect()
    }

    fn stack(&mut self, mut batch: DataFrame) -> pl::PolarsResult<()> {
        if self.rows.height() == 0 {
            self.rows = batch;
            return Ok(());
        }
        // A batch with many different texts has no dictionary: then the whole chunk has none.
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
                self.dictionary.decode_column(rows, name)?;
            }
        }
        self.rows.vstack_mut_owned(batch)?;
        Ok(())
    }
}
