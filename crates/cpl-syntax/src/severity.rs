//! How grave a diagnostic is.

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline runs; its author should look.
    Warning,
    /// The pipeline does not run.
    Error,
}
