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

#[cfg(test)]
mod tests {
    use cpl_model::{report::Pairs, value::Value};

    use super::{Identity, short, undo_of};
    use crate::past::{NoPast, Past};

    /// What a person wants taken anew.
    struct Redone(&'static str);

    impl Past for Redone {
        fn is_redone(&self, decision: &str) -> bool {
            decision == self.0
        }
    }

    const FIRST: &str = "78ba58baf86ad5d6f93ca35bfc4802f98d04e8a23d80346253c8e9de2d5f1f8f";
    const SECOND: &str = "85cbc07b83f83f82ad07697306de3474a70ad98fdc0bd50ce541322a0f9f3d3e";

    /// Whoever has lost a ledger must get the same identities again, in each version: computed by Python's `hashlib` over
    /// `["w","p","raise",["google","2026-11-19"],"2026-11-20",0]`, and with 1.
    #[test]
    fn identities_stay_what_they_are() {
        let identity = Identity { workspace: "w", pipeline: "p", window: "2026-11-20" };
        let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
        let key = Pairs(vec![text("channel", "google"), text("day", "2026-11-19")]);
        assert_eq!(identity.generations("raise", &key, &NoPast), [FIRST]);
        assert_eq!(identity.generations("raise", &key, &Redone(FIRST)), [FIRST, SECOND]);
        assert_eq!(identity.decision("raise", &key, &Redone(FIRST)), SECOND);
    }

    /// Over `["undo", …]`.
    #[test]
    fn what_takes_a_decision_back_has_an_identity_of_its_own() {
        assert_eq!(undo_of(FIRST), "5e28c8bc05856a393678b9c5b785da995e07619f47c72d9b17ca5172b6b55cd4");
        assert_eq!((short(FIRST), short("ab")), ("78ba58baf86a", "ab"));
    }
}
