//! What one action does to a row: how much a column rises or falls, and what is passed on.

use cpl_model::{
    program::Program,
    report::{Change, Decision, Pairs},
    resource::Resource,
    types::Type,
    value::Value,
};
use rust_decimal::Decimal;

use super::amount;
use crate::identity::undo_of;

/// What one action does to a row.
pub struct ProposedChange {
    pub ty: Type,
    /// The columns changed; none for a call.
    pub legs: Vec<Leg>,
    /// By how much each of them is changed; never negative.
    pub amount: Decimal,
    /// What is passed on; none where the new value goes.
    pub arguments: Vec<(String, Option<Value>)>,
    pub target: usize,
    /// The smallest step of the value that the target takes; none for floats.
    pub step: Option<Decimal>,
}

/// One column that an effect changes.
#[derive(Clone)]
pub struct Leg {
    pub column: String,
    pub from: Decimal,
    pub rises: bool,
    /// The other row, if it is that one's column.
    pub partner: Option<Partner>,
    /// This run is the first to see that somebody else changed it.
    pub is_first_seen: bool,
}

/// The row to which another one's amount is moved.
#[derive(Clone)]
pub struct Partner {
    pub key: Pairs,
    pub row: Vec<Value>,
    pub arguments: Vec<(String, Option<Value>)>,
}

impl ProposedChange {
    /// The new value of a leg.
    pub fn to(&self, leg: &Leg) -> Decimal {
        if leg.rises { leg.from + self.amount } else { leg.from - self.amount }
    }
}

impl ProposedChange {
    /// What of its resource a leg changes: the parameter that takes the new value, else the column.
    pub fn setting<'s>(&'s self, leg: &'s Leg) -> &'s str {
        let arguments = leg.partner.as_ref().map_or(&self.arguments, |partner| &partner.arguments);
        let mut new = arguments.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name);
        if new.clone().any(|name| *name == leg.column) {
            return &leg.column;
        }
        match (new.next(), new.next()) {
            (Some(only), None) => only,
            _ => &leg.column,
        }
    }

    /// As it is reported, an effect each; `resource` says what a row changes, by the row that another one's amount goes to.
    pub fn reported(&self, program: &Program, resource: &dyn Fn(Option<&Partner>) -> Option<Resource>) -> Vec<Change> {
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
                resource: resource(None),
                setting: None,
                is_first_seen: false,
                undo: None,
            }];
        }
        let change = |leg: &Leg| {
            let (from, to) = (amount::value(leg.from, self.ty), amount::value(self.to(leg), self.ty));
            Change {
                row: leg.partner.as_ref().map(|partner| partner.key.clone()),
                column: Some(leg.column.clone()),
                arguments: self.passed_on_of(leg, &to),
                undo: Some(self.passed_on_of(leg, &from)),
                from,
                to,
                target: target.clone(),
                resource: resource(leg.partner.as_ref()),
                setting: Some(self.setting(leg).to_owned()),
                is_first_seen: leg.is_first_seen,
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

/// The decision that takes one back: each setting gets the value that it had. Calls are left as they are: nothing takes
/// them back.
#[must_use]
pub fn reversed(decision: &Decision) -> Decision {
    let change = |change: &Change| match &change.undo {
        None => change.clone(),
        Some(arguments) => Change {
            from: change.to.clone(),
            to: change.from.clone(),
            arguments: arguments.clone(),
            undo: Some(change.arguments.clone()),
            ..change.clone()
        },
    };
    Decision {
        id: undo_of(&decision.id),
        undoes: Some(decision.id.clone()),
        changes: decision.changes.iter().map(change).collect(),
        conditions: Vec::new(),
        ..decision.clone()
    }
}

/// Changes as a text: two are the same where their texts are.
#[must_use]
pub fn changes_text(changes: &[Change]) -> String {
    serde_json::to_string(changes).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
