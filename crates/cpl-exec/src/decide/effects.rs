//! Effects: what fires leaves for its target.
//!
//! A file target holds one JSON line an effect of the run. It is written beside and renamed: whoever
//! reads it sees the last run whole, and the same run again gives the same file.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
};

use cpl_plan::{
    program::{Program, Source, TargetKind},
    report::{Change, Decision, Pairs, RunReport, State},
    value::Value,
};
use cpl_syntax::{Code, Diagnostic, Span};
use serde::Serialize;

use crate::{fetch, trouble::Trouble};

/// One line of a file target.
#[derive(Serialize)]
struct Line<'a> {
    decision: &'a str,
    effect: usize,
    pipeline: &'a str,
    rule: &'a str,
    window: &'a str,
    key: &'a Pairs,
    column: &'a Option<String>,
    from: &'a Value,
    to: &'a Value,
    arguments: &'a Pairs,
}

/// Refuses file targets that would take the place of something else: a file that is read, a pipeline,
/// what is no file.
pub fn check(program: &Program, folder: &Path) -> Result<(), Trouble> {
    if !program.targets.iter().any(|target| matches!(target.kind, TargetKind::File(_))) {
        return Ok(());
    }
    let mut read: Vec<PathBuf> = Vec::new();
    for table in &program.tables {
        if let Source::Fetch(fetch) = &table.source {
            // A file that is not there is told by the fetch.
            read.extend(fetch::expand(fetch, folder).unwrap_or_default().iter().map(|file| real(file)));
        }
    }
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let place = real(&folder.join(path));
        let why = if place.exists() && !place.is_file() {
            "it is no file"
        } else if place.extension().is_some_and(|extension| extension == "cpl") {
            "it is a pipeline"
        } else if read.contains(&place) {
            "the pipeline reads it"
        } else {
            continue;
        };
        let diagnostic = Diagnostic::new(Code::E1102, format!("{path} can't be written: {why}"));
        return Err(vec![diagnostic.at(target.span, "its effects would take that place").help("name another file")]);
    }
    Ok(())
}

/// What a path means behind its links; of a file that is not there, in what its folder means.
fn real(path: &Path) -> PathBuf {
    let in_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// Writes the files of all file targets, those without effects empty: all of them beside, then each in its place.
pub fn write(program: &Program, report: &RunReport, window: &str, folder: &Path) -> Result<(), Trouble> {
    let mut files: BTreeMap<PathBuf, (&str, Span, String)> = BTreeMap::new();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let place = real(&folder.join(path));
        let (.., text) = files.entry(place).or_insert_with(|| (path, target.span, String::new()));
        for decision in report.decisions.iter().filter(|decision| decision.state == State::Fires) {
            for (effect, change) in decision.changes.iter().enumerate().filter(|(_, c)| c.target == target.name) {
                text.push_str(&line(decision, effect, change, &report.pipeline, window));
            }
        }
    }
    let mut ready = Vec::new();
    for (place, (path, span, text)) in files {
        let beside = beside(&place, text.as_bytes()).map_err(|error| refused(path, span, &error, &[]))?;
        ready.push((path, span, place, beside));
    }
    let mut left: Vec<&str> = Vec::new();
    for (path, span, place, beside) in ready {
        beside.persist(place).map_err(|error| refused(path, span, &error.error, &left))?;
        left.push(path);
    }
    Ok(())
}

fn refused(path: &str, span: Span, error: &io::Error, left: &[&str]) -> Trouble {
    // What the system says, without the name of the file that was to be put in its place.
    let why = match error.kind() {
        io::ErrorKind::NotFound => "its folder is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "its folder may not be written to".to_owned(),
        kind => kind.to_string(),
    };
    let help = match left {
        [] if error.kind() == io::ErrorKind::NotFound => "make the folder; no effect has left".to_owned(),
        [] => "no effect has left".to_owned(),
        left => format!("written already: {}", left.join(", ")),
    };
    let diagnostic = Diagnostic::new(Code::E1102, format!("{path} can't be written: {why}"));
    vec![diagnostic.at(span, "its effects go there").help(help)]
}

/// The text in a file beside `place`, with the rights of the file it will replace.
pub fn beside(place: &Path, mut text: impl Read) -> io::Result<tempfile::NamedTempFile> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A new file may be used as the user's mask allows, as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    io::copy(&mut text, &mut beside)?;
    if let Ok(before) = place.metadata() {
        beside.as_file().set_permissions(before.permissions())?;
    }
    beside.as_file().sync_all()?;
    Ok(beside)
}

fn line(decision: &Decision, effect: usize, change: &Change, pipeline: &str, window: &str) -> String {
    let line = Line {
        decision: &decision.id,
        effect,
        pipeline,
        rule: &decision.rule,
        window,
        key: change.row.as_ref().unwrap_or(&decision.key),
        column: &change.column,
        from: &change.from,
        to: &change.to,
        arguments: &change.arguments,
    };
    let mut text = serde_json::to_string(&line).unwrap_or_else(|error| unreachable!("plain values: {error}"));
    text.push('\n');
    text
}
