//! Rejected rows, in files next to the pipeline: `.cpl/quarantine/FILE.FETCH.csv`, those of the last run that was
//! finished. They are written before its effects leave.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use cpl_syntax::Span;

use crate::{error::EffectError, replace::write_temporary};

/// The folder of all of them, from the pipeline's on.
const FOLDER: &str = ".cpl/quarantine";

/// The rejected rows of one fetch.
pub struct QuarantineFile {
    /// The file, from the pipeline's folder on.
    pub path: String,
    /// The fetch.
    pub fetch: Span,
    /// The rows as text.
    pub text: Box<dyn Read>,
}

/// Writes the files of all fetches with rejected rows; what another run left of this pipeline is removed.
///
/// # Errors
/// What the system refuses.
pub fn write(stem: &str, folder: &Path, files: Vec<QuarantineFile>) -> Result<(), EffectError> {
    let kept: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    for file in files {
        let QuarantineFile { path, fetch, text } = file;
        keep(&folder.join(&path), text).map_err(|error| EffectError::NotKept { path, fetch, kind: error.kind() })?;
    }
    remove_others(stem, folder, &kept);
    Ok(())
}

/// Removes the files of fetches that reject nothing now, or are gone. One that can't be removed stays.
fn remove_others(stem: &str, folder: &Path, kept: &[PathBuf]) {
    for entry in folder.join(FOLDER).read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // `a.b.cpl` and `a.cpl` may stand side by side: a fetch's name holds no point.
        let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".csv"));
        let ours = rest.is_some_and(|fetch| !fetch.contains('.'));
        if ours && !kept.contains(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn keep(place: &Path, text: Box<dyn Read>) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    write_temporary(place, text)?.persist(place).map_err(|error| error.error)?;
    Ok(())
}
