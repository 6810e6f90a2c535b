//! `cpl.yaml`: what the pipelines in and below its folder share.

use std::{path::PathBuf, time::Duration};

use cpl_model::{
    program,
    workspace::{SecretCommand, WorkspaceSettings},
};
use cpl_syntax::{Code, Diagnostic};
use serde::Deserialize;
use url::Url;

use crate::{
    MAX_BYTES,
    raw::raw,
    read::{self, FileKind, Parsed},
    scalars::{Credential, FixedLength},
    source_map::SourceMap,
};

/// What messages call it.
const WORKSPACE_FILE: FileKind =
    FileKind { name: "`cpl.yaml`", example: "`workspace: NAME`, or leave it empty", may_be_empty: true };

/// How long a command for secrets may take, where the file says nothing.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

raw! {
    /// What all pipelines in and below the folder of `cpl.yaml` share. Everything has a default.
    pub struct RawWorkspace {
        /// The name in which decisions are counted: that of the folder, without this.
        workspace: Option<String>,
        /// The folder of connector files that all pipelines share: `connectors`, without this.
        connectors: Option<PathBuf>,
        /// Where secrets are that stand neither in the environment nor in a file.
        secrets: Option<RawSecrets>,
        /// How the values of `personal` columns are hashed.
        personal: Option<RawPersonal>,
        /// What a run may take.
        #[serde(default)]
        limits: RawLimits,
        /// The proxy of all requests: `http://proxy.example.com:3128`; that of the environment, without this.
        proxy: Option<Credential>,
        /// A PEM file of certificates that are trusted besides the system's.
        certificates: Option<PathBuf>,
        /// How long a person takes for one decision by hand: `cpl report` compares with it; `10 minutes`, without this.
        by_hand: Option<FixedLength>,
    }

    /// A command that gives secrets.
    pub struct RawSecrets {
        /// The program and its arguments, in which `{name}` stands for the secret's name.
        command: Vec<String>,
        /// How long it may take: `30 seconds`, without this.
        timeout: Option<FixedLength>,
    }

    /// How personal values are hashed.
    pub struct RawPersonal {
        /// The secret with which they are hashed.
        salt: Credential,
    }

    /// What a run may take.
    #[derive(Default)]
    pub struct RawLimits {
        /// How long its servers may take together: `30 minutes`, without this.
        run: Option<FixedLength>,
    }
}

/// What a workspace's file says, as far as it could be read, and what is wrong with the text.
#[must_use]
pub fn workspace_of(text: &str) -> (WorkspaceSettings, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        let message = format!("`cpl.yaml` has at most {MAX_BYTES} bytes, and this one {}", text.len());
        return (WorkspaceSettings::default(), vec![Diagnostic::new(Code::E0109, message)]);
    }
    match read::read::<RawWorkspace>(text, WORKSPACE_FILE) {
        Ok(Parsed { raw, source_map, mut diagnostics, .. }) => {
            let settings = raw.map(|raw| settings(raw, &source_map, &mut diagnostics));
            (settings.unwrap_or_default(), diagnostics)
        }
        Err(diagnostics) => (WorkspaceSettings::default(), diagnostics),
    }
}

fn settings(raw: RawWorkspace, source_map: &SourceMap, diagnostics: &mut Vec<Diagnostic>) -> WorkspaceSettings {
    let mut refuse = |path: &[&str], message: &str, label: &str, help: &str| {
        let diagnostic = Diagnostic::new(Code::E0602, message).at(source_map.value(path), label);
        diagnostics.push(diagnostic.help(help.to_owned()));
    };
    if raw.workspace.as_ref().is_some_and(|name| name.trim().is_empty()) {
        refuse(&["workspace"], "a workspace has a name", "this is empty", "leave it out: it is then the folder's");
    }
    let secret_command = raw.secrets.map(|secrets| {
        let timeout = secrets.timeout.map_or(COMMAND_TIMEOUT, |timeout| *timeout.get());
        SecretCommand { words: secrets.command, timeout }
    });
    if let Some(SecretCommand { words, .. }) = &secret_command {
        let place = ["secrets", "command"];
        let help = "wanted: a list such as `[op, read, \"op://growth/{name}/credential\"]`";
        if words.first().is_none_or(|program| program.is_empty() || program.contains(SecretCommand::NAME)) {
            refuse(&place, "a command begins with a program", "which program is run?", help);
        } else if !words.iter().any(|word| word.contains(SecretCommand::NAME)) {
            refuse(&place, "the command gives the same value for each secret", "`{name}` is nowhere in it", help);
        }
    }
    let salt = raw.personal.and_then(|personal| match personal.salt {
        Credential::Secret(name) => Some(name),
        Credential::Plain(_) => {
            let help = "write `salt: { secret: NAME }`: who knows the salt can try values until a hash fits";
            refuse(&["personal", "salt"], "a salt is a secret", "everybody reads this", help);
            None
        }
    });
    if let Some(Credential::Plain(address)) = &raw.proxy {
        let help = "wanted: an address such as `http://proxy.example.com:3128`, or `{ secret: NAME }` of one";
        match Url::parse(address) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                refuse(&["proxy"], "a secret can't stand in an address", "everybody reads this", help);
            }
            Ok(url) if url.has_host() && ["http", "https"].contains(&url.scheme()) => {}
            _ => refuse(&["proxy"], "that is no address of a proxy", "this one", help),
        }
    }
    WorkspaceSettings {
        name: raw.workspace,
        connectors: raw.connectors,
        secret_command,
        salt,
        run_limit: raw.limits.run.map(|limit| *limit.get()),
        proxy: raw.proxy.map(|proxy| match proxy {
            Credential::Secret(name) => program::Credential::Secret(name),
            Credential::Plain(address) => program::Credential::Plain(address),
        }),
        certificates: raw.certificates,
        by_hand: raw.by_hand.map(|length| *length.get()),
    }
}
