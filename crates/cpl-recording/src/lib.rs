//! Recordings: what a run fetched of servers and databases, in a folder, and the same rows again without them.
//!
//! A folder holds `recording.json`, which holds the requests ([`Head`]), and for each fetch a file `NAME.ndjson.gz`: a
//! batch a line, of the columns that the run read, as typed values. Personal columns are hashed before they come here, and
//! what is not read of an answer is not kept. Nothing is written before a run has read all it needs; `recording.json` is
//! written last, so that a folder without it is no recording.

mod file;
mod head;
mod recorder;
mod replay;

#[cfg(test)]
mod tests;

pub use head::{Head, RecordedColumn, RecordedFetch};
pub use recorder::{NotRecorded, Recorder};
pub use replay::{Mismatch, NoRecording, Recording};
