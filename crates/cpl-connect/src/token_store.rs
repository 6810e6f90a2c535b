//! Where tokens are kept from one run to the next: files that nobody else reads.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A folder of tokens, a file each. One that can't be written is no error: the next run requests a token of its own.
pub struct TokenStore {
    folder: PathBuf,
}

/// A token as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredToken {
    /// What says who asks.
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
        Self { folder }
    }

    /// The name of a token by a text that may hold secrets.
    pub(crate) fn id(text: &str) -> String {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let first: [u8; 16] = std::array::from_fn(|at| digest[at]);
        format!("{:032x}", u128::from_be_bytes(first))
    }

    /// The token of that name.
    pub(crate) fn read(&self, id: &str) -> Option<StoredToken> {
        serde_json::from_slice(&fs::read(self.file(id)).ok()?).ok()
    }

    /// Keeps a token.
    pub(crate) fn write(&self, id: &str, token: &StoredToken) {
        let _not_kept = self.try_write(id, token);
    }

    fn try_write(&self, id: &str, token: &StoredToken) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // Nobody commits them.
        let ignored = self.folder.join(".gitignore");
        if !ignored.exists() {
            fs::write(ignored, "*\n")?;
        }
        let new = self.folder.join(format!("{id}.{}.new", std::process::id()));
        let _left_by_a_run_that_was_killed = fs::remove_file(&new);
        let written = private(&new).and_then(|mut file| file.write_all(&serde_json::to_vec(token)?));
        written.and_then(|()| fs::rename(&new, self.file(id))).inspect_err(|_| drop(fs::remove_file(&new)))
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

/// A new file that nobody but its owner reads.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
