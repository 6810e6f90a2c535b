//! Pipelines' files: found in folders, compared, written in one step.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::{
    catalogue::{FOLDER, is_connector},
    workspace::is_workspace,
};

/// Which files of a folder are included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FileKinds {
    /// Pipelines.
    Pipelines,
    /// Pipelines, connectors and `cpl.yaml`.
    All,
}

/// The files themselves, and those of folders, in the order of their names.
pub fn files(paths: &[PathBuf], kinds: FileKinds, base: &Path) -> Result<Vec<PathBuf>, String> {
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

fn in_folder(folder: &Path, kinds: FileKinds, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(base.join(folder)).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
        if entry.file_type().is_file() && is_included(entry.path(), kinds) {
            let path = entry.into_path();
            files.push(path.strip_prefix(base).map(Path::to_owned).unwrap_or(path));
        }
    }
    if files.is_empty() { Err(format!("{} holds no `.cpl` file", folder.display())) } else { Ok(files) }
}

/// Whether a file is a pipeline, a connector in a folder of connectors, or a workspace's.
fn is_included(path: &Path, kinds: FileKinds) -> bool {
    let extension = path.extension().unwrap_or_default();
    let among_connectors = || path.parent().and_then(Path::file_name).is_some_and(|folder| folder == FOLDER);
    let is_yaml = || is_workspace(path) || is_connector(path) && among_connectors();
    extension == "cpl" || kinds == FileKinds::All && is_yaml()
}

/// Replaces a file atomically: writes a temporary file next to it, then renames that.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one: what it leads to is written.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().set_permissions(path.metadata()?.permissions())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The changes of a file as a unified diff.
pub fn text_diff(before: &str, after: &str, path: &Path) -> String {
    let name = path.display().to_string();
    similar::TextDiff::from_lines(before, after).unified_diff().header(&name, &name).to_string()
}
