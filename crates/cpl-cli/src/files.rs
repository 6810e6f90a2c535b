//! Pipelines' files: found in folders, compared, written in one step.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::catalogue::{FOLDER, is_connector};

/// Which files of a folder are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Pipelines.
    Pipelines,
    /// Pipelines and connectors.
    All,
}

/// The files themselves, and those of folders, in the order of their names.
pub fn files(paths: &[PathBuf], kinds: Kinds, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if base.join(path).is_dir() {
            files.extend(in_folder(path, kinds, base)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path, kinds: Kinds, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(base.join(folder)).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
        if entry.file_type().is_file() && is_meant(entry.path(), kinds) {
            let path = entry.into_path();
            files.push(path.strip_prefix(base).map(Path::to_owned).unwrap_or(path));
        }
    }
    if files.is_empty() { Err(format!("{} holds no `.cpl` file", folder.display())) } else { Ok(files) }
}

/// A pipeline; or a connector's file, which stands in a folder of such.
fn is_meant(path: &Path, kinds: Kinds) -> bool {
    let extension = path.extension().unwrap_or_default();
    let among_connectors = || path.parent().and_then(Path::file_name).is_some_and(|folder| folder == FOLDER);
    extension == "cpl" || (kinds == Kinds::All && is_connector(path) && among_connectors())
}

/// Writes a text in the place of a file's: beside it first, so that it is there whole or not at all.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one: what it leads to is written.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(path.metadata()?.permissions())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// What changes of a file, as `diff -u` tells it.
pub fn text_diff(before: &str, after: &str, path: &Path) -> String {
    let name = path.display().to_string();
    similar::TextDiff::from_lines(before, after).unified_diff().header(&name, &name).to_string()
}
