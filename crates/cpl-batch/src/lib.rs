//! The record batch that every source fills: typed columns, the formats of their values, rejected rows, and what can be
//! wrong with a file. It knows no source and no engine.

mod batch;
mod field;
mod problem;
mod source;
pub mod values;

pub use batch::{Batch, Cell, Column, Data, RejectedRow};
pub use field::{Embedded, Field, Find, ValueFormat};
pub use problem::{Oversized, Place, Problem, bad_value};
pub use source::{BatchSink, ReadError, Source, SourceStats};
pub use values::money;
