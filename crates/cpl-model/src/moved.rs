//! What moved the constraint.

use serde::Serialize;

use crate::value::Value;

/// What moved the constraint from its value of the window before: parts that add up to the change.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// The change, in the constraint's unit.
    pub change: Value,
    /// What each value of the dashboard's column contributed, the largest first; empty where it has none.
    pub groups: Vec<MovedBy>,
    /// What each driver contributed, where the constraint is a product or a quotient of them; else empty.
    pub drivers: Vec<MovedDriver>,
}

/// What a group contributed.
#[derive(Clone, Debug, Serialize)]
pub struct MovedBy {
    /// The group.
    pub value: Value,
    /// What it contributed.
    pub change: Value,
    /// That of its own value: it became dearer. Unknown where it has none in one of the windows; of plain sums.
    pub rate: Value,
    /// That of its share of the whole: there is more of it, and it is dearer than the others.
    pub share: Value,
}

/// What a driver contributed.
#[derive(Clone, Debug, Serialize)]
pub struct MovedDriver {
    /// Its name.
    pub metric: String,
    /// What it contributed.
    pub change: Value,
}
