//! A fetch → its rows in batches: each kind of file by its reader, and what servers answer. It knows what a declared column means to a reader, and
//! nothing of engines.

mod database_source;
mod fields;
mod file_kind;
mod file_source;
mod personal;
mod server_source;
mod stamp;

pub use database_source::DatabaseSource;
pub use fields::{field, in_files, path, shift};
pub use file_kind::{explained, other_kind};
pub use file_source::FileSource;
pub use personal::{HashedSource, Salt};
pub use server_source::{AnswerRecords, ServerSource};
pub use stamp::{FileStamp, or_changed};
