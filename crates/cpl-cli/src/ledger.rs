//! What the commands on a ledger share: its workspace, and who says something.

use std::path::Path;

use cpl_model::workspace::Workspace;
use cpl_run::{DecisionError, RunError};

use crate::{Io, WRONG, args::SaidArgs, render, workspace};

/// The workspace of a pipeline's file, or of a folder: that of a pipeline in it.
///
/// # Errors
/// The exit code, where why is printed.
pub fn workspace_at(path: &Path, io: &mut Io<'_>) -> Result<Workspace, u8> {
    let there = io.folder.join(path);
    if !there.exists() {
        return Err(render::usage_error(&format!("{}: there is no such file", path.display()), io));
    }
    let pipeline = if there.is_dir() { path.join("any.cpl") } else { path.to_owned() };
    match workspace::workspace(&pipeline, io) {
        Ok(workspace) => Ok(cpl_run::as_recorded(workspace)),
        Err(diagnostic) => {
            render::render(&[diagnostic], Path::new(""), "", io);
            Err(WRONG)
        }
    }
}

/// Prints why a ledger can't be used.
pub fn refused(error: RunError, io: &mut Io<'_>) -> u8 {
    render::render(&error.diagnostics(), Path::new(""), "", io);
    WRONG
}

/// Prints why a decision can't be used as it was asked.
pub fn wrong(error: DecisionError, io: &mut Io<'_>) -> u8 {
    match error {
        DecisionError::Run(error) => refused(error, io),
        wrong => render::usage_error(&wrong.to_string(), io),
    }
}

/// Who says something.
///
/// # Errors
/// The exit code, where nobody is named.
pub fn person(said: &SaidArgs, io: &mut Io<'_>) -> Result<String, u8> {
    let user = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = said.by.clone().or_else(user).filter(|name| !name.trim().is_empty());
    named.ok_or_else(|| render::usage_error("who says so? Add `--by NAME`: it is kept in the ledger", io))
}
