//! What a right pipeline is warned of.

use cpl_syntax::{Code, Diagnostic, Span};

/// A pipeline serves one decision: what that does not need is to be dropped.
pub fn unneeded(what: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::W0101, format!("the {what} `{name}` is not required for the decision"))
        .at(at, "no decision, alert or dashboard needs it")
        .help("drop it")
}
