//! The plan as text, as Mermaid and as DOT.

mod describe;
mod diagram;
mod text;

pub use describe::{describe_query, operator};
pub use diagram::{dot, mermaid};
pub use text::text;
