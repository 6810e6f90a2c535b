//! What was decided before: guards with a memory look at it. A ledger implements it.

use jiff::Timestamp;

use crate::decide::Resource;

/// What was decided in earlier runs.
pub trait Past {
    /// Whether the decision of this identity was carried out already, or may have been.
    fn is_done(&self, decision: &str) -> bool;

    /// When a rule last changed a resource, or may have.
    fn last_change(&self, rule: &str, resource: &Resource) -> Option<Timestamp>;
}

/// No past: nothing was decided yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl Past for NoPast {
    fn is_done(&self, _: &str) -> bool {
        false
    }

    fn last_change(&self, _: &str, _: &Resource) -> Option<Timestamp> {
        None
    }
}
