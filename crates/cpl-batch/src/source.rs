//! What every source of rows is to an engine: it is started, hands its batches into a sink, and says what it read.

use std::{collections::BTreeSet, ops::ControlFlow};

use serde::{Deserialize, Serialize};

use crate::{batch::Batch, problem::Problem};

/// Rows from files, servers or a test.
///
/// An engine starts all sources of a stage before it reads one of them, so that what is missing is found before anything
/// is read.
pub trait Source: Send {
    /// Finds and opens what is read.
    ///
    /// # Errors
    /// What is missing.
    fn start(&mut self) -> Result<(), ReadError>;

    /// Hands out batches in order, each with the name of its file, until the sink has enough.
    ///
    /// # Errors
    /// The first thing that is wrong, in order; the batches before it were handed out.
    fn read(&mut self, sink: &mut BatchSink<'_>) -> Result<SourceStats, ReadError>;
}

/// Takes batches, each with the name of its file.
pub type BatchSink<'s> = dyn FnMut(&str, Batch) -> ControlFlow<()> + 's;

/// What a source read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceStats {
    /// Rows, rejected ones included.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rows from the one on at which a table ends; they are not read.
    pub left_out: u64,
    /// The sheets that were read of workbooks.
    pub sheets: BTreeSet<String>,
    /// Paths that found nothing in any record.
    pub empty_paths: Vec<String>,
    /// Where a server says that there are more pages, of which none is read.
    pub more_pages: Option<String>,
    /// Paths of `pages` that find nothing on the first page, where that is all that is wanted: that is never recorded.
    #[serde(skip)]
    pub empty_page_paths: Vec<String>,
}

/// A problem, and the file in which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The name of the file.
    pub file: String,
    /// What is wrong.
    pub problem: Problem,
}
