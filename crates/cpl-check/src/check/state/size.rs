//! How large a pipeline is.

/// The most name comparisons for suggestions. Later unknown names get no suggestion.
const MAX_NAMES_COMPARED: usize = 1_000_000;

/// How large the pipeline is, as far as it was checked.
#[derive(Default)]
pub struct Size {
    /// The nodes of all expressions together, with metrics and lets inlined.
    pub nodes: usize,
    /// The columns of all tables together.
    pub columns: usize,
    names_compared: usize,
    /// A limit was exceeded, and that was reported.
    exceeded: bool,
}

impl Size {
    /// Marks that a limit is exceeded; whether it was before.
    pub fn exceed(&mut self) -> bool {
        std::mem::replace(&mut self.exceeded, true)
    }

    /// Whether a limit was exceeded: further checks are useless then.
    pub fn exceeded(&self) -> bool {
        self.exceeded
    }

    /// Counts comparisons of a name with known ones; false if there were too many.
    pub fn may_compare(&mut self, names: usize) -> bool {
        self.names_compared += names;
        self.names_compared < MAX_NAMES_COMPARED
    }
}
