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
/// Where the workspace's file is wrong: what it says is not guessed.
pub fn workspace(pipeline: &Path, io: &Io<'_>) -> Result<Workspace, Diagnostic> {
    let folder = io.folder.join(pipeline.parent().unwrap_or(Path::new("")));
    let whole = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    let root = whole.ancestors().find(|folder| folder.join(FILE).is_file()).unwrap_or(&whole).to_owned();
    let settings = settings(&root.join(FILE), io)?;
    let name = settings.name.clone().unwrap_or_else(|| folder_name(&root));
    Ok(Workspace { root, name, settings })
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
    path.strip_prefix(&io.folder).unwrap_or(path).to_owned()
}

fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
