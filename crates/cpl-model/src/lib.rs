//! The nouns that every later stage shares: a checked program with its typed expressions, values with their
//! units, the clock that cuts time into windows, and the report of a run.
//!
//! No stage lives here. Nothing opens a file, reads the system's clock or fails on a user's input.

mod cell;
pub mod clock;
mod evidence;
pub mod host;
pub mod method;
mod moved;
mod pairs;
pub mod program;
pub mod report;
pub mod resource;
pub mod types;
pub mod value;
pub mod workspace;

pub use cell::same;
