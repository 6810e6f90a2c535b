//! A row on its way to a decision.

use cpl_plan::{
    program::{Action, Decision as Rule, Program, Step, Via},
    report::{Because, Change, Decision, Pairs, State},
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::{Asked, AskedAction, Identity, amount};
use crate::{alert::are, rule::Verdict};

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
pub struct Leg {
    pub column: String,
    pub from: Decimal,
    pub rises: bool,
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

    /// Rows stand by their key: numbers by size, all else by its letters.
    pub fn order(&self) -> Vec<(Option<Decimal>, String)> {
        self.key.0.iter().map(|(_, value)| (amount::of(value), value.raw())).collect()
    }

    /// What the draft changes: the target with its key parameters, else with the row's key.
    pub fn things(&self, rule: &Rule, program: &Program) -> Vec<String> {
        let things = rule.actions.iter().zip(&self.effects).map(|(action, effect)| {
            let target = &program.targets[via(action).target];
            let marked: Vec<&str> =
                target.parameters.iter().filter(|(.., key)| *key).map(|(name, ..)| name.as_str()).collect();
            let named = |(name, value): &(String, Option<Value>)| {
                Some(format!("{name} {}", value.as_ref().filter(|_| marked.contains(&name.as_str()))?.raw()))
            };
            let parts: Vec<String> = if marked.is_empty() {
                self.key.0.iter().map(|(name, value)| format!("{name} {}", value.raw())).collect()
            } else {
                effect.arguments.iter().filter_map(named).collect()
            };
            let columns: Vec<&str> = effect.legs.iter().map(|leg| leg.column.as_str()).collect();
            format!("{} of {} via {}", columns.join(" and "), parts.join(", "), target.name)
        });
        things.collect()
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
            let arguments = self.passed_on(&Value::Unknown);
            return vec![Change { column: None, from: Value::Unknown, to: Value::Unknown, target, arguments }];
        }
        let change = |leg: &Leg| {
            let to = amount::value(self.to(leg), self.ty);
            Change {
                column: Some(leg.column.clone()),
                from: amount::value(leg.from, self.ty),
                arguments: self.passed_on(&to),
                to,
                target: target.clone(),
            }
        };
        self.legs.iter().map(change).collect()
    }

    fn passed_on(&self, new: &Value) -> Pairs {
        let each =
            |(name, value): &(String, Option<Value>)| (name.clone(), value.clone().unwrap_or_else(|| new.clone()));
        Pairs(self.arguments.iter().map(each).collect())
    }
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
            let unknown: Vec<String> =
                self.conditions.unknown(row).iter().map(|name| why_unknown(name, rule, program)).collect();
            draft.state = State::Undecided;
            draft.reasons = unknown;
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

/// Says why a column of the rule's table may be unknown.
fn why_unknown(name: &str, rule: &Rule, program: &Program) -> String {
    let table = program.table(rule.rows.table);
    match table.column(name).and_then(|_| definition(name, rule, program)) {
        Some(written) => format!("{name} is unknown: {written} divides by zero or has no known value"),
        None => format!("{} unknown", are(&[name.to_owned()])),
    }
}

/// How a column is computed, where the last group computes it.
fn definition(name: &str, rule: &Rule, program: &Program) -> Option<String> {
    let cpl_plan::program::Source::Transform { stages, .. } = &program.table(rule.rows.table).source else {
        return None;
    };
    stages.iter().rev().find_map(|stage| match stage {
        cpl_plan::program::Stage::Group { items, .. } => {
            let (_, value) = items.iter().find(|(item, _)| item == name)?;
            Some(program.definition(value))
        }
        _ => None,
    })
}

pub fn via(action: &Action) -> &Via {
    match action {
        Action::Change { via, .. } | Action::Move { via, .. } | Action::Call { via } => via,
    }
}

impl AskedAction {
    /// What the action does to the row; else why it can't.
    fn effect(&self, action: &Action, row: &[Value]) -> Result<Effect, (State, String)> {
        let arguments: Vec<(String, Option<Value>)> =
            self.arguments.iter().map(|(name, slot)| (name.clone(), slot.map(|slot| row[slot.0].clone()))).collect();
        if let Some((name, _)) = arguments.iter().find(|(_, value)| value.as_ref().is_some_and(Value::is_unknown)) {
            return Err((State::Held, format!("the argument {name} is unknown")));
        }
        let target = via(action).target;
        let (ty, step) = match action {
            Action::Call { .. } => {
                return Ok(Effect { ty: Type::Number, legs: Vec::new(), amount: Decimal::ZERO, arguments, target });
            }
            Action::Change { ty, step, .. } => (*ty, step),
            Action::Move { ty, amount, .. } => (*ty, amount),
        };
        let mut currents = Vec::new();
        for (column, slot) in &self.columns {
            match amount::of(&row[slot.0]) {
                Some(current) => currents.push((column.clone(), current)),
                None => return Err((State::Undecided, format!("{column} is unknown"))),
            }
        }
        let by = self.step.and_then(|slot| amount::of(&row[slot.0]));
        let Some(by) = by else { return Err((State::Undecided, "the size of the change is unknown".to_owned())) };
        let (_, from) = currents[0];
        let difference = match step {
            Step::Share(_) => amount::share(from, by, ty),
            Step::Amount(_) => Some(by),
            Step::To(_) => by.checked_sub(from),
        };
        let Some(difference) = difference else { return Err((State::Held, "the new value is too large".to_owned())) };
        // What is moved leaves the first column; what is changed goes the way of its sign.
        let first_rises = self.columns.len() == 1 && difference >= Decimal::ZERO;
        let forward = self.columns.len() == 1 || difference >= Decimal::ZERO;
        let legs = currents.into_iter().enumerate().map(|(at, (column, from))| {
            let rises = if at == 0 { first_rises } else { true };
            Leg { column, from, rises: if forward { rises } else { !rises } }
        });
        Ok(Effect { ty, legs: legs.collect(), amount: difference.abs(), arguments, target })
    }
}
