//! What keeps an effect from leaving.

use std::{fmt, io};

use cpl_syntax::{Code, Diagnostic, Span};

/// Why an effect can't leave.
#[derive(Debug)]
pub enum EffectError {
    /// A file target would take the place of something else.
    Occupied {
        /// The target's path, as it is written.
        path: String,
        /// The target.
        target: Span,
        /// What stands there.
        by: Occupant,
    },
    /// The system refuses to write a file target.
    NotWritten {
        /// The target's path, as it is written.
        path: String,
        /// The target.
        target: Span,
        /// Why.
        kind: io::ErrorKind,
        /// The targets that are written already.
        written: Vec<String>,
    },
    /// Rejected rows were kept, and can't be read back.
    NotReadBack {
        /// The fetch's table.
        table: String,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The system refuses to keep rejected rows.
    NotKept {
        /// The file, from the pipeline's folder on.
        path: String,
        /// The fetch.
        fetch: Span,
        /// Why.
        kind: io::ErrorKind,
    },
}

/// What a file target would replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupant {
    /// A folder, a device.
    NoFile,
    /// A pipeline.
    Pipeline,
    /// A file that the pipeline reads.
    Source,
}

impl EffectError {
    /// What is said of it.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::E1102, self.to_string());
        match self {
            Self::Occupied { target, .. } => {
                diagnostic.at(*target, "its effects would take that place").help("name another file")
            }
            Self::NotWritten { target, kind, written, .. } => {
                let help = match written.as_slice() {
                    [] if *kind == io::ErrorKind::NotFound => "make the folder; no effect was sent".to_owned(),
                    [] => "no effect was sent".to_owned(),
                    written => format!("written already: {}", written.join(", ")),
                };
                diagnostic.at(*target, "its effects go there").help(help)
            }
            Self::NotReadBack { .. } => diagnostic.help("no effect was sent"),
            Self::NotKept { fetch, .. } => diagnostic.at(*fetch, "its bad rows go there").help("no effect was sent"),
        }
    }
}

impl fmt::Display for EffectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied { path, by, .. } => {
                let why = match by {
                    Occupant::NoFile => "it is no file",
                    Occupant::Pipeline => "it is a pipeline",
                    Occupant::Source => "the pipeline reads it",
                };
                write!(f, "{path} can't be written: {why}")
            }
            Self::NotWritten { path, kind, .. } => {
                // What the system says, without the name of the file that was to be put in its place.
                match kind {
                    io::ErrorKind::NotFound => write!(f, "{path} can't be written: its folder is not there"),
                    io::ErrorKind::PermissionDenied => {
                        write!(f, "{path} can't be written: its folder may not be written to")
                    }
                    kind => write!(f, "{path} can't be written: {kind}"),
                }
            }
            Self::NotReadBack { table, kind } => write!(f, "rejected rows of `{table}` can't be read back: {kind}"),
            Self::NotKept { path, kind, .. } => write!(f, "{path} can't be written: {kind}"),
        }
    }
}

impl std::error::Error for EffectError {}
