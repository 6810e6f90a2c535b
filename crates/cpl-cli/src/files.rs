//! Pipelines' files: found in folders, compared, written in one step.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

/// The files themselves, and the `.cpl` files of folders, in the order of their names.
pub fn files(paths: &[PathBuf], base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if base.join(path).is_dir() {
            files.extend(in_folder(path, base)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(base.join(folder)).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "cpl") {
            let path = entry.into_path();
            files.push(path.strip_prefix(base).map(Path::to_owned).unwrap_or(path));
        }
    }
    if files.is_empty() { Err(format!("{} holds no `.cpl` file", folder.display())) } else { Ok(files) }
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
