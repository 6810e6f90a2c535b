//! A past that a test writes down.

use cpl_model::resource::Resource;
use jiff::Timestamp;

use crate::past::{Changed, Observed, Past, PastChange, Verdict};

/// What was decided, changed and seen before.
#[derive(Default)]
pub struct Given {
    pub done: Vec<String>,
    pub changes: Vec<(Resource, PastChange)>,
    pub observed: Option<Observed>,
    pub verdict: Option<Verdict>,
}

impl Given {
    fn of<'g>(&'g self, resource: &'g Resource) -> impl Iterator<Item = &'g PastChange> {
        self.changes.iter().filter(move |(changed, _)| changed == resource).map(|(_, change)| change)
    }
}

impl Past for Given {
    fn outcome(&self, decision: &str) -> Option<String> {
        self.done.iter().any(|done| done == decision).then(|| "done already in this window".to_owned())
    }

    fn done(&self, _: &str) -> usize {
        self.done.len()
    }

    fn changes_since(&self, of: Changed<'_>, after: Timestamp) -> Vec<PastChange> {
        self.of(of.resource).filter(|change| change.at > after).cloned().collect()
    }

    fn last_change(&self, of: Changed<'_>, setting: Option<&str>) -> Option<PastChange> {
        let is_wanted = |change: &&PastChange| setting.is_none() || change.setting.as_deref() == setting;
        self.of(of.resource).filter(is_wanted).max_by_key(|change| change.at).cloned()
    }

    fn observed(&self, _: Changed<'_>, _: &str) -> Option<Observed> {
        self.observed.clone()
    }

    fn verdict(&self, _: &str) -> Option<Verdict> {
        self.verdict.clone()
    }
}
