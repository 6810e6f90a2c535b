//! File targets: one JSON line an effect of the run. The same run again gives the same file.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use cpl_model::{
    program::{Program, TargetKind},
    report::{Change, Decision, Pairs, RunReport, State},
    value::Value,
};
use cpl_syntax::Span;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    error::{EffectError, Occupant},
    replace::write_beside,
};

/// All effects of a run for one file; a file without effects is empty.
#[derive(Clone, Debug)]
pub struct FileEffects {
    /// The path, as it is written.
    pub path: String,
    /// The target.
    pub target: Span,
    /// Where the file is.
    pub place: PathBuf,
    /// One line an effect.
    pub lines: Vec<EffectLine>,
}

/// One effect, as a line of a file target: raw values, money as text.
#[derive(Clone, Debug, Serialize)]
pub struct EffectLine {
    decision: String,
    effect: usize,
    pipeline: String,
    rule: String,
    window: String,
    key: Pairs,
    column: Option<String>,
    from: Value,
    to: Value,
    arguments: Pairs,
}

/// Refuses file targets that would take the place of something else: a file that is `read`, a pipeline, what is no
/// file.
///
/// # Errors
/// The first such target.
pub fn check_targets(program: &Program, folder: &Path, read: &[PathBuf]) -> Result<(), EffectError> {
    let read: Vec<PathBuf> = read.iter().map(|file| resolve(file)).collect();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let place = resolve(&folder.join(path));
        let by = if place.exists() && !place.is_file() {
            Occupant::NoFile
        } else if place.extension().is_some_and(|extension| extension == "cpl") {
            Occupant::Pipeline
        } else if read.contains(&place) {
            Occupant::Source
        } else {
            continue;
        };
        return Err(EffectError::Occupied { path: path.clone(), target: target.span, by });
    }
    Ok(())
}

/// What a path means once its links are followed; of a file that is not there, in what its folder means.
fn resolve(path: &Path) -> PathBuf {
    let in_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// The effects of a report for all file targets.
#[must_use]
pub fn file_effects(program: &Program, report: &RunReport, window: &str, folder: &Path) -> Vec<FileEffects> {
    let mut files: BTreeMap<PathBuf, FileEffects> = BTreeMap::new();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let place = resolve(&folder.join(path));
        let effects = files.entry(place.clone()).or_insert_with(|| FileEffects {
            path: path.clone(),
            target: target.span,
            place,
            lines: Vec::new(),
        });
        for decision in report.decisions.iter().filter(|decision| decision.state == State::Fires) {
            for (effect, change) in decision.changes.iter().enumerate().filter(|(_, c)| c.target == target.name) {
                effects.lines.push(line(decision, effect, change, &report.pipeline, window));
            }
        }
    }
    files.into_values().collect()
}

/// Effects that are written next to their places. Dropped, they leave nothing behind.
pub struct PreparedFiles<'a>(Vec<(&'a FileEffects, NamedTempFile)>);

/// Writes all files next to their places.
///
/// # Errors
/// What the system refuses; no file is written then.
pub fn prepare(effects: &[FileEffects]) -> Result<PreparedFiles<'_>, EffectError> {
    let mut ready = Vec::new();
    for file in effects {
        let text: String = file.lines.iter().map(text).collect();
        let beside = write_beside(&file.place, text.as_bytes()).map_err(|error| refused(file, error.kind(), &[]))?;
        ready.push((file, beside));
    }
    Ok(PreparedFiles(ready))
}

impl PreparedFiles<'_> {
    /// Puts each in its place.
    ///
    /// # Errors
    /// What the system refuses, and which files are written already.
    pub fn put(self) -> Result<(), EffectError> {
        let mut written = Vec::new();
        for (file, beside) in self.0 {
            beside.persist(&file.place).map_err(|error| refused(file, error.error.kind(), &written))?;
            written.push(file.path.clone());
        }
        Ok(())
    }
}

fn refused(effects: &FileEffects, kind: io::ErrorKind, written: &[String]) -> EffectError {
    EffectError::NotWritten { path: effects.path.clone(), target: effects.target, kind, written: written.to_vec() }
}

fn text(line: &EffectLine) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_else(|error| unreachable!("plain values: {error}"));
    text.push('\n');
    text
}

fn line(decision: &Decision, effect: usize, change: &Change, pipeline: &str, window: &str) -> EffectLine {
    EffectLine {
        decision: decision.id.clone(),
        effect,
        pipeline: pipeline.to_owned(),
        rule: decision.rule.clone(),
        window: window.to_owned(),
        key: change.row.clone().unwrap_or_else(|| decision.key.clone()),
        column: change.column.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
        arguments: change.arguments.clone(),
    }
}
