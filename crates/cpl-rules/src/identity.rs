//! Identities: a decision is (workspace, pipeline, rule, row key, window, generation), and nothing else.

use cpl_model::report::Pairs;
use sha2::{Digest, Sha256};

use crate::past::Past;

/// What all decisions of a run share.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The workspace.
    pub workspace: &'a str,
    /// The pipeline.
    pub pipeline: &'a str,
    /// The window, by its name.
    pub window: &'a str,
}

impl Identity<'_> {
    /// SHA-256 over the JSON array of the six, in hexadecimal, of the generation that is not taken anew.
    #[must_use]
    pub fn decision(&self, rule: &str, key: &Pairs, past: &dyn Past) -> String {
        self.generations(rule, key, past).pop().unwrap_or_default()
    }

    /// The same of all generations up to that one.
    #[must_use]
    pub fn generations(&self, rule: &str, key: &Pairs, past: &dyn Past) -> Vec<String> {
        let key: Vec<String> = key.0.iter().map(|(_, value)| value.raw()).collect();
        let mut ids = Vec::new();
        loop {
            let six = serde_json::json!([self.workspace, self.pipeline, rule, key, self.window, ids.len()]);
            let id = sha256(&six.to_string());
            let is_redone = past.is_redone(&id);
            ids.push(id);
            if !is_redone {
                return ids;
            }
        }
    }
}

/// The identity of the decision that takes one back.
#[must_use]
pub fn undo_of(decision: &str) -> String {
    sha256(&serde_json::json!(["undo", decision]).to_string())
}

/// SHA-256 of a text, in hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// As many letters of an identity as people are shown.
const SHORT: usize = 12;

/// The beginning of an identity.
#[must_use]
pub fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}
