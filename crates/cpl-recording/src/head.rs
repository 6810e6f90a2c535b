//! What a recording says of itself.

use std::collections::BTreeMap;

use cpl_batch::SourceStats;
use serde::{Deserialize, Serialize};

/// The file that holds it, in the recording's folder.
pub const FILE: &str = "recording.json";
/// The form of recordings that this program writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The form of its files.
    pub format: u32,
    /// The program that made it: `cpl 0.1.0`.
    pub made_by: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The time of the run, as `--as-of` takes it.
    pub as_of: String,
    /// The settings of the run, as `--set` takes them.
    pub settings: Vec<String>,
    /// The fetches, by their names.
    pub fetches: BTreeMap<String, RecordedFetch>,
}

impl Head {
    /// That of a run of a pipeline, of which nothing is read yet.
    #[must_use]
    pub fn new(pipeline: &str, as_of: String, settings: Vec<String>) -> Self {
        let made_by = concat!("cpl ", env!("CARGO_PKG_VERSION")).to_owned();
        let pipeline = pipeline.to_owned();
        Self { format: FORMAT, made_by, pipeline, as_of, settings, fetches: BTreeMap::new() }
    }
}

/// A fetch of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFetch {
    /// The first request, or the query, without a secret, and how its answer is read.
    pub request: String,
    /// The columns, in the order of the batches.
    pub columns: Vec<RecordedColumn>,
    /// The fingerprint of the salt of its personal columns; none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// What reading showed.
    pub stats: SourceStats,
}

/// A column of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedColumn {
    /// Its name in the pipeline.
    pub name: String,
    /// How it was declared.
    pub declared: String,
}
