//! What was decided before: guards with a memory look at it. A ledger implements it.

use cpl_model::{report::Pairs, resource::Resource};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// What was decided in earlier runs: what is not known of it did not happen.
pub trait Past {
    /// What became already in this window of the decision of this identity; none where it was not decided.
    fn outcome(&self, _decision: &str) -> Option<String> {
        None
    }

    /// Whether each row is decided by itself: neither what was decided before nor other rows hold it.
    fn is_alone(&self) -> bool {
        false
    }

    /// Whether a person wants the decision of this identity taken anew, by another one.
    fn is_redone(&self, _decision: &str) -> bool {
        false
    }

    /// How many decisions of a rule were carried out in this window, or may have been.
    fn done(&self, _rule: &str) -> usize {
        0
    }

    /// What changed a resource after a moment, or may have changed it, the first first.
    fn changes_since(&self, _of: Changed<'_>, _after: Timestamp) -> Vec<PastChange> {
        Vec::new()
    }

    /// These settings will be asked for by [`Past::last_change`]: an implementation may read what it needs for all of them at once.
    fn look_up_last_changes(&self, _settings: &[(Changed<'_>, &str)]) {}

    /// What changed a resource last, or may have changed it; where a setting is named, only what changed that.
    fn last_change(&self, _of: Changed<'_>, _setting: Option<&str>) -> Option<PastChange> {
        None
    }

    /// The newest value of a setting that somebody else is known to have left.
    fn observed(&self, _of: Changed<'_>, _setting: &str) -> Option<Observed> {
        None
    }

    /// What a person said of a decision that needs an approval.
    fn verdict(&self, _decision: &str) -> Option<Verdict> {
        None
    }

    /// What the newest window before this one that is looked at, by its start, saw of an alert: the rows that were reported.
    fn alerts_before(&self, _alert: &str, _is_looked_at: &dyn Fn(Timestamp) -> bool) -> Vec<PastAlert> {
        Vec::new()
    }

    /// What earlier runs of this window saw of an alert: the rows that were reported.
    fn alerts_so_far(&self, _alert: &str) -> Vec<PastAlert> {
        Vec::new()
    }

    /// The pause under way: nothing is sent meanwhile.
    fn pause(&self) -> Option<Pause> {
        None
    }
}

/// A row of an alert that was reported.
#[derive(Clone, Debug, PartialEq)]
pub struct PastAlert {
    /// What names the row, as it was recorded.
    pub key: Pairs,
    /// The start of the window in which it was reported.
    pub reported: Timestamp,
    /// It did not fire any longer when it was looked at last.
    pub is_over: bool,
}

/// A resource, and the row by which a rule of this pipeline changes it.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// The row's key.
    pub row: &'a Pairs,
}

/// A change of a resource, by any rule of any pipeline of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastChange {
    /// The start of its window.
    pub at: Timestamp,
    /// The rule, and its pipeline where that is another one.
    pub by: String,
    /// The decision that made it, or that it takes back; empty where it has no identity.
    pub decision: String,
    /// It was a rule of this pipeline.
    pub is_own: bool,
    /// It took another change back.
    pub is_undo: bool,
    /// What of the resource it changed; none for a call.
    pub setting: Option<String>,
    /// The value before; none where it is not known.
    pub before: Option<Decimal>,
    /// The value it left; none where it is not known.
    pub after: Option<Decimal>,
    /// What both count: see [`unit`](crate::unit); none where it is not known.
    pub unit: Option<String>,
    /// The target said that it holds the new value. A file that was written says nothing of who reads it.
    pub is_applied: bool,
}

/// A value that somebody else left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The value.
    pub value: Decimal,
    /// The start of the window that saw it first.
    pub at: Timestamp,
}

/// What a person said of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be carried out.
    pub is_approved: bool,
    /// The changes it was said of, as [`changes_text`](crate::changes_text) writes them.
    pub changes: String,
    /// Who said it.
    pub by: String,
    /// Why.
    pub why: Option<String>,
}

impl Verdict {
    /// What was said.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.is_approved { "approved" } else { "rejected" }
    }
}

/// From when on nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Who said so.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// Since when, by the clock on the wall.
    pub at: Timestamp,
}

/// No past: nothing was decided yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPast;

impl Past for NoPast {}
