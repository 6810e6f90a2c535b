//! How grave a diagnostic is.

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline is right as it is; there is something that its author may not know of.
    Hint,
    /// The pipeline runs; its author should look.
    Warning,
    /// The pipeline does not run.
    Error,
}

impl Severity {
    /// All of them, gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Hint];

    /// Its word in messages and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
