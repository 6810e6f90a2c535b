//! Secrets: values that stand outside the pipeline's file, and are shown nowhere.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

/// A secret's value. Nothing prints it; its memory is cleared when it is no longer needed.
#[derive(Clone)]
pub struct Secret {
    value: SecretString,
    /// It stands in a file that everybody reads: there is nothing to hide.
    known: bool,
}

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

    /// Whether it is struck out of what a server says.
    pub(crate) fn is_hidden(&self) -> bool {
        !self.known && !self.expose().is_empty()
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
}

/// Where secrets are looked for: the environment, the file `.env`, and the files that systemd and Docker put them in.
pub struct Secrets {
    /// What a `.env` file holds.
    dotenv: Result<BTreeMap<String, String>, SecretError>,
    /// Folders of files, each of which is named like the secret that it holds.
    folders: Vec<PathBuf>,
}

/// The most bytes of a file that holds a secret.
const FILE_BYTES: u64 = 1 << 16;

impl Secrets {
    /// Those of a pipeline in that folder: its `.env` is the nearest one, up to the root of the workspace or repository.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let folders = credentials.into_iter().chain([PathBuf::from("/run/secrets")]).collect();
        Self { dotenv: dotenv_of(folder), folders }
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// Where it is not set, or where a file can't be read that may hold it.
    pub fn find(&self, name: &str) -> Result<Secret, SecretError> {
        let text = match env::var(name) {
            Ok(text) => text,
            Err(_) => match self.dotenv.as_ref().map_err(Clone::clone)?.get(name) {
                Some(text) => text.clone(),
                None => self.in_folders(name)?,
            },
        };
        if text.is_empty() { Err(SecretError::Empty) } else { Ok(Secret::new(text)) }
    }

    fn in_folders(&self, name: &str) -> Result<String, SecretError> {
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
        Err(SecretError::Missing)
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
                // A line of it is shown by its number alone.
                let why = match error {
                    dotenvy::Error::LineParse(..) => "one of its lines is not NAME=VALUE".to_owned(),
                    other => other.to_string(),
                };
                SecretError::Unreadable { file: file.clone(), why }
            };
            let lines = dotenvy::from_path_iter(&file).map_err(|error| unreadable(&error))?;
            return lines.collect::<Result<_, _>>().map_err(|error| unreadable(&error));
        }
    }
    Ok(BTreeMap::new())
}
