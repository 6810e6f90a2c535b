//! Effects: what fires leaves for its target.
//!
//! A file target holds one JSON line an effect of the run. It is written beside and renamed: whoever
//! reads it sees the last run whole, and the same run again gives the same file.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use cpl_plan::{
    program::{Program, TargetKind},
    report::{Change, Decision, Pairs, RunReport, State},
    value::Value,
};
use cpl_syntax::{Code, Diagnostic};
use serde::Serialize;

use crate::trouble::Trouble;

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

/// Writes the files of all file targets, those without effects empty.
pub fn write(program: &Program, report: &RunReport, window: &str, folder: &Path) -> Result<(), Trouble> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let text = files.entry(folder.join(path)).or_default();
        for decision in report.decisions.iter().filter(|decision| decision.state == State::Fires) {
            for (effect, change) in decision.changes.iter().enumerate().filter(|(_, c)| c.target == target.name) {
                text.push_str(&line(decision, effect, change, &report.pipeline, window));
            }
        }
    }
    for (path, text) in files {
        replace(&path, &text)?;
    }
    Ok(())
}

fn line(decision: &Decision, effect: usize, change: &Change, pipeline: &str, window: &str) -> String {
    let line = Line {
        decision: &decision.id,
        effect,
        pipeline,
        rule: &decision.rule,
        window,
        key: &decision.key,
        column: &change.column,
        from: &change.from,
        to: &change.to,
        arguments: &change.arguments,
    };
    let mut text = serde_json::to_string(&line).unwrap_or_else(|error| unreachable!("plain values: {error}"));
    text.push('\n');
    text
}

fn replace(path: &Path, text: &str) -> Result<(), Trouble> {
    let refused = |error: std::io::Error| {
        vec![
            Diagnostic::new(Code::E1102, format!("{} can't be written: {error}", path.display()))
                .help("nothing was written there; the file is as it was"),
        ]
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(refused)?;
    beside.write_all(text.as_bytes()).map_err(refused)?;
    beside.as_file().sync_all().map_err(refused)?;
    beside.persist(path).map_err(|error| refused(error.error))?;
    Ok(())
}
