//! Identities: a decision is (workspace, pipeline, rule, row key, window, generation), and nothing else.

use std::fmt::Write;

use cpl_model::report::Pairs;
use sha2::{Digest, Sha256};

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
    /// SHA-256 over the JSON array of the six, in hexadecimal. The generation is 0: nothing is redone yet.
    #[must_use]
    pub fn decision(&self, rule: &str, key: &Pairs) -> String {
        let key: Vec<String> = key.0.iter().map(|(_, value)| value.raw()).collect();
        let six = serde_json::json!([self.workspace, self.pipeline, rule, key, self.window, 0]);
        let mut id = String::new();
        for byte in Sha256::digest(six.to_string()) {
            let _ = write!(id, "{byte:02x}");
        }
        id
    }
}

/// As many letters of an identity as people are shown.
const SHORT: usize = 12;

/// The beginning of an identity.
#[must_use]
pub fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}
