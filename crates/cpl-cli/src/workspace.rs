//! The workspace of a pipeline: the folder of the next `cpl.yaml`.

use std::{
    io,
    path::{Path, PathBuf},
};

use cpl_catalog::workspace_of;
use cpl_model::workspace::{Workspace, WorkspaceSettings};
use cpl_syntax::{Code, Diagnostic, has_errors};

use crate::{
    Io,
    text::{Text, text_of},
};

/// The file that marks the root of a workspace.
pub const FILE: &str = "cpl.yaml";

/// Whether a path is that of a workspace's file.
pub fn is_workspace(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == FILE)
}

/// The workspace of a pipeline: without a file it is the pipeline's folder.
///
/// # Errors
/// Where the workspace's file is wrong, or somebody else's: what it says is not guessed, and nobody else's command is run.
pub fn workspace(pipeline: &Path, io: &Io<'_>) -> Result<Workspace, Diagnostic> {
    let folder = absolute(&io.folder.join(pipeline.parent().unwrap_or(Path::new(""))));
    // A repository is nobody else's workspace.
    let up_to = folder.ancestors().position(|folder| folder.join(".git").exists()).unwrap_or(usize::MAX);
    let root = folder.ancestors().take(up_to.saturating_add(1)).find(|folder| folder.join(FILE).is_file());
    let root = root.unwrap_or(&folder).to_owned();
    let file = root.join(FILE);
    if is_of_others(&file, &folder) {
        let shown = shown(&file, io);
        let message = format!("`{}` belongs to another user than this pipeline's folder", shown.display());
        let help =
            "it may name a command that is run: take it over, or put a `cpl.yaml` of your own next to the pipeline";
        return Err(Diagnostic::new(Code::E0601, message).help(help));
    }
    let settings = settings(&file, io)?;
    let name = settings.name.clone().unwrap_or_else(|| folder_name(&root));
    Ok(Workspace { root, name, settings })
}

/// A folder from the root of the file system on; an empty path is the current one.
fn absolute(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Whether a file belongs neither to the owner of a folder nor to the system.
#[cfg(unix)]
fn is_of_others(file: &Path, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const SYSTEM: u32 = 0;
    match (file.metadata(), folder.metadata()) {
        (Ok(file), Ok(folder)) => file.uid() != SYSTEM && file.uid() != folder.uid(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_of_others(_: &Path, _: &Path) -> bool {
    false
}

fn settings(file: &Path, io: &Io<'_>) -> Result<WorkspaceSettings, Diagnostic> {
    let shown = shown(file, io);
    let wrong = |why: &str| {
        let message = format!("`{}` {why}: no pipeline of its workspace is read until that is mended", shown.display());
        Diagnostic::new(Code::E0601, message).help(format!("`cpl check {}` says what is wrong there", shown.display()))
    };
    match text_of(file, io) {
        Ok(Text::Right(text)) => match workspace_of(&text) {
            (settings, diagnostics) if !has_errors(&diagnostics) => Ok(settings),
            _ => Err(wrong("has errors")),
        },
        Ok(Text::Wrong(..)) => Err(wrong("is no text")),
        Err(_) if is_missing(file) => Ok(WorkspaceSettings::default()),
        Err(_) => Err(wrong("can't be read")),
    }
}

fn is_missing(file: &Path) -> bool {
    file.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A path as people know it: relative to where they are.
pub fn shown(path: &Path, io: &Io<'_>) -> PathBuf {
    path.strip_prefix(absolute(&io.folder)).unwrap_or(path).to_owned()
}

fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
