//! Paths and patterns → files. `*` stands for any letters but `/`, `**` for any folders; no other sign is special.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use cpl_model::program::Fetch;
use cpl_source::PathPattern;
use walkdir::{DirEntry, WalkDir};

use crate::error::{Cause, SourceError};

/// The files of a fetch, in the order of their names, each once; at least one.
///
/// # Errors
/// Where no file is there, or a folder can't be looked into.
pub fn expand(fetch: &Fetch, folder: &Path) -> Result<Vec<PathBuf>, Box<SourceError>> {
    let path = folder.join(&fetch.path);
    if !fetch.path.contains('*') {
        return if path.exists() { Ok(vec![path]) } else { Err(missing(fetch, &path)) };
    }
    // A star in the pipeline's own folder is a letter.
    let pattern = PathPattern::of(&fetch.path).ok_or_else(|| SourceError::of(fetch, Cause::BadPattern))?;
    let base = pattern.base.as_str();
    let base = if base.is_empty() && Path::new(&fetch.path).is_absolute() { "/" } else { base };
    let base = folder.join(base);
    let is_one = |path: &Path| path.strip_prefix(&base).is_ok_and(|path| pattern.fits(&path.to_string_lossy()));
    let mut files = Vec::new();
    let (depth, hidden) = (pattern.depth.unwrap_or(usize::MAX), pattern.hidden);
    let walk = WalkDir::new(&base).follow_links(true).max_depth(depth).into_iter();
    let is_seen =
        |entry: &DirEntry| hidden || entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in walk.filter_entry(is_seen) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_one(entry.path()) => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => unreachable_file(&error, is_one, fetch)?,
        }
    }
    files.sort();
    // A link may show a file again.
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    if files.is_empty() { Err(missing(fetch, &path)) } else { Ok(files) }
}

/// What keeps a folder or a link from being followed, where it may hold a file that is meant.
fn unreachable_file(
    error: &walkdir::Error,
    is_one: impl Fn(&Path) -> bool,
    fetch: &Fetch,
) -> Result<(), Box<SourceError>> {
    let Some(path) = error.path() else { return Ok(()) };
    // A link to a folder around it leads to files that are found without it.
    if error.loop_ancestor().is_some() {
        return Ok(());
    }
    if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return if is_one(path) { Err(SourceError::of(fetch, Cause::DeadLink(path.to_owned()))) } else { Ok(()) };
    }
    if error.depth() == 0 {
        return Ok(());
    }
    let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
    Err(SourceError::of(fetch, Cause::FolderNotListed { path: path.to_owned(), why }))
}

fn missing(fetch: &Fetch, path: &Path) -> Box<SourceError> {
    SourceError::of(fetch, Cause::NoFile { near: near(path) })
}

/// The file of the same folder whose name is nearest.
fn near(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = path
        .parent()?
        .read_dir()
        .ok()?
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    cpl_syntax::nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}
