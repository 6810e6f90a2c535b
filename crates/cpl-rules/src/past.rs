//! What was decided before: guards with a memory look at it. A ledger implements it.

use jiff::Timestamp;

use crate::resource::Resource;

/// What was decided in earlier runs.
pub trait Past {
    /// Whether the decision of this identity was carried out already, or may have been.
    fn is_done(&self, decision: &str) -> bool;

    /// How many decisions of a rule were carried out in this window, or may have been.
    fn done(&self, rule: &str) -> usize;

    /// When a resource was last changed, or may have been: by any rule of any pipeline of the workspace.
    fn last_change(&self, resource: &Resource) -> Option<Timestamp>;
}

/// No past: nothing was decided yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl Past for NoPast {
    fn is_done(&self, _: &str) -> bool {
        false
    }

    fn done(&self, _: &str) -> usize {
        0
    }

    fn last_change(&self, _: &Resource) -> Option<Timestamp> {
        None
    }
}
