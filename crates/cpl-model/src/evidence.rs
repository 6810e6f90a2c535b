//! The values that a decision rests on.

use serde::Serialize;

use crate::{pairs::Pairs, value::Value};

/// A value a rule looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Because {
    /// As the pipeline writes it.
    pub text: String,
    /// What it was.
    pub value: Value,
    /// How sure that is, for each condition that asks it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sure: Vec<Sure>,
    /// What is usual of it, for each condition that asks whether it breaks its pattern.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usual: Vec<Usual>,
}

/// How sure a condition is of a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sure {
    /// The condition, as the pipeline writes it.
    pub condition: String,
    /// How sure it is, from 0 to 1.
    pub sure: f64,
    /// How sure it must be.
    pub least: f64,
    /// The value is, as sure as that, above this.
    pub low: Value,
    /// And below this; unknown where it is not surely below anything.
    pub high: Value,
    /// What was counted.
    pub counted: Pairs,
    /// From which count on it would be sure at the same average; none where it is, or would never be.
    pub from: Option<i64>,
    /// How many times as much days scatter as by chance, as a variance: 1 where they do not, or there are none.
    pub scatter: f64,
}

/// What is usual of a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Usual {
    /// The condition, as the pipeline writes it.
    pub condition: String,
    /// The usual value; unknown where too little is known to tell it.
    pub usual: Value,
    /// The lowest value that does not break the pattern.
    pub low: Value,
    /// The highest.
    pub high: Value,
    /// How many of the periods that are looked back on have a value.
    pub known: Value,
    /// The usual count that the value rests on; unknown where it rests on none.
    pub count: Value,
}
