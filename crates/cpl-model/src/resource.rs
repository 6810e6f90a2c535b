//! The thing that a change changes: by it cooldowns, limits and conflicts are counted.

use std::fmt;

use crate::{program::Target, value::Value};

/// The target with those of its parameters that are marked `key`, whether a rule or the target gives them; else with the row's
/// key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    target: String,
    /// Names and raw values, by name.
    key: Vec<(String, String)>,
}

impl Resource {
    /// What a row changes through a target.
    #[must_use]
    pub fn of(row: &[(String, Value)], arguments: &[(String, Option<Value>)], target: &Target) -> Self {
        let marked = |name: &str| target.parameters.iter().any(|parameter| parameter.key && parameter.name == name);
        let raw = |name: &String, value: &Value| (name.clone(), value.raw());
        let named: Vec<(String, String)> = arguments
            .iter()
            .filter(|(name, _)| marked(name))
            .filter_map(|(name, value)| Some(raw(name, value.as_ref()?)))
            .collect();
        let named: Vec<(String, String)> = named.into_iter().chain(target.given_keys.iter().cloned()).collect();
        let own = || row.iter().map(|(name, value)| raw(name, value)).collect();
        let mut key = if named.is_empty() { own() } else { named };
        key.sort();
        Self { target: target.name.clone(), key }
    }

    /// The name of its target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Names and raw values, by name.
    #[must_use]
    pub fn key(&self) -> &[(String, String)] {
        &self.key
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<String> =
            self.key.iter().map(|(name, value)| format!("{name} {}", Value::Text(value.clone()))).collect();
        write!(f, "{} via {}", key.join(", "), self.target)
    }
}
