//! Secrets: values that stand outside the pipeline's file, and are shown nowhere.

use std::{fmt, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// A secret's value. Nothing prints it; its memory is cleared when it is no longer needed.
#[derive(Clone)]
pub struct Secret {
    value: SecretString,
    /// It stands in a file that everybody reads: there is nothing to hide.
    known: bool,
}

/// The fewest bytes of a secret that is told from words and numbers that have nothing to do with it.
pub const SHORTEST_TOLD: usize = 8;

impl Secret {
    /// Of a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { value: text.into(), known: false }
    }

    /// Of a text that is none, in a place where a secret could be.
    #[must_use]
    pub fn known(text: String) -> Self {
        Self { value: text.into(), known: true }
    }

    /// The same in a place that only a secret has, such as a password: hidden all the same, where it is long enough to be one.
    #[must_use]
    pub fn in_secret_place(self) -> Self {
        let known = self.known && self.expose().len() < SHORTEST_TOLD;
        Self { known, ..self }
    }

    /// Whether it is struck out of what a server says.
    pub(crate) fn is_hidden(&self) -> bool {
        !self.known && !self.expose().is_empty()
    }

    /// The bytes of the value, for what is no request.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        self.expose().as_bytes()
    }

    /// The value itself, for a request.
    pub(crate) fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// Why there is no value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// It stands nowhere.
    Missing,
    /// It is set to nothing.
    Empty,
    /// A file that may hold it can't be read.
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The workspace's command does not tell it.
    Command {
        /// The program that was run.
        program: String,
        /// Why.
        why: String,
    },
}
