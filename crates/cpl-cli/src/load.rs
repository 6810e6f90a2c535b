//! A file → its program: read, parsed, checked.

use std::path::{Path, PathBuf};

use cpl_catalog::{Catalogue, ConnectorFile, workspace_of};
use cpl_check::{CheckedFile, Setup, check_connector, tree_to_program};
use cpl_model::{program::Program, workspace::Workspace};
use cpl_syntax::{Code, Diagnostic, has_errors, is_unreadable, parse, tree};

use crate::{
    CLEAN, Io, USAGE_ERROR, WRONG,
    args::WindowArgs,
    catalogue::{catalogue, is_connector},
    render,
    text::{Text, text_of},
    workspace::{is_workspace, workspace},
};

/// A file and what was found in it.
#[derive(Default)]
pub struct Loaded {
    /// Its path as given on the command line.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its tree, as far as it could be read.
    pub file: tree::File,
    /// The connectors that it names.
    #[cfg_attr(not(feature = "run"), expect(dead_code, reason = "only tests check a pipeline again"))]
    pub catalogue: Catalogue,
    /// The workspace that it belongs to.
    pub workspace: Workspace,
    /// What it means; none where it has errors.
    pub program: Option<Program>,
    /// Its diagnostics.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// The texts of the connectors that it names, by their names.
    #[cfg(feature = "run")]
    pub fn connector_texts(&self) -> std::collections::BTreeMap<String, String> {
        let text = |name: &str| Some((name.to_owned(), self.catalogue.get(name)?.text.clone()));
        self.catalogue.names().filter_map(text).collect()
    }

    /// The exit code of what was found: an option that does not fit is wrong use.
    pub fn code(&self) -> u8 {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::E1105) {
            USAGE_ERROR
        } else if has_errors(&self.diagnostics) {
            WRONG
        } else {
            CLEAN
        }
    }
}

/// Reads and checks a pipeline that must be right; else what is wrong is drawn.
///
/// # Errors
/// The exit code.
pub fn program(path: &Path, window_args: &WindowArgs, io: &mut Io<'_>) -> Result<(Loaded, Program), u8> {
    let mut loaded = load(path, window_args, io).map_err(|why| render::usage_error(&why, io))?;
    match loaded.program.take() {
        Some(program) => Ok((loaded, program)),
        None => {
            render::render(&loaded.diagnostics, &loaded.path, &loaded.text, io);
            Err(loaded.code())
        }
    }
}

/// Reads and checks a pipeline.
///
/// # Errors
/// Why the file can't be read, in words.
pub fn load(path: &Path, window_args: &WindowArgs, io: &Io<'_>) -> Result<Loaded, String> {
    no_connector(path)?;
    load_any(path, window_args, io)
}

/// The text of a pipeline.
///
/// # Errors
/// Why the file can't be read, or is none, in words.
pub fn pipeline_text(path: &Path, io: &Io<'_>) -> Result<Text, String> {
    no_connector(path)?;
    text_of(path, io)
}

fn no_connector(path: &Path) -> Result<(), String> {
    if is_workspace(path) {
        return Err(format!("{} is a workspace's file and no pipeline: `cpl check` reads it", path.display()));
    }
    if is_connector(path) {
        return Err(format!("{} is a connector's file and no pipeline: `cpl check` reads it", path.display()));
    }
    Ok(())
}

/// Reads and checks a pipeline, a connector's file or a workspace's.
///
/// # Errors
/// Why the file can't be read, in words.
pub fn load_any(path: &Path, window_args: &WindowArgs, io: &Io<'_>) -> Result<Loaded, String> {
    Ok(match text_of(path, io)? {
        Text::Right(text) => of_text(path, text, window_args, io),
        Text::Wrong(text, wrong) => {
            Loaded { path: path.to_owned(), text, diagnostics: vec![wrong], ..Loaded::default() }
        }
    })
}

/// Checks a text: a pipeline's, a connector's or a workspace's.
pub fn of_text(path: &Path, text: String, window_args: &WindowArgs, io: &Io<'_>) -> Loaded {
    let path = path.to_owned();
    if is_workspace(&path) {
        let (_, diagnostics) = workspace_of(&text);
        return Loaded { path, text, diagnostics, ..Loaded::default() };
    }
    if is_connector(&path) {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let connector = ConnectorFile::of(path.display().to_string(), text, stem.as_deref());
        let mut diagnostics = check_connector(&connector);
        if path.extension().is_some_and(|extension| extension == "yml") {
            let diagnostic =
                Diagnostic::new(Code::E0602, "a connector's file ends with `.yaml`: pipelines look for no other");
            diagnostics.insert(0, diagnostic.help("rename it"));
        }
        return Loaded { path, text: connector.text, diagnostics, ..Loaded::default() };
    }
    let (file, mut diagnostics) = parse(&text);
    if is_unreadable(&diagnostics) {
        return Loaded { path, text, file, diagnostics, ..Loaded::default() };
    }
    let workspace = match workspace(&path, io) {
        Ok(workspace) => workspace,
        Err(wrong) => return Loaded { path, text, file, diagnostics: vec![wrong], ..Loaded::default() },
    };
    let catalogue = catalogue(&file, &path, &workspace, io);
    let as_of = window_args.moment(io.now);
    let setup = Setup { settings: &window_args.settings, catalogue: &catalogue, ..Setup::at(as_of) };
    let CheckedFile { program, diagnostics: more, .. } = tree_to_program(&text, &file, setup);
    diagnostics.extend(more);
    diagnostics.sort_by_key(Diagnostic::start);
    let program = program.filter(|_| !has_errors(&diagnostics));
    Loaded { path, text, file, catalogue, workspace, program, diagnostics }
}
