//! Where secrets are looked for.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cpl_model::workspace::Workspace;

use crate::{
    secret::{Secret, SecretError},
    secret_command::CommandSecrets,
};

/// Where secrets are looked for: the environment, the file `.env`, the files that systemd and Docker put them in, and the
/// command of the workspace.
pub struct Secrets {
    /// What stands for each of them, where none is looked for.
    placeholder: Option<Secret>,
    /// The pipeline's folder.
    folder: PathBuf,
    /// What a `.env` file holds, once a secret was looked for there.
    dotenv: OnceLock<Result<BTreeMap<String, String>, SecretError>>,
    /// Folders of files, each of which is named like the secret that it holds.
    folders: Vec<PathBuf>,
    command: Option<CommandSecrets>,
}

/// The most bytes of a file that holds a secret.
const FILE_BYTES: u64 = 1 << 16;

impl Secrets {
    /// Those of a pipeline in that folder: its `.env` is the nearest one, up to the root of the workspace or repository.
    #[must_use]
    pub fn of(folder: &Path, workspace: &Workspace) -> Self {
        let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let folders = credentials.into_iter().chain([PathBuf::from("/run/secrets")]).collect();
        let command = workspace.settings.secret_command.clone();
        let command = command.map(|command| CommandSecrets::new(command, workspace.root.clone()));
        Self { placeholder: None, folder: folder.to_owned(), dotenv: OnceLock::new(), folders, command }
    }

    /// None of them is looked for: a text that is no secret stands for each, in requests that are not sent.
    #[must_use]
    pub fn placeholders() -> Self {
        let placeholder = Some(Secret::new("secret".to_owned()));
        Self { placeholder, folder: PathBuf::new(), dotenv: OnceLock::new(), folders: Vec::new(), command: None }
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// Where it is not set, or where a file can't be read that may hold it.
    pub fn find(&self, name: &str) -> Result<Secret, SecretError> {
        if let Some(placeholder) = &self.placeholder {
            return Ok(placeholder.clone());
        }
        let text = match env::var(name) {
            Ok(text) => text,
            Err(_) => match self.dotenv().as_ref().map_err(Clone::clone)?.get(name) {
                Some(text) => text.clone(),
                None => self.elsewhere(name)?,
            },
        };
        if text.is_empty() { Err(SecretError::Empty) } else { Ok(Secret::new(text)) }
    }

    fn dotenv(&self) -> &Result<BTreeMap<String, String>, SecretError> {
        self.dotenv.get_or_init(|| dotenv_of(&self.folder))
    }

    fn elsewhere(&self, name: &str) -> Result<String, SecretError> {
        for folder in &self.folders {
            let file = folder.join(name);
            let unreadable = |why: String| SecretError::Unreadable { file: file.clone(), why };
            match fs::metadata(&file) {
                Ok(found) if found.len() > FILE_BYTES => {
                    return Err(unreadable("it is too large for a secret".to_owned()));
                }
                Ok(_) => {
                    let text = fs::read_to_string(&file).map_err(|error| unreadable(error.to_string()))?;
                    return Ok(text.trim_end_matches(['\n', '\r']).to_owned());
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(unreadable(error.to_string())),
            }
        }
        self.command.as_ref().map_or(Err(SecretError::Missing), |command| command.find(name))
    }
}

/// What the nearest `.env` holds.
fn dotenv_of(folder: &Path) -> Result<BTreeMap<String, String>, SecretError> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let is_root = |folder: &&Path| folder.join("cpl.yaml").exists() || folder.join(".git").exists();
    // Without a workspace or a repository around it, a folder above may be anybody's.
    let up_to = folder.ancestors().position(|folder| is_root(&folder)).unwrap_or(0);
    for folder in folder.ancestors().take(up_to + 1) {
        let file = folder.join(".env");
        if file.is_file() {
            let unreadable = |error: &dotenvy::Error| {
                // A line is named, and not shown: it may hold a secret.
                let why = match error {
                    dotenvy::Error::LineParse(text, _) => match line_number(&file, text) {
                        Some(number) => {
                            format!("its line {number} is not NAME=VALUE, or its value needs single quotes around it")
                        }
                        None => "one of its lines is not NAME=VALUE".to_owned(),
                    },
                    other => other.to_string(),
                };
                SecretError::Unreadable { file: file.clone(), why }
            };
            if let Some(number) = substituted_line(&file) {
                let why = format!(
                    "the value in its line {number} holds a `$`, which stands for a variable: write the value in single quotes"
                );
                return Err(SecretError::Unreadable { file, why });
            }
            let lines = dotenvy::from_path_iter(&file).map_err(|error| unreadable(&error))?;
            return lines.collect::<Result<_, _>>().map_err(|error| unreadable(&error));
        }
    }
    Ok(BTreeMap::new())
}

/// The first line of a file, counted from 1, whose value holds a `$` that is not in single quotes: another value would be
/// used in its place.
fn substituted_line(file: &Path) -> Option<usize> {
    let text = fs::read_to_string(file).ok()?;
    let is_substituted = |line: &str| {
        let line = line.trim_start();
        let value = line.split_once('=').filter(|_| !line.starts_with('#')).map(|(_, value)| value.trim_start());
        value.is_some_and(|value| !value.starts_with('\'') && value.contains('$') && !value.contains("\\$"))
    };
    text.lines().position(is_substituted).map(|at| at + 1)
}

/// The number of the line in a file that begins with a text, counted from 1.
fn line_number(file: &Path, text: &str) -> Option<usize> {
    let first = text.lines().next()?.trim();
    let lines = fs::read_to_string(file).ok()?;
    lines.lines().position(|line| line.trim() == first).map(|at| at + 1)
}
