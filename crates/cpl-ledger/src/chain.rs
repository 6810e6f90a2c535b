//! The chain: each row's hash is that of the row and of the hash before it (SHA-256, FIPS 180-4).

use std::{collections::BTreeMap, fmt::Write};

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
        Self { serial: 0, hash: hex(&Sha256::digest(lineage)) }
    }

    /// Behind one row more.
    pub fn append(&self, table: &str, row: &Map<String, Value>) -> Self {
        let serial = self.serial + 1;
        Self { serial, hash: hash(&self.hash, table, serial, row) }
    }
}

/// The hash of a row that follows another one. What a row lacks is left out: a column that is added later changes no hash.
pub fn hash(before: &str, table: &str, serial: i64, row: &Map<String, Value>) -> String {
    let row: BTreeMap<&str, &Value> =
        row.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value)).collect();
    hex(&Sha256::digest(serde_json::json!([before, table, serial, row]).to_string()))
}

/// SHA-256 of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
