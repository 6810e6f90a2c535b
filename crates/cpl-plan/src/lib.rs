//! Tree → program → plan: names, types and units, the lints, the DAG of steps; and the plain report
//! that a run fills.
//!
//! It knows what a pipeline means and nothing of how it is computed: expressions are data that any
//! engine may run. It opens no file and reads no clock; what it can't answer itself is handed to it.

mod cell;
pub mod clock;
mod lint;
pub mod plan;
mod print;
pub mod program;
mod program_to_plan;
pub mod report;
mod tree_to_program;
pub mod types;
pub mod value;
mod words;

pub use cell::same;
pub use print::{dot, mermaid, text};
pub use program_to_plan::{Purpose, program_to_plan};
pub use tree_to_program::{Setting, Setup, check_connector, not_yet, tree_to_program};
