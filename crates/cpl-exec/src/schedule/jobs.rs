//! What is run in one call, by what it is for.

use std::collections::BTreeMap;

use cpl_model::program::TableId;
use cpl_plan::{plan::NodeId, query::QueryId};

use crate::operator::{BuildSide, PartialPlan, UnmatchedCounts};

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// The rows of a node, for later stages.
    Materialize(NodeId),
    /// The answer to a query.
    Answer(QueryId),
    /// How many rows of a rule are quiet.
    Quiet(QueryId),
    /// The quiet rows of a rule that lack the least.
    Nearest(QueryId),
    /// How many rows of the joins that begin with this one have no match.
    Unmatched(NodeId),
    /// How many amounts of a fetch were rounded.
    Rounded(TableId),
}

/// Frames to be run, each once, by what it is for.
#[derive(Default)]
pub struct Jobs {
    plans: BTreeMap<Output, Job>,
}

/// One frame.
pub struct Job {
    /// How it is made of parts.
    pub plan: PartialPlan,
    /// Of groups that are made of parts: the operators that come after them.
    pub then: Vec<NodeId>,
    /// Of unmatched rows: the joins.
    pub joins: Vec<BuildSide>,
}

impl Jobs {
    /// Adds a frame.
    pub fn add(&mut self, output: Output, plan: PartialPlan) {
        self.plans.insert(output, Job { plan, then: Vec::new(), joins: Vec::new() });
    }

    /// Adds groups of a node, which operators come after.
    pub fn add_groups(&mut self, output: Output, plan: PartialPlan, then: Vec<NodeId>) {
        self.plans.insert(output, Job { plan, then, joins: Vec::new() });
    }

    /// Adds the counts of joins' unmatched rows.
    pub fn add_unmatched(&mut self, unmatched: UnmatchedCounts) {
        let UnmatchedCounts { joins, counts } = unmatched;
        let Some(first) = joins.first().map(|side| side.join) else { return };
        self.plans.insert(Output::Unmatched(first), Job { plan: counts, then: Vec::new(), joins });
    }

    /// Adds a frame that is merged of parts.
    pub fn add_finished(&mut self, output: Output, plan: PartialPlan, joins: Vec<BuildSide>) {
        self.plans.insert(output, Job { plan, then: Vec::new(), joins });
    }

    /// All of them.
    pub fn into_iter(self) -> impl Iterator<Item = (Output, Job)> {
        self.plans.into_iter()
    }

    /// Whether something holds of all of them.
    pub fn all(&self, holds: impl Fn(&Job) -> bool) -> bool {
        self.plans.values().all(holds)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }
}
