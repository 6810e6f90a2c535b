//! A row on its way to a decision.

use std::fmt;

use cpl_plan::{
    program::{Action, Decision as Rule, Program, Step, Target, TargetKind},
    report::{Because, Change, Decision, Pairs, State},
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::{Asked, AskedAction, Identity, amount};
use crate::{rule::Verdict, why::Traced};

/// A row that fires, is held or can't be decided.
pub struct Draft {
    pub key: Pairs,
    pub state: State,
    /// Why it is held or undecided; else how it was shortened.
    pub reasons: Vec<String>,
    pub because: Vec<Because>,
    pub conditions: Vec<String>,
    pub effects: Vec<Effect>,
    /// The row's values, for guards.
    pub row: Vec<Value>,
    /// The value by which `at most` chooses.
    pub first: Option<Value>,
}

/// The thing changed: the target with those of its parameters that are marked `key`, else with the row's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    target: String,
    /// Names and raw values, by name.
    key: Vec<(String, String)>,
}

impl Thing {
    fn of(row: &Pairs, arguments: &[(String, Option<Value>)], target: &Target) -> Self {
        let marked = |name: &str| target.parameters.iter().any(|parameter| parameter.key && parameter.name == name);
        let raw = |name: &String, value: &Value| (name.clone(), value.raw());
        let named: Vec<(String, String)> = arguments
            .iter()
            .filter(|(name, _)| marked(name))
            .filter_map(|(name, value)| Some(raw(name, value.as_ref()?)))
            .collect();
        let own = || row.0.iter().map(|(name, value)| raw(name, value)).collect();
        let mut key = if named.is_empty() { own() } else { named };
        key.sort();
        Self { target: target.name.clone(), key }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<String> =
            self.key.iter().map(|(name, value)| format!("{name} {}", Value::Text(value.clone()))).collect();
        write!(f, "{} via {}", key.join(", "), self.target)
    }
}

/// What one action does to a row.
pub struct Effect {
    pub ty: Type,
    /// The columns changed; none for a call.
    pub legs: Vec<Leg>,
    /// By how much each of them is changed; never negative.
    pub amount: Decimal,
    /// What is passed on; none where the new value goes.
    pub arguments: Vec<(String, Option<Value>)>,
    pub target: usize,
}

/// One column that an effect changes.
#[derive(Clone)]
pub struct Leg {
    pub column: String,
    pub from: Decimal,
    pub rises: bool,
    /// The other row, if it is that one's column.
    pub partner: Option<Partner>,
}

/// The row to which another one's amount is moved.
#[derive(Clone)]
pub struct Partner {
    pub key: Pairs,
    pub row: Vec<Value>,
    pub arguments: Vec<(String, Option<Value>)>,
}

impl Effect {
    /// The new value of a leg.
    pub fn to(&self, leg: &Leg) -> Decimal {
        if leg.rises { leg.from + self.amount } else { leg.from - self.amount }
    }
}

impl Draft {
    pub fn hold(&mut self, reason: impl Into<String>) {
        self.state = State::Held;
        self.reasons = vec![reason.into()];
    }

    /// What the draft changes, each thing once. A call that is only printed changes nothing.
    pub fn things(&self, program: &Program) -> Vec<Thing> {
        let mut things = Vec::new();
        for effect in &self.effects {
            let target = &program.targets[effect.target];
            if effect.legs.is_empty() && target.kind == TargetKind::Print {
                continue;
            }
            things.push(Thing::of(&self.key, &effect.arguments, target));
            let partners = effect.legs.iter().filter_map(|leg| leg.partner.as_ref());
            things.extend(partners.map(|partner| Thing::of(&partner.key, &partner.arguments, target)));
        }
        things.sort();
        things.dedup();
        things
    }

    /// The thing that both rows of a move would change.
    pub fn one_thing(&self, program: &Program) -> Option<Thing> {
        self.effects.iter().find_map(|effect| {
            let target = &program.targets[effect.target];
            let own = Thing::of(&self.key, &effect.arguments, target);
            let partners = effect.legs.iter().filter_map(|leg| leg.partner.as_ref());
            let same = |partner: &Partner| Thing::of(&partner.key, &partner.arguments, target) == own;
            partners.into_iter().any(same).then_some(own)
        })
    }

    pub fn decision(self, rule: &Rule, program: &Program, identity: &Identity<'_>) -> Decision {
        let changes = if self.state == State::Undecided { Vec::new() } else { self.changes(program) };
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

    fn changes(&self, program: &Program) -> Vec<Change> {
        self.effects.iter().flat_map(|effect| effect.changes(program)).collect()
    }
}

impl Effect {
    fn changes(&self, program: &Program) -> Vec<Change> {
        let target = program.targets[self.target].name.clone();
        if self.legs.is_empty() {
            let arguments = passed_on(&self.arguments, &Value::Unknown);
            return vec![Change {
                row: None,
                column: None,
                from: Value::Unknown,
                to: Value::Unknown,
                target,
                arguments,
            }];
        }
        let change = |leg: &Leg| {
            let to = amount::value(self.to(leg), self.ty);
            Change {
                row: leg.partner.as_ref().map(|partner| partner.key.clone()),
                column: Some(leg.column.clone()),
                from: amount::value(leg.from, self.ty),
                arguments: self.passed_on_of(leg, &to),
                to,
                target: target.clone(),
            }
        };
        self.legs.iter().map(change).collect()
    }

