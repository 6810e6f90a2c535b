//! What a file is that can't be read as what it is declared to be: recognized by its first bytes, once reading has failed.

use std::path::Path;

use cpl_batch::{Batch, FileKind, Problem};
use cpl_model::program::SourceKind;

/// As many bytes are looked at.
pub const START: u64 = 1 << 13;

/// The same problem, whose texts of the file or the answer are cleaned: a server may say what it was sent.
pub fn without_secrets(problem: Problem, clean: impl Fn(&str) -> String) -> Problem {
    let all = |texts: Vec<String>| texts.iter().map(|text| clean(text)).collect();
    match problem {
        Problem::Value { place, header, value, wanted } => {
            Problem::Value { place, header, value: value.map(|value| clean(&value)), wanted }
        }
        Problem::NoRecord { place, found } => Problem::NoRecord { place, found: clean(&found) },
        Problem::NoRecords { found } => Problem::NoRecords { found: all(found) },
        Problem::NoColumn { header, found, line } => Problem::NoColumn { header, found: all(found), line },
        Problem::DuplicateMember { place, name } => Problem::DuplicateMember { place, name: clean(&name) },
        Problem::NoSheet { sheet, found } => Problem::NoSheet { sheet, found: all(found) },
        other => other,
    }
}

/// Cleans what is kept of the rejected rows of a batch in the same way.
pub fn clean_rejected(batch: &mut Batch, clean: impl Fn(&str) -> String) {
    for row in &mut batch.bad {
        row.problem = without_secrets(row.problem.clone(), &clean);
        for cell in row.cells.iter_mut().flatten() {
            *cell = clean(cell);
        }
    }
}

/// Whether that a file is of another kind may be why there is a problem.
pub fn may_be_another(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::HeaderNotText
            | Problem::NoColumn { .. }
            | Problem::Fields { .. }
            | Problem::Value { .. }
            | Problem::NoJson { .. }
            | Problem::NoRecord { .. }
            | Problem::NotParquet(_)
            | Problem::Unreadable(_)
            | Problem::Quote { .. }
            | Problem::NulBytes { .. }
    )
}

/// What a file is of that name that begins so, where that says that it is not what it is read as.
#[must_use]
pub fn start_kind(name: &str, start: &[u8], read_as: &SourceKind) -> Option<FileKind> {
    if name.starts_with("~$") {
        return Some(FileKind::LockFile);
    }
    let is_packed = Path::new(name).extension().is_some_and(|extension| extension == "gz");
    let found = magic(start).filter(|kind| !(is_packed && *kind == FileKind::Gzip));
    // What is as it should be, and broken within, is reported as that.
    let expected = match read_as {
        SourceKind::Parquet => Some(FileKind::Parquet),
        SourceKind::Excel(_) => found.filter(|kind| matches!(kind, FileKind::Archive | FileKind::OldWorkbook)),
        _ => None,
    };
    if found.is_some() {
        return found.filter(|_| found != expected);
    }
    match read_as {
        SourceKind::Parquet | SourceKind::Excel(_) => is_text(start).then_some(FileKind::Text),
        _ => None,
    }
}

/// A kind of file that its first bytes tell.
fn magic(start: &[u8]) -> Option<FileKind> {
    let begins = |bytes: &[u8]| start.starts_with(bytes);
    let text = start.trim_ascii_start();
    Some(if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") {
        FileKind::Archive
    } else if begins(b"\xD0\xCF\x11\xE0") {
        FileKind::OldWorkbook
    } else if begins(b"\x1F\x8B") {
        FileKind::Gzip
    } else if begins(b"PAR1") {
        FileKind::Parquet
    } else if begins(b"%PDF") {
        FileKind::Pdf
    } else if text.get(..5).is_some_and(|start| {
        start.eq_ignore_ascii_case(b"<html") || start.eq_ignore_ascii_case(b"<!doc") || start == b"<?xml"
    }) {
        FileKind::Markup
    } else {
        return None;
    })
}

fn is_text(start: &[u8]) -> bool {
    !start.is_empty() && !start.contains(&0) && std::str::from_utf8(start.get(..64).unwrap_or(start)).is_ok()
}
