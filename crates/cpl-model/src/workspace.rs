//! A workspace: what the pipelines in and below a folder share.

use std::{path::PathBuf, time::Duration};

use crate::program::Credential;

/// A workspace: the folder of the next `cpl.yaml`, else the pipeline's own.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// Its folder: what is kept from run to run stands in `.cpl` there.
    pub root: PathBuf,
    /// The name in which decisions are counted.
    pub name: String,
    /// What its file says.
    pub settings: WorkspaceSettings,
}

/// What `cpl.yaml` says. Paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// The workspace's name; without one its folder's.
    pub name: Option<String>,
    /// The folder of its connector files; without one `connectors`.
    pub connectors: Option<PathBuf>,
    /// The command that gives secrets that are nowhere else.
    pub secret_command: Option<SecretCommand>,
    /// The secret by which values of `personal` columns are hashed; without one a salt is made.
    pub salt: Option<String>,
    /// How long servers may take, from the beginning of a run on.
    pub run_limit: Option<Duration>,
    /// The proxy of all requests; without one that of the environment.
    pub proxy: Option<Credential>,
    /// A PEM file of certificates that are trusted besides the system's.
    pub certificates: Option<PathBuf>,
    /// How long a person takes for one decision, by hand: reports compare with it.
    pub by_hand: Option<Duration>,
}

/// A command that writes a secret to its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretCommand {
    /// The program and its arguments; `{name}` stands for the secret's name.
    pub words: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

impl SecretCommand {
    /// What stands for the secret's name.
    pub const NAME: &str = "{name}";

    /// The program and its arguments for a secret.
    pub fn words_for(&self, name: &str) -> impl Iterator<Item = String> {
        self.words.iter().map(move |word| word.replace(Self::NAME, name))
    }
}