    /// What goes with one of two columns that change together: not the other's new value.
    fn passed_on_of(&self, leg: &Leg, new: &Value) -> Pairs {
        let others = |name: &str| self.legs.iter().any(|other| other.column == name && other.column != leg.column);
        let arguments = leg.partner.as_ref().map_or(&self.arguments, |partner| &partner.arguments);
        let mut pairs = passed_on(arguments, new);
        let given = |name: &str| arguments.iter().any(|(argument, value)| argument == name && value.is_some());
        pairs.0.retain(|(name, _)| given(name) || !others(name));
        pairs
    }
}

fn passed_on(arguments: &[(String, Option<Value>)], new: &Value) -> Pairs {
    let each = |(name, value): &(String, Option<Value>)| (name.clone(), value.clone().unwrap_or_else(|| new.clone()));
    Pairs(arguments.iter().map(each).collect())
}

impl Asked {
    /// The draft of a row; none where its conditions do not hold.
    pub(super) fn draft(&self, row: &[Value], rule: &Rule, program: &Program) -> Option<Draft> {
        let verdict = self.conditions.verdict(row);
        if verdict == Verdict::Quiet {
            return None;
        }
        let mut draft = Draft {
            key: self.conditions.key(row),
            state: State::Fires,
            reasons: Vec::new(),
            because: self.conditions.because(row),
            conditions: self.conditions.told(row, program),
            effects: Vec::new(),
            row: row.to_vec(),
            first: self.first.map(|slot| row[slot.0].clone()),
        };
        if verdict == Verdict::Undecided {
            draft.state = State::Undecided;
            draft.reasons = self.conditions.unknown(row);
            return Some(draft);
        }
        if let Some((name, _)) = draft.key.0.iter().find(|(_, value)| value.is_unknown()) {
            let reason = format!("its {name} is unknown: a row without a name is never acted on");
            draft.hold(reason);
            return Some(draft);
        }
        for (action, asked) in rule.actions.iter().zip(&self.actions) {
            match asked.effect(action, row) {
                Ok(effect) => draft.effects.push(effect),
                Err((state, reason)) => {
                    draft.state = state;
                    draft.reasons = vec![reason];
                    draft.effects.clear();
                    return Some(draft);
                }
            }
        }
        Some(draft)
    }
}

/// What may be changed, and by how much, at most: sums of a million of them are still exact.
const LARGEST: Decimal = Decimal::from_parts(0, 0, 54, false, 0);

/// A value as an amount; a row without it is undecided.
fn amount(traced: &Traced, row: &[Value]) -> Result<Decimal, (State, String)> {
    amount::of(traced.value(row)).ok_or_else(|| (State::Undecided, traced.why_unknown(row)))
}

impl AskedAction {
    /// What the action does to the row; else why it can't.
    fn effect(&self, action: &Action, row: &[Value]) -> Result<Effect, (State, String)> {
        let mut arguments = Vec::new();
        for (name, traced) in &self.arguments {
            let value = traced.as_ref().map(|traced| traced.value(row).clone());
            if let Some((traced, Value::Unknown)) = traced.as_ref().zip(value.as_ref()) {
                return Err((State::Held, format!("the argument {name}: {}", traced.why_unknown(row))));
            }
            arguments.push((name.clone(), value));
        }
        let target = action.via().target;
        let (ty, step) = match action {
            Action::Call { .. } => {
                return Ok(Effect { ty: Type::Number, legs: Vec::new(), amount: Decimal::ZERO, arguments, target });
            }
            Action::Change { ty, step, .. } => (*ty, step),
            Action::Move { ty, amount, .. } | Action::MoveRows { ty, amount, .. } => (*ty, amount),
        };
        let mut currents = Vec::new();
        for (column, traced) in &self.columns {
            currents.push((column.clone(), amount(traced, row)?));
        }
        let by = self.step.as_ref().map_or(Ok(Decimal::ZERO), |step| amount(step, row))?;
        let (_, from) = currents[0];
        let difference = match step {
            Step::Share(_) => amount::share(from, by, ty),
            Step::Amount(_) => Some(by),
            Step::To(_) => by.checked_sub(from),
        };
        let largest = currents.iter().map(|(_, current)| current.abs()).chain(difference.map(|by| by.abs())).max();
        let Some(difference) = difference.filter(|_| largest.is_none_or(|largest| largest <= LARGEST)) else {
            return Err((State::Held, "the new value is too large".to_owned()));
        };
        // What is moved leaves the first column; what is changed goes the way of its sign.
        let is_changed = matches!(action, Action::Change { .. });
        let first_rises = is_changed && difference >= Decimal::ZERO;
        let forward = is_changed || difference >= Decimal::ZERO;
        let legs = currents.into_iter().enumerate().map(|(at, (column, from))| {
            let rises = if at == 0 { first_rises } else { true };
            Leg { column, from, rises: if forward { rises } else { !rises }, partner: None }
        });
        Ok(Effect { ty, legs: legs.collect(), amount: difference.abs(), arguments, target })
    }
}
