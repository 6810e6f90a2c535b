//! What the values of personal columns are hashed with.

use std::{io, path::Path};

use cpl_connect::{PrivateFolder, SecretError, Secrets};
use cpl_exec::Salt;
use cpl_model::{program::Fetch, workspace::Workspace};
use cpl_plan::bind::BoundPlan;
use cpl_syntax::Span;

use crate::{
    error::{RequestCause, RequestError},
    fetches::fetches,
};

/// Where a salt is kept that no secret names, in the workspace's folder.
const FOLDER: &str = ".cpl/salt";
const FILE: &str = "salt";
/// Bytes of a salt that is made: as many as the hash has.
const BYTES: usize = 32;

/// The salt of a plan that reads personal columns of such fetches; none where it reads none.
///
/// # Errors
/// Where the secret has no value, or a salt can't be kept.
pub fn salt(
    plan: &BoundPlan,
    secrets: &Secrets,
    workspace: &Workspace,
    of: impl Fn(&Fetch) -> bool,
) -> Result<Option<Salt>, RequestError> {
    let mut fetches = fetches(plan).map(|(_, fetch)| fetch).filter(|fetch| of(fetch));
    let Some(at) = fetches.find_map(personal_column) else {
        return Ok(None);
    };
    let error = |cause| RequestError { at, cause };
    match &workspace.settings.salt {
        Some(name) => match secrets.find(name) {
            Ok(secret) => Ok(Some(Salt::new(secret.reveal()))),
            Err(why) => Err(error(RequestCause::Secret { name: name.clone(), why })),
        },
        None => match kept(&workspace.root) {
            Ok(salt) => Ok(Some(Salt::new(&salt))),
            Err(why) => Err(error(RequestCause::NoSalt(why.to_string()))),
        },
    }
}

/// Where a fetch declares its first personal column.
pub fn personal_column(fetch: &Fetch) -> Option<Span> {
    fetch.columns.iter().find(|column| column.is_personal).map(|column| column.span)
}

/// The missing salt of a fetch, where the workspace names a secret for it.
pub fn missing_salt(fetch: &Fetch, secrets: &Secrets, workspace: &Workspace) -> Option<(Span, String, SecretError)> {
    let name = workspace.settings.salt.as_ref()?;
    Some((personal_column(fetch)?, name.clone(), secrets.find(name).err()?))
}

/// The salt that an earlier run made, else a new one.
fn kept(root: &Path) -> io::Result<Vec<u8>> {
    let folder = PrivateFolder::new(root.join(FOLDER));
    match folder.read(FILE) {
        Ok(salt) if salt.len() == BYTES => Ok(salt),
        // With another one all hashes would be others.
        Ok(_) => Err(io::Error::other(format!("the file {FOLDER}/{FILE} was changed"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut salt = [0; BYTES];
            getrandom::fill(&mut salt).map_err(io::Error::other)?;
            folder.write_first(FILE, &salt)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_made_once_and_kept() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = kept(folder.path())?;
        assert_eq!(kept(folder.path())?, first);
        assert_ne!(kept(tempfile::tempdir()?.path())?, first);
        std::fs::write(folder.path().join(FOLDER).join(FILE), "short")?;
        assert!(kept(folder.path()).is_err(), "another salt would make other hashes");
        Ok(())
    }
}
