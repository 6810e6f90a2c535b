//! File targets: one JSON line an effect of the run. The same run again gives the same file.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use cpl_model::{
    program::{Decision as Rule, Program, TargetKind},
    report::{Change, Decision, Delivery, Pairs, RunReport, State},
    value::Value,
};
use cpl_syntax::Span;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::{
    error::{EffectError, Occupant},
    places::{Places, resolve},
    replace::{sync_folder, write_temporary},
};

/// A file that a run writes: the effects of its window, a line each; without effects it is empty.
#[derive(Clone, Debug)]
pub struct FileEffects {
    /// The path, as it is written.
    pub path: String,
    /// The target.
    pub target: Span,
    /// Where the file is.
    pub file: PathBuf,
    /// The same for all pipelines of the workspace.
    pub place: String,
    /// One line an effect.
    pub lines: Vec<String>,
}

/// One effect, as a line of a file target: raw values, money as text.
#[derive(Clone, Debug, Serialize)]
pub struct EffectLine {
    decision: String,
    /// The decision that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    effect: usize,
    pipeline: String,
    rule: String,
    window: String,
    key: Pairs,
    column: Option<String>,
    from: Value,
    to: Value,
    arguments: Pairs,
    /// Values of `let`s that the command line set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set: BTreeMap<String, String>,
}

/// Refuses file targets that would take the place of something else (a file that is `read`, a pipeline, what is no file),
/// and those whose folder is not there, before anything is read.
///
/// # Errors
/// The first such target.
pub fn check_targets(program: &Program, window: &str, folder: &Path, read: &[PathBuf]) -> Result<(), EffectError> {
    let read: Vec<PathBuf> = read.iter().map(|file| resolve(file)).collect();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        let path = path.at(window);
        let place = resolve(&folder.join(&path));
        if let Some(parent) = place.parent().filter(|parent| !parent.is_dir()) {
            let kind = if parent.exists() { io::ErrorKind::NotADirectory } else { io::ErrorKind::NotFound };
            let target = target.span;
            return Err(EffectError::NotWritten { path, target, kind, written: Vec::new() });
        }
        let by = if place.exists() && !place.is_file() {
            Occupant::NoFile
        } else if place.extension().is_some_and(|extension| extension == "cpl") {
            Occupant::Pipeline
        } else if read.contains(&place) {
            Occupant::Source
        } else {
            continue;
        };
        return Err(EffectError::Occupied { path, target: target.span, by });
    }
    Ok(())
}

/// The file targets of rules that were looked at, without lines: the file of a rule that waits for its day stays as it is.
#[must_use]
pub fn file_effects(
    program: &Program,
    report: &RunReport,
    window: &str,
    folder: &Path,
    places: &Places,
) -> Vec<FileEffects> {
    let mut files: BTreeMap<PathBuf, FileEffects> = BTreeMap::new();
    for target in &program.targets {
        let TargetKind::File(path) = &target.kind else { continue };
        if !is_looked_at(program, report, &target.name) {
            continue;
        }
        let path = path.at(window);
        let file = resolve(&folder.join(&path));
        files.entry(file.clone()).or_insert_with(|| {
            let place = places.place(&target.name).to_owned();
            FileEffects { path, target: target.span, file, place, lines: Vec::new() }
        });
    }
    files.into_values().collect()
}

/// Whether a rule that acts through a target was looked at; of one through which no rule acts, whether any was.
fn is_looked_at(program: &Program, report: &RunReport, target: &str) -> bool {
    let acts = |rule: &&Rule| rule.actions.iter().any(|action| program.targets[action.via().target].name == target);
    let mut rules = program.decisions.iter().filter(acts).peekable();
    rules.peek().is_none() || rules.any(|rule| report.quiet.contains_key(&rule.name))
}

/// How many effects leave for each target, and where it is; `earlier` counts those that earlier runs of the window recorded, by
/// target, and how many of them are not sent yet.
#[must_use]
pub fn deliveries(
    report: &RunReport,
    files: &[FileEffects],
    earlier: &BTreeMap<String, (usize, usize)>,
    program: &Program,
    window: &str,
) -> Vec<Delivery> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for decision in report.decisions.iter().filter(|decision| decision.state == State::Fires) {
        for change in &decision.changes {
            *found.entry(&change.target).or_default() += 1;
        }
    }
    let kind = |name: &str| program.targets.iter().find(|target| target.name == name).map(|target| &target.kind);
    // A file that is written is reported, though no effect is sent for it.
    let written = program.targets.iter().filter(|target| files.iter().any(|file| file.target == target.span));
    for target in written {
        found.entry(&target.name).or_default();
    }
    for (target, _) in earlier.iter().filter(|(_, (_, unsent))| *unsent > 0) {
        found.entry(target).or_default();
    }
    let delivery = |(target, effects): (&str, usize)| {
        let (earlier, unsent) = earlier.get(target).copied().unwrap_or_default();
        let to = match kind(target) {
            Some(TargetKind::File(path)) => Some(path.at(window)),
            _ => None,
        };
        Delivery { target: target.to_owned(), to, effects, earlier, unsent }
    };
    found.into_iter().map(delivery).collect()
}

/// Effects that are written next to their places. Dropped, they leave nothing behind.
pub struct PreparedFiles(Vec<(FileEffects, NamedTempFile)>);

/// Writes all files next to their places.
///
/// # Errors
/// What the system refuses; no file is written then.
pub fn prepare(effects: Vec<FileEffects>) -> Result<PreparedFiles, EffectError> {
    let mut ready = Vec::new();
    for file in effects {
        let text: String = file.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let temporary =
            write_temporary(&file.file, text.as_bytes()).map_err(|error| refused(&file, error.kind(), &[]))?;
        ready.push((file, temporary));
    }
    Ok(PreparedFiles(ready))
}

impl PreparedFiles {
    /// Puts each in its place.
    ///
    /// # Errors
    /// What the system refuses, and which files are written already.
    pub fn put(self) -> Result<(), EffectError> {
        let mut written = Vec::new();
        for (file, temporary) in self.0 {
            let put = temporary.persist(&file.file).map_err(|error| error.error);
            let put = put.and_then(|_| sync_folder(&file.file));
            put.map_err(|error| refused(&file, error.kind(), &written))?;
            written.push(file.path);
        }
        Ok(())
    }
}

fn refused(effects: &FileEffects, kind: io::ErrorKind, written: &[String]) -> EffectError {
    EffectError::NotWritten { path: effects.path.clone(), target: effects.target, kind, written: written.to_vec() }
}

impl EffectLine {
    /// The pipeline.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// The line, without its end.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("plain values: {error}"))
    }
}

/// An effect of a decision, as it leaves.
#[must_use]
pub fn line(decision: &Decision, effect: usize, change: &Change, report: &RunReport, window: &str) -> EffectLine {
    EffectLine {
        decision: decision.id.clone(),
        undoes: decision.undoes.clone(),
        effect,
        pipeline: report.pipeline.clone(),
        rule: decision.rule.clone(),
        window: window.to_owned(),
        key: change.row.clone().unwrap_or_else(|| decision.key.clone()),
        column: change.column.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
        arguments: change.arguments.clone(),
        set: report.set.clone(),
    }
}
