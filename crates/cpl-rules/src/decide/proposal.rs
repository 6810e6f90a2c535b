//! A row on its way to a decision.

use cpl_model::{
    program::{Decision as Rule, Program, TargetKind},
    report::{Because, Change, Decision, Pairs, State},
    resource::Resource,
    value::Value,
};

use super::{
    change::{Partner, ProposedChange},
    context::GuardContext,
};

/// A row that fires, is held or can't be decided.
pub struct Proposal {
    pub key: Pairs,
    pub state: State,
    /// Why it is held or undecided; else how it was shortened.
    pub reasons: Vec<String>,
    pub because: Vec<Because>,
    pub conditions: Vec<String>,
    pub changes: Vec<ProposedChange>,
    /// A person has not approved it yet.
    pub awaits_approval: bool,
    /// The row's values, for guards.
    pub row: Vec<Value>,
    /// The value by which `at most` chooses.
    pub rank: Option<Value>,
    /// The identities of its decision, the one that counts last; empty until guards look at it.
    pub generations: Vec<String>,
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

    /// The row that a change concerns, and the resource that it changes.
    pub fn changed<'p>(
        &'p self,
        change: &'p ProposedChange,
        partner: Option<&'p Partner>,
        program: &Program,
    ) -> (&'p Pairs, Resource) {
        let (row, arguments) =
            partner.map_or((&self.key, &change.arguments), |partner: &'p Partner| (&partner.key, &partner.arguments));
        (row, Resource::of(&row.0, arguments, &program.targets[change.target]))
    }

    /// What the proposal changes, each resource once, and the rows that do. A call that is only printed changes nothing.
    pub fn resources_of_rows(&self, program: &Program) -> Vec<(Resource, &Pairs)> {
        let mut found: Vec<(Resource, &Pairs)> = Vec::new();
        for change in &self.changes {
            if change.legs.is_empty() && program.targets[change.target].kind == TargetKind::Print {
                continue;
            }
            let partners = change.legs.iter().filter_map(|leg| leg.partner.as_ref()).map(Some);
            for partner in std::iter::once(None).chain(partners) {
                let (row, resource) = self.changed(change, partner, program);
                if !found.iter().any(|(before, _)| *before == resource) {
                    found.push((resource, row));
                }
            }
        }
        found
    }

    /// What the proposal changes, each resource once.
    pub fn resources(&self, program: &Program) -> Vec<Resource> {
        self.resources_of_rows(program).into_iter().map(|(resource, _)| resource).collect()
    }

    /// The resource that both rows of a move would change.
    pub fn shared_resource(&self, program: &Program) -> Option<Resource> {
        self.changes.iter().find_map(|change| {
            let (_, own) = self.changed(change, None, program);
            let partners = change.legs.iter().filter_map(|leg| leg.partner.as_ref());
            let same = |partner: &Partner| self.changed(change, Some(partner), program).1 == own;
            partners.into_iter().any(same).then_some(own)
        })
    }

    pub fn decision(self, rule: &Rule, program: &Program, context: &GuardContext<'_>) -> Decision {
        let changes = if self.state == State::Undecided { Vec::new() } else { self.reported(program) };
        let id = self.generations.last().cloned();
        Decision {
            id: id.unwrap_or_else(|| context.identity.decision(&rule.name, &self.key, context.past)),
            rule: rule.name.clone(),
            key: self.key,
            state: self.state,
            reason: (!self.reasons.is_empty()).then(|| self.reasons.join("; ")),
            because: self.because,
            changes,
            awaits_approval: self.awaits_approval,
            conditions: self.conditions,
            undoes: None,
        }
    }

    /// Its changes, as they are reported.
    pub fn reported(&self, program: &Program) -> Vec<Change> {
        let each = |change: &ProposedChange| {
            let is_printed = program.targets[change.target].kind == TargetKind::Print;
            let resource = |partner: Option<&Partner>| {
                (!change.legs.is_empty() || !is_printed).then(|| self.changed(change, partner, program).1)
            };
            change.reported(program, &resource)
        };
        self.changes.iter().flat_map(each).collect()
    }
}
