//! The record batch that every source fills: typed columns, the formats of their values, rejected rows, and what can be
//! wrong with a file or a server. It knows no source and no engine.

mod batch;
mod database_problem;
pub mod exports;
mod field;
mod job_problem;
pub mod notation;
mod page_problem;
mod parallel;
mod problem;
mod server_problem;
mod source;
pub mod values;

pub use batch::{Batch, Cell, Column, Data, Numbers, RejectedRow};
pub use database_problem::DatabaseProblem;
pub use field::{Embedded, Field, Find, StoredKind, ValueFormat};
pub use job_problem::JobProblem;
pub use notation::Notation;
pub use page_problem::PageProblem;
pub use parallel::{Parts, in_order};
pub use problem::{FileKind, Oversized, Place, Problem, ReadProblem, bad_value};
pub use server_problem::ServerProblem;
pub use source::{BatchSink, ReadError, Source, SourceStats};
pub use values::money;
