//! Connector files: where they are looked for.

use std::path::{Path, PathBuf};

use cpl_catalog::{Catalogue, ConnectorFile};
use cpl_syntax::{Code, Diagnostic, tree};

use crate::{
    Io,
    text::{Text, text_of},
};

/// The folder of connector files.
pub const FOLDER: &str = "connectors";

/// The file that marks the root of a workspace.
const WORKSPACE: &str = "cpl.yaml";

/// Whether a path is that of a connector file, and not of a pipeline.
pub fn is_connector(path: &Path) -> bool {
    let of_kind = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    of_kind && path.file_name().is_none_or(|name| name != WORKSPACE)
}

/// The connectors that a pipeline names. If one is not found, all connectors are loaded, for suggestions.
pub fn catalogue(file: &tree::File, pipeline: &Path, io: &Io<'_>) -> Catalogue {
    let names = file.connectors();
    if names.is_empty() {
        return Catalogue::default();
    }
    let folders = folders(pipeline, io);
    let found = |name: &str| Some((name.to_owned(), of_name(name, &folders, io)?));
    let all: Vec<_> = names.iter().filter_map(|name| found(name)).collect();
    if all.len() == names.len() {
        return all.into_iter().collect();
    }
    connector_names(&folders, io).iter().filter_map(|name| found(name)).chain(all).collect()
}

/// The file of a connector, from the first folder that has one.
fn of_name(name: &str, folders: &[PathBuf], io: &Io<'_>) -> Option<ConnectorFile> {
    let mut paths = folders.iter().map(|folder| folder.join(format!("{name}.yaml")));
    let path = paths.find(|path| io.folder.join(path).exists())?;
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

/// The folders of connectors: next to the pipeline, then in the workspace's root.
fn folders(pipeline: &Path, io: &Io<'_>) -> Vec<PathBuf> {
    let pipeline_folder = pipeline.parent().unwrap_or(Path::new("")).to_owned();
    let whole =
        std::path::absolute(io.folder.join(&pipeline_folder)).unwrap_or_else(|_| io.folder.join(&pipeline_folder));
    let workspace = whole.ancestors().find(|folder| folder.join(WORKSPACE).is_file()).filter(|folder| *folder != whole);
    let shown = workspace.map(|folder| folder.strip_prefix(&io.folder).unwrap_or(folder).to_owned());
    std::iter::once(pipeline_folder).chain(shown).map(|folder| folder.join(FOLDER)).collect()
}

/// The names of all connectors in the folders.
fn connector_names(folders: &[PathBuf], io: &Io<'_>) -> Vec<String> {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(io.folder.join(folder)).ok()).flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let names = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
}
