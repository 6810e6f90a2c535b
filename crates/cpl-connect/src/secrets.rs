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
            let values = fs::read_to_string(&file).map_err(|error| error.to_string()).and_then(|text| values_of(&text));
            return values.map_err(|why| SecretError::Unreadable { file, why });
        }
    }
    Ok(BTreeMap::new())
}

/// What the text of a `.env` holds; else why it can't be used. A line is named, and not shown: it may hold a secret.
fn values_of(text: &str) -> Result<BTreeMap<String, String>, String> {
    if let Some(at) = text.lines().position(holds_variable) {
        return Err(format!(
            "the value in its line {} holds a `$`, which stands for a variable: write the value in single quotes",
            at + 1
        ));
    }
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| match error {
        dotenvy::Error::LineParse(line, _) => match line_number(text, &line) {
            Some(number) => format!("its line {number} is not NAME=VALUE, or its value needs single quotes around it"),
            None => "one of its lines is not NAME=VALUE".to_owned(),
        },
        other => other.to_string(),
    })
}

/// Whether the value in a line holds a `$` that is neither escaped nor in single quotes: another value would be used in its
/// place.
fn holds_variable(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    if name.trim_start().starts_with('#') {
        return false;
    }
    let (mut quote, mut is_escaped, mut before) = (None, false, ' ');
    for letter in value.trim_start().chars() {
        match (quote, letter) {
            _ if is_escaped => is_escaped = false,
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => is_escaped = true,
            (_, '$') => return true,
            (None, '#') if before.is_whitespace() => return false,
            (None, '\'' | '"') => quote = Some(letter),
            (Some('"'), '"') => quote = None,
            _ => {}
        }
        before = letter;
    }
    false
}

/// The number of the line in a text that begins with another one, counted from 1.
fn line_number(text: &str, line: &str) -> Option<usize> {
    let first = line.lines().next()?.trim();
    text.lines().position(|line| line.trim() == first).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_in_a_value_is_seen_as_the_reader_sees_it() {
        for (line, is_one) in [
            ("A=plain", false),
            ("A=a$B", true),
            ("A=\"a$B\"", true),
            ("A='a$B'", false),
            ("A='a'$B", true),
            ("A=a\\$B", false),
            ("A=a\\$B$C", true),
            ("A=a # costs $5", false),
            ("A=a#$B", true),
            ("# A=$B", false),
            ("export A=$B", true),
            ("no value $B", false),
        ] {
            assert_eq!(holds_variable(line), is_one, "{line}");
        }
    }
}
