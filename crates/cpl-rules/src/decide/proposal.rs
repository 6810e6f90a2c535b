//! A row on its way to a decision.

use cpl_model::{
    program::{Decision as Rule, Program, TargetKind},
    report::{Because, Change, Decision, Pairs, State},
    value::Value,
};

use super::change::{Partner, ProposedChange};
use crate::{identity::Identity, resource::Resource};

/// A row that fires, is held or can't be decided.
pub struct Proposal {
    pub key: Pairs,
    pub state: State,
    /// Why it is held or undecided; else how it was shortened.
    pub reasons: Vec<String>,
    pub because: Vec<Because>,
    pub conditions: Vec<String>,
    pub changes: Vec<ProposedChange>,
    /// The row's values, for guards.
    pub row: Vec<Value>,
    /// The value by which `at most` chooses.
    pub rank: Option<Value>,
}

impl Proposal {
    pub fn hold(&mut self, reason: impl Into<String>) {
        self.state = State::Held;
        self.reasons = vec![reason.into()];
    }

    /// The keys of the rows that it changes: its own, and that of another one that takes from it.
    pub fn keys(&self) -> impl Iterator<Item = &Pairs> {
        let legs = self.changes.iter().flat_map(|change| &change.legs);
        std::iter::once(&self.key).chain(legs.filter_map(|leg| Some(&leg.partner.as_ref()?.key)))
    }

    /// What the proposal changes, each resource once. A call that is only printed changes nothing.
    pub fn resources(&self, program: &Program) -> Vec<Resource> {
        let mut resources = Vec::new();
        for change in &self.changes {
            let target = &program.targets[change.target];
            if change.legs.is_empty() && target.kind == TargetKind::Print {
                continue;
            }
            resources.push(Resource::of(&self.key, &change.arguments, target));
            let partners = change.legs.iter().filter_map(|leg| leg.partner.as_ref());
            resources.extend(partners.map(|partner| Resource::of(&partner.key, &partner.arguments, target)));
        }
        resources.sort();
        resources.dedup();
        resources
    }

    /// The resource that both rows of a move would change.
    pub fn shared_resource(&self, program: &Program) -> Option<Resource> {
        self.changes.iter().find_map(|change| {
            let target = &program.targets[change.target];
            let own = Resource::of(&self.key, &change.arguments, target);
            let partners = change.legs.iter().filter_map(|leg| leg.partner.as_ref());
            let same = |partner: &Partner| Resource::of(&partner.key, &partner.arguments, target) == own;
            partners.into_iter().any(same).then_some(own)
        })
    }

    pub fn decision(self, rule: &Rule, program: &Program, identity: &Identity<'_>) -> Decision {
        let changes = if self.state == State::Undecided { Vec::new() } else { self.reported(program) };
        Decision {
            id: identity.decision(&rule.name, &self.key),
            rule: rule.name.clone(),
            key: self.key,
            state: self.state,
            reason: (!self.reasons.is_empty()).then(|| self.reasons.join("; ")),
            because: self.because,
            changes,
            conditions: self.conditions,
        }
    }

    fn reported(&self, program: &Program) -> Vec<Change> {
        self.changes.iter().flat_map(|change| change.reported(program)).collect()
    }
}
