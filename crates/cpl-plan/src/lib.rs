//! Program → plan: what nothing needs is pruned, what remains becomes a DAG of relational operators and queries,
//! and `bind` puts the window of a run into it.
//!
//! It knows what is computed and nothing of how: expressions are data that any engine may run. It opens no file and
//! reads no clock.

pub mod backend;
pub mod bind;
mod ids;
mod lower;
mod partition;
pub mod plan;
mod print;
mod prune;
pub mod query;
pub mod rule;
mod stages;

use cpl_model::program::Program;

pub use lower::{Given, independent};
pub use plan::Plan;
pub use print::{describe_query, dot, mermaid, operator, text};
pub use prune::{Purpose, Unneeded};

/// The plan, and what the program holds that the plan does not need.
#[must_use]
pub fn program_to_plan(program: Program, purpose: Purpose) -> (Plan, Vec<Unneeded>) {
    let (pruned, unneeded) = prune::prune(program, purpose);
    (lower::lower(pruned, purpose, None), unneeded)
}

/// The plan of a test, which gives the rows of some fetches.
#[must_use]
pub fn test_plan(program: Program, purpose: Purpose, given: &Given) -> Plan {
    lower::lower(prune::prune(program, purpose).0, purpose, Some(given))
}
