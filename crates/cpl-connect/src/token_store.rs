//! Where tokens are kept from one run to the next: files that nobody else reads.

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::private_folder::PrivateFolder;

/// A folder of tokens, a file each. One that can't be written is no error: the next run requests a token of its own.
pub struct TokenStore {
    folder: PrivateFolder,
}

/// A token as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredToken {
    /// The token.
    pub access_token: String,
    /// Until when it is used, in seconds since 1970; none where its server does not tell.
    pub holds_until: Option<i64>,
    /// What the next one is requested by, where its server gave another.
    pub refresh_token: Option<String>,
}

impl TokenStore {
    /// In a folder, which is made when there is something to keep.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: PrivateFolder::new(folder) }
    }

    /// The name of a token by a text that may hold secrets.
    pub(crate) fn id(text: &str) -> String {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let first: [u8; 16] = std::array::from_fn(|at| digest[at]);
        format!("{:032x}", u128::from_be_bytes(first))
    }

    /// The token of that name.
    pub(crate) fn read(&self, id: &str) -> Option<StoredToken> {
        serde_json::from_slice(&self.folder.read(&file(id)).ok()?).ok()
    }

    /// Keeps a token.
    pub(crate) fn write(&self, id: &str, token: &StoredToken) {
        let _not_kept = self.try_write(id, token);
    }

    fn try_write(&self, id: &str, token: &StoredToken) -> io::Result<()> {
        self.folder.write(&file(id), &serde_json::to_vec(token)?)
    }
}

fn file(id: &str) -> String {
    format!("{id}.json")
}
