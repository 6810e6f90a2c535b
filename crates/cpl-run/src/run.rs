//! A run: the plan's answers, the report of them, then the effects.

use std::path::PathBuf;

use cpl_effects::{
    EffectError, FileEffects, PreparedFiles, QuarantineFile, check_targets, deliveries, file_effects, prepare,
    write_quarantine,
};
use cpl_exec::{RejectedRows, expand};
use cpl_model::{
    program::{Program, TableSource, TargetKind},
    report::RunReport,
};
use cpl_plan::{
    Plan,
    backend::{Answers, Backend},
    bind::{BoundPlan, bind},
};
use cpl_rules::quarantine_file;

use crate::{RunContext, RunError};

/// A run whose report is there, and whose effects are ready to leave.
pub struct ReadyRun {
    /// The report of it.
    pub report: RunReport,
    effects: PreparedFiles,
    quarantine: Vec<QuarantineFile>,
    stem: String,
    folder: PathBuf,
}

impl ReadyRun {
    /// Lets the effects out.
    ///
    /// # Errors
    /// What the system refuses; the error says what was sent.
    pub fn send(self) -> Result<(), RunError> {
        write_quarantine(&self.stem, &self.folder, self.quarantine)?;
        Ok(self.effects.put()?)
    }
}

/// Runs a plan up to where its effects leave.
///
/// # Errors
/// What kept the run from being finished. No effect was sent then.
pub fn run(plan: Plan, context: &RunContext<'_>) -> Result<ReadyRun, RunError> {
    let (report, effects, answers, plan) = evaluate(plan, context)?;
    Ok(ReadyRun {
        report,
        effects: prepare(effects)?,
        quarantine: quarantine(plan.program(), answers, context)?,
        stem: context.stem.to_owned(),
        folder: context.folder.to_owned(),
    })
}

/// What a run would do. It holds no means of writing.
///
/// # Errors
/// What keeps a run from being finished.
pub fn plan(plan: Plan, context: &RunContext<'_>) -> Result<RunReport, RunError> {
    let (report, ..) = evaluate(plan, context)?;
    Ok(RunReport { planned: true, ..report })
}

/// The report of a plan, its effects, and what it was made of.
type Evaluated = (RunReport, Vec<FileEffects>, Answers<RejectedRows>, BoundPlan);

fn evaluate(plan: Plan, context: &RunContext<'_>) -> Result<Evaluated, RunError> {
    let plan = bind(plan, context.clock.clone(), false)?;
    let window = plan.clock().name(plan.program().every);
    check_targets(plan.program(), &window, context.folder, &read_files(plan.program(), context))?;
    let inputs = context.inputs(&plan)?;
    let answers = context.engine(&inputs).run(&plan)?;
    let mut report = context.report(&plan, &answers, false).report();
    let effects = file_effects(plan.program(), &report, &window, context.folder);
    report.effects = deliveries(&report, &effects, plan.program(), &window);
    Ok((report, effects, answers, plan))
}

/// The files that the pipeline reads, where it has file targets. A file that is not there is reported by its fetch.
fn read_files(program: &Program, context: &RunContext<'_>) -> Vec<PathBuf> {
    if !program.targets.iter().any(|target| matches!(target.kind, TargetKind::File(_))) {
        return Vec::new();
    }
    let fetches = program.tables.iter().filter_map(|table| match &table.source {
        // What a server answers is no path, whatever stands in the query.
        TableSource::Fetch(fetch) => Some(fetch).filter(|fetch| fetch.is_local()),
        TableSource::Transform { .. } => None,
    });
    fetches.flat_map(|fetch| expand(fetch, context.folder).unwrap_or_default()).collect()
}

/// The rejected rows of all fetches that have some.
fn quarantine(
    program: &Program,
    answers: Answers<RejectedRows>,
    context: &RunContext<'_>,
) -> Result<Vec<QuarantineFile>, EffectError> {
    let mut files = Vec::new();
    for (id, mut read) in answers.read {
        let table = program.table(id);
        let text = read.rejected.text();
        let text = text.map_err(|error| EffectError::NotReadBack { table: table.name.clone(), kind: error.kind() })?;
        if let Some(text) = text {
            let path = quarantine_file(context.stem, &table.name);
            files.push(QuarantineFile { path, fetch: table.span, text: Box::new(text) });
        }
    }
    Ok(files)
}
