//! A fetch → its rows in batches: each kind of file by its reader, and what servers answer. It knows what a declared column means to a reader, and
//! nothing of engines.

mod database_source;
mod fields;
mod file_kind;
mod file_source;
mod pattern;
mod personal;
mod server_source;
mod source_file;
mod stamp;

pub use cpl_store::Object;
pub use database_source::DatabaseSource;
pub use fields::{field, in_files, path, shift};
pub use file_source::FileSource;
pub use pattern::PathPattern;
pub use personal::{HashedSource, Salt};
pub use server_source::{AnswerRecords, ServerSource, value_places};
pub use source_file::{FileAt, SourceFile, other_kind};
