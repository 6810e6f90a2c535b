//! Connector files: where they are looked for.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use cpl_catalog::{Catalogue, ConnectorFile, shipped, shipped_names};
use cpl_model::workspace::Workspace;
use cpl_syntax::{Code, Diagnostic, tree};

use crate::{
    Io,
    text::{Text, text_of},
    workspace::{is_workspace, shown},
};

/// The folder of connector files.
pub const FOLDER: &str = "connectors";

/// Whether a path is that of a connector file, and not of a pipeline.
pub fn is_connector(path: &Path) -> bool {
    let of_kind = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    of_kind && !is_workspace(path)
}

/// The connectors that a pipeline names. If one is not found, all connectors are loaded, for suggestions.
pub fn catalogue(file: &tree::File, pipeline: &Path, workspace: &Workspace, io: &Io<'_>) -> Catalogue {
    let names = file.connectors();
    if names.is_empty() {
        return Catalogue::default();
    }
    let folders = folders(pipeline, workspace, io);
    let found = |name: &str| Some((name.to_owned(), of_name(name, &folders, io)?));
    let all: Vec<_> = names.iter().filter_map(|name| found(name)).collect();
    if all.len() == names.len() {
        return all.into_iter().collect();
    }
    names_in(&folders, io).iter().filter_map(|name| found(name)).chain(all).collect()
}

/// The connector of that name, as a pipeline in the current folder gets it.
pub fn connector_named(name: &str, workspace: &Workspace, io: &Io<'_>) -> Option<ConnectorFile> {
    of_name(name, &folders(Path::new(""), workspace, io), io)
}

/// The names of all connectors that a pipeline in the current folder can have.
pub fn connector_names(workspace: &Workspace, io: &Io<'_>) -> BTreeSet<String> {
    names_in(&folders(Path::new(""), workspace, io), io)
}

/// The file of a connector, from the first folder that has one; else the shipped one.
fn of_name(name: &str, folders: &[PathBuf], io: &Io<'_>) -> Option<ConnectorFile> {
    let mut paths = folders.iter().map(|folder| folder.join(format!("{name}.yaml")));
    let Some(path) = paths.find(|path| io.folder.join(path).exists()) else { return shipped(name) };
    let shown = path.display().to_string();
    Some(match text_of(&path, io) {
        Ok(Text::Right(text)) => ConnectorFile::of(shown, text, Some(name)),
        Ok(Text::Wrong(text, diagnostic)) => {
            ConnectorFile { path: shown, text, connector: None, diagnostics: vec![diagnostic] }
        }
        Err(why) => {
            let diagnostics = vec![Diagnostic::new(Code::E0601, why)];
            ConnectorFile { path: shown, text: String::new(), connector: None, diagnostics }
        }
    })
}

/// The folders of connectors: next to the pipeline, then the workspace's.
fn folders(pipeline: &Path, workspace: &Workspace, io: &Io<'_>) -> Vec<PathBuf> {
    let own = pipeline.parent().unwrap_or(Path::new("")).join(FOLDER);
    let shared = workspace.settings.connectors.as_deref().unwrap_or(Path::new(FOLDER));
    let shared = shown(&workspace.root.join(shared), io);
    let is_other = shared != own;
    std::iter::once(own).chain(is_other.then_some(shared)).collect()
}

/// The names of all connectors: of those in the folders, and of the shipped ones.
fn names_in(folders: &[PathBuf], io: &Io<'_>) -> BTreeSet<String> {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(io.folder.join(folder)).ok()).flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let names = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let names = names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    names.chain(shipped_names().map(str::to_owned)).collect()
}
