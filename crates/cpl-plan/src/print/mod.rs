//! The plan as text, as Mermaid and as DOT.

mod diagram;
mod text;

pub use diagram::{dot, mermaid};
pub use text::text;
