//! Text ⇄ tree: the parser of the cpl language, its syntax tree, places and diagnostics.
//!
//! It knows how a pipeline is written and nothing of what it means: names are text here, units are
//! what followed a number. Pure functions that return `(T, Vec<Diagnostic>)`; no file is opened.

pub mod codes;
mod comments;
mod diagnostic;
mod format;
mod keyword_enum;
mod parse;
mod severity;
mod span;
mod suppress;
pub mod tree;

pub use codes::Code;
pub use comments::{Comment, comments};
pub use diagnostic::{Diagnostic, Fix, Label, has_errors, is_unreadable, nearest};
pub use format::format;
pub use parse::{AGGREGATES, fragment, is_name, parse};
pub use severity::Severity;
pub use span::{Name, Span, Spanned};
pub use suppress::apply_suppressions;
