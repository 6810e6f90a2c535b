//! A file → its program: read, parsed, checked.

use std::path::{Path, PathBuf};

use cpl_plan::{program::Program, tree_to_program};
use cpl_syntax::{Code, Comment, Diagnostic, has_errors, is_unreadable, parse};

use crate::{CLEAN, Io, MISUSED, WRONG, args::When, draw};

/// A pipeline's file and what was found in it.
pub struct Loaded {
    /// As it was called.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What it means; none where it has errors.
    pub program: Option<Program>,
    /// What is to be said of it.
    pub diagnostics: Vec<Diagnostic>,
    /// Its comments, some of which silence warnings.
    pub comments: Vec<Comment>,
}

impl Loaded {
    /// The exit code of what was found: an option that does not fit is wrong use.
    pub fn code(&self) -> u8 {
        if self.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::E1105) {
            MISUSED
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
pub fn program(path: &Path, when: &When, io: &mut Io<'_>) -> Result<(Loaded, Program), u8> {
    let mut loaded = load(path, when, io).map_err(|why| draw::misused(&why, io))?;
    match loaded.program.take() {
        Some(program) => Ok((loaded, program)),
        None => {
            draw::draw(&loaded.diagnostics, &loaded.path, &loaded.text, io);
            Err(loaded.code())
        }
    }
}

/// Reads and checks a pipeline.
///
/// # Errors
/// Why the file can't be read, in words.
pub fn load(path: &Path, when: &When, io: &Io<'_>) -> Result<Loaded, String> {
    match text_of(path, io)? {
        Ok(text) => Ok(of_text(path, text, when, io)),
        Err((text, diagnostic)) => Ok(Loaded {
            path: path.to_owned(),
            text,
            program: None,
            diagnostics: vec![diagnostic],
            comments: Vec::new(),
        }),
    }
}

/// The text of a file; where it is none, what of it is, and what is to be said.
///
/// # Errors
/// Why the file can't be read, in words.
pub fn text_of(path: &Path, io: &Io<'_>) -> Result<Result<String, (String, Diagnostic)>, String> {
    Ok(String::from_utf8(read(&io.folder.join(path), path)?).map_err(|error| {
        let right = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let told = format!("the file is no text in UTF-8: see line {}", right.matches('\n').count() + 1);
        (right, Diagnostic::new(Code::E0101, told).help("save it as UTF-8"))
    }))
}

/// Checks a pipeline's text.
pub fn of_text(path: &Path, text: String, when: &When, io: &Io<'_>) -> Loaded {
    let path = path.to_owned();
    let (file, mut diagnostics) = parse(&text);
    if is_unreadable(&diagnostics) {
        return Loaded { path, text, program: None, diagnostics, comments: file.comments };
    }
    let (program, more) = tree_to_program(&text, &file, when.moment(io.now), &when.settings);
    diagnostics.extend(more);
    diagnostics.sort_by_key(Diagnostic::start);
    let program = program.filter(|_| !has_errors(&diagnostics));
    Loaded { path, text, program, diagnostics, comments: file.comments }
}

fn read(path: &Path, called: &Path) -> Result<Vec<u8>, String> {
    let shown = called.display();
    if path.is_dir() {
        return Err(format!("{shown} is a folder: name a `.cpl` file in it"));
    }
    std::fs::read(path).map_err(|error| format!("{shown} can't be read: {error}"))
}
