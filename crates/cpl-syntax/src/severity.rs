//! How grave a diagnostic is.

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline runs; its author should look.
    Warning,
    /// The pipeline does not run.
    Error,
}
