//! What keeps the rows of a fetch from being read, as facts.

use std::{io, path::PathBuf};

use cpl_batch::{Problem, ReadError};
use cpl_model::{program::Fetch, value::Value};
use cpl_syntax::{Code, Diagnostic};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::problem_to_diagnostic::problem_to_diagnostic;

/// Why a fetch can't be read.
#[derive(Debug)]
pub struct SourceError {
    /// The fetch.
    pub fetch: Fetch,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with the source of a fetch.
#[derive(Debug)]
pub enum Cause {
    /// No file is there.
    NoFile {
        /// A file of the same folder with a similar name.
        near: Option<String>,
    },
    /// Letters in the same part of a pattern as `**`.
    BadPattern,
    /// A link to a file that is not there.
    DeadLink(PathBuf),
    /// A folder whose files can't be listed.
    FolderNotListed {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A file, or a value of it, is not what is declared.
    InFile(ReadError),
    /// More rows are rejected than the fetch allows.
    TooManyRejected {
        /// The fetch's table.
        table: String,
        /// How many rows are rejected.
        rejected: u64,
        /// How many rows there are.
        rows: u64,
        /// The share that may be rejected.
        allowed: Decimal,
        /// The first rejected row.
        first: ReadError,
    },
    /// Rejected rows can't be kept until the run ends.
    RejectedNotKept(io::Error),
    /// A given value is none of its column.
    GivenValue {
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// What was wanted.
        wanted: String,
    },
}

impl SourceError {
    /// An error of a fetch.
    #[must_use]
    pub fn of(fetch: &Fetch, cause: Cause) -> Box<Self> {
        Box::new(Self { fetch: fetch.clone(), cause })
    }

    /// What a file of a fetch has wrong.
    #[must_use]
    pub fn in_file(fetch: &Fetch, file: &str, problem: Problem) -> Box<Self> {
        Self::of(fetch, Cause::InFile(ReadError { file: file.to_owned(), problem }))
    }

    /// The diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let fetch = &self.fetch;
        match &self.cause {
            Cause::NoFile { near } => no_file(fetch, near.as_deref()),
            Cause::BadPattern => {
                Diagnostic::new(Code::E1001, "`**` stands for any folders, and no letters are next to it")
                    .at(fetch.path_span, "here")
                    .help("write `*` for letters, or `**/*` for files of any folder")
            }
            Cause::DeadLink(path) => {
                let message = format!("{} is a link to a file that is not there", path.display());
                Diagnostic::new(Code::E1002, message).at(fetch.path_span, "it is one of these files")
            }
            Cause::FolderNotListed { path, why } => {
                let message = format!("{} can't be looked into: {why}", path.display());
                Diagnostic::new(Code::E1002, message).at(fetch.path_span, "files are looked for there too")
            }
            Cause::InFile(error) => problem_to_diagnostic(&error.problem, &error.file, fetch),
            Cause::TooManyRejected { table, rejected, rows, allowed, first } => {
                let diagnostic = problem_to_diagnostic(&first.problem, &first.file, fetch);
                diagnostic.help(too_many_rejected(table, *rejected, *rows, *allowed))
            }
            Cause::RejectedNotKept(error) => {
                Diagnostic::new(Code::E1102, format!("bad rows can't be kept for now: {error}"))
                    .help("is there room in the system's folder for temporary files?")
            }
            Cause::GivenValue { column, value, wanted } => {
                Diagnostic::new(Code::E1005, format!("`{value}` is no value of `{column}`: wanted {wanted}"))
                    .help("given rows hold what a file could")
            }
        }
    }
}

fn no_file(fetch: &Fetch, near: Option<&str>) -> Diagnostic {
    let message = if fetch.path.contains('*') {
        format!("no file is named like {:?}", fetch.path)
    } else {
        format!("there is no file {:?}", fetch.path)
    };
    if fetch.store().is_some() {
        return Diagnostic::new(Code::E1001, message)
            .at(fetch.path_span, "looked for in the store")
            .help("mend the path, or look into the bucket: keys differ in capitals");
    }
    let absolute = std::path::Path::new(&fetch.path).is_absolute();
    let looked = if absolute { "looked for there" } else { "looked for next to the pipeline's file" };
    let diagnostic = Diagnostic::new(Code::E1001, message).at(fetch.path_span, looked);
    match near {
        Some(near) => diagnostic.help(format!("its folder holds {near:?}")),
        None if absolute => diagnostic.help("mend the path"),
        None => diagnostic.help("paths are relative to the pipeline's file"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of rows")]
fn too_many_rejected(table: &str, rejected: u64, rows: u64, allowed: Decimal) -> String {
    let found = Value::Ratio(rejected as f64 / rows as f64);
    let may = Value::Ratio(allowed.to_f64().unwrap_or(0.0));
    // Where both look alike they are shown to the last digit.
    let alike = found.to_string() == may.to_string();
    let [found, may] = [found, may].map(|share| if alike { share.exact() } else { share.to_string() });
    format!("{rejected} of {rows} rows of `{table}` are bad: {found}, and up to {may} may be; this is the first")
}
