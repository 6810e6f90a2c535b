//! The chain: each row's hash is that of the row and of the hash before it (SHA-256, FIPS 180-4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The end of the chain: the last row's number and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTip {
    /// Rows are counted from 1 on, over all tables.
    pub serial: i64,
    /// In hexadecimal.
    pub hash: String,
}

impl ChainTip {
    /// Of a ledger without rows: the hash of its lineage.
    pub fn genesis(lineage: &str) -> Self {
        Self { serial: 0, hash: sha256(lineage) }
    }

    /// Behind one row more.
    pub fn append(&self, table: &str, row: &Map<String, Value>) -> Self {
        let serial = self.serial + 1;
        let fields = row.iter().map(|(name, value)| (name.as_str(), value));
        Self { serial, hash: hash(&self.hash, table, serial, fields) }
    }
}

/// The hash of a row that follows another one. What a row lacks is left out: a column that is added later changes no hash.
pub fn hash<'r>(before: &str, table: &str, serial: i64, row: impl Iterator<Item = (&'r str, &'r Value)>) -> String {
    let row: BTreeMap<&str, &Value> = row.filter(|(_, value)| !value.is_null()).collect();
    let text = serde_json::to_vec(&(before, table, serial, row));
    sha256(text.unwrap_or_else(|error| unreachable!("plain values: {error}")))
}

/// SHA-256 of a text, in hexadecimal.
pub fn sha256(text: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::ChainTip;

    /// Rows keep their hashes in each version, else all ledgers were damaged: computed by Python's `hashlib` over compact JSON of
    /// `["ab", table, number, row]`, names in order.
    #[test]
    fn hashes_stay_what_they_are() {
        let row = |row: Value| -> Map<String, Value> { serde_json::from_value(row).unwrap_or_default() };
        let tip = |serial| ChainTip { serial, hash: "ab".to_owned() };
        let decision = row(json!({
            "run": 2, "id": "d\"1\"", "rule": "größer", "key": "{\"n\":-5}", "reason": null, "because": "[]", "state": "held",
        }));
        let after = tip(2).append("decisions", &decision);
        assert_eq!(after.serial, 3);
        assert_eq!(after.hash, "ca0205e2bc67003f4c0f352445fd946d3f5f30b89aa029f49d994f1cc01ec031");
        let step = row(json!({ "effect": -4, "state": "sent", "at": 12, "why": null }));
        let after = tip(8).append("steps", &step);
        assert_eq!(after.hash, "53f21191b245b1079072f2943594207c69db7ff1e545cd201a5f02f4c7e5ea11");
    }
}
