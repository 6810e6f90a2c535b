//! What keeps a run from being finished.

use cpl_effects::EffectError;
use cpl_exec::ExecError;
use cpl_plan::bind::BindError;
use cpl_syntax::Diagnostic;

/// Why a run was not finished.
#[derive(Debug)]
pub enum RunError {
    /// The plan can't be bound to the window.
    Bind(BindError),
    /// A source or the engine failed; nothing has left.
    Exec(ExecError),
    /// An effect can't leave; the error says what has left.
    Effect(EffectError),
    /// A test gives rows that are no rows of the fetch.
    Given(Vec<Diagnostic>),
}

impl RunError {
    /// What is said of it; at least one diagnostic.
    #[must_use]
    pub fn diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Self::Bind(error) => error.diagnostics(),
            Self::Exec(error) => error.diagnostics(),
            Self::Effect(error) => vec![error.diagnostic()],
            Self::Given(diagnostics) => diagnostics,
        }
    }
}

impl From<BindError> for RunError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<ExecError> for RunError {
    fn from(error: ExecError) -> Self {
        Self::Exec(error)
    }
}

impl From<EffectError> for RunError {
    fn from(error: EffectError) -> Self {
        Self::Effect(error)
    }
}
