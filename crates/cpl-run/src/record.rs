//! A report's decisions → rows of the ledger.

use std::{fs, path::Path};

use cpl_effects::Places;
use cpl_exec::expand;
use cpl_ledger::{
    Alert as AlertRow, AlertState, Decision as DecisionRow, DecisionState, Effect, LedgerError, MetricValue,
    Observation, Run, Transaction, Window,
};
use cpl_model::{
    program::{Level, Program},
    report::{Alert, AlertOver, Change, Check, Decision, Metric, RunReport, State},
};
use cpl_rules::{changes_text, unit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{RunContext, local_files::local_fetches, payloads::Payloads};

/// What is said of an alert that is over.
const OVER: &str = "it is so no longer";

/// What is recorded of a run, before it has numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The pipeline's text.
    pub program: String,
    /// The run.
    pub run: Run,
    /// What its dashboard showed.
    #[serde(default)]
    pub metrics: Vec<MetricValue>,
    /// What its alerts found.
    #[serde(default)]
    pub alerts: Vec<AlertRow>,
    /// What it decided.
    pub decisions: Vec<DecisionRecord>,
}

/// A decision, and what follows from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The decision.
    pub decision: DecisionRow,
    /// Its effects, where it acts.
    pub effects: Vec<Effect>,
    /// Values that somebody else left, and that no run saw before.
    pub observations: Vec<Observation>,
}

/// What a fetch read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The fetch.
    pub fetch: String,
    /// How many rows.
    pub rows: u64,
    /// The newest value of its time column.
    pub newest: Option<String>,
    /// How many rows were rejected.
    #[serde(default)]
    pub bad_rows: u64,
    /// Its files.
    pub files: Vec<InputFile>,
}

/// A file that was read, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its path, from the folder of the pipeline.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// When it was changed last.
    pub modified: Option<String>,
}

/// A check of the data that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenCheck {
    /// What was wrong.
    pub kind: String,
    /// The table.
    pub table: String,
    /// What was found.
    pub text: String,
    /// How many decisions it held.
    pub held: u64,
}

/// What is needed to record a report.
pub struct RecordBuilder<'a> {
    pub program: &'a Program,
    pub places: &'a Places,
    pub window: &'a str,
    /// What leaves.
    pub payloads: &'a Payloads,
    pub context: &'a RunContext<'a>,
    /// The name in which decisions are counted.
    pub workspace: &'a str,
}

impl RecordBuilder<'_> {
    /// What is recorded of a report.
    pub fn record(&self, report: &RunReport) -> Record {
        let Self { program, window, context, .. } = *self;
        let run = Run {
            pipeline: report.pipeline.clone(),
            window: window.to_owned(),
            window_start: context.clock.now.timestamp().as_microsecond(),
            started_at: context.started_at.as_microsecond(),
            program: String::new(),
            window_end: Some(context.clock.end.timestamp().as_microsecond()),
            inputs: Some(json(&inputs(program, context.folder, report))),
            settings: (!report.set.is_empty()).then(|| json(&report.set)),
            checks: Some(broken_checks(report)).filter(|checks| !checks.is_empty()).map(|checks| json(&checks)),
            workspace: Some(self.workspace.to_owned()),
        };
        let decisions = report.decisions.iter().filter_map(|decision| self.decision(decision, &run)).collect();
        let metrics = report.constraint.iter().chain(&report.drivers).map(metric_value).collect();
        let alerts = report.alerts.iter().map(|alert| alert_row(alert, run.window_start));
        let alerts = alerts.chain(report.alerts_over.iter().map(|over| alert_over_row(over, program))).collect();
        Record { program: program.text.to_string(), run, metrics, alerts, decisions }
    }

    fn decision(&self, decision: &Decision, run: &Run) -> Option<DecisionRecord> {
        let state = match decision.state {
            State::Fires => DecisionState::Acts,
            State::Held if decision.awaits_approval => DecisionState::AwaitsApproval,
            State::Held => DecisionState::Held,
            State::Undecided => DecisionState::Undecided,
            State::Suppressed | State::Quiet => return None,
        };
        let row = DecisionRow {
            run: 0,
            id: decision.id.clone(),
            rule: decision.rule.clone(),
            key: json(&decision.key),
            reason: decision.reason.clone(),
            because: json(&decision.because),
            state: Some(state),
            changes: Some(changes_text(&decision.changes)),
            conditions: Some(json(&decision.conditions)),
            undoes: None,
            sends: self.payloads.name(decision, self.places),
        };
        let observations = decision.changes.iter().filter_map(|change| self.observation(change, run)).collect();
        let effect = |(position, change)| self.effect(decision, position, change, run);
        let effects = if state == DecisionState::Acts {
            decision.changes.iter().enumerate().map(effect).collect()
        } else {
            Vec::new()
        };
        Some(DecisionRecord { decision: row, effects, observations })
    }

    fn effect(&self, decision: &Decision, position: usize, change: &Change, run: &Run) -> Effect {
        let place = self.places.place(&change.target);
        let payload = self.payloads.effect(&decision.id, position);
        Effect {
            decision: 0,
            decision_id: decision.id.clone(),
            position: i64::try_from(position).unwrap_or(i64::MAX),
            window: run.window.clone(),
            window_start: run.window_start,
            target: change.target.clone(),
            place: place.to_owned(),
            resource: change.resource.as_ref().map_or_else(String::new, |of| self.places.resource_name(of)),
            key: json(change.row.as_ref().unwrap_or(&decision.key)),
            name: change.column.clone(),
            before: change.from.raw(),
            after: change.to.raw(),
            payload: payload.text.clone(),
            setting: change.setting.clone(),
            unit: unit(&change.to),
            reverse: payload.reverse.clone(),
        }
    }

    /// A value that somebody else left, where this run is the first to see it.
    fn observation(&self, change: &Change, run: &Run) -> Option<Observation> {
        let (resource, setting) = (change.resource.as_ref()?, change.setting.clone()?);
        change.is_first_seen.then(|| Observation {
            resource: self.places.resource_name(resource),
            setting,
            value: change.from.raw(),
            window_start: run.window_start,
        })
    }
}

impl Record {
    /// Writes all rows, given what was known of the window: the numbers of the effects that only the report shows.
    ///
    /// # Errors
    /// What the ledger refuses: nothing may leave then.
    pub fn write(&self, transaction: &mut Transaction<'_>, window: &Window) -> Result<Vec<i64>, LedgerError> {
        let mut printed = Vec::new();
        let program = transaction.add_program(&self.program)?;
        let run = transaction.add(&Run { program, ..self.run.clone() })?;
        self.write_seen(run, transaction)?;
        for DecisionRecord { decision, effects, observations } in &self.decisions {
            let row = DecisionRow { run, ..decision.clone() };
            for observation in observations {
                if !is_observed(observation, transaction)? {
                    transaction.add(observation)?;
                }
            }
            if is_known(&row, window) {
                continue;
            }
            let decision = transaction.add(&row)?;
            for effect in effects {
                let serial = transaction.add(&Effect { decision, ..effect.clone() })?;
                if Places::is_printed(&effect.place) {
                    printed.push(serial);
                }
            }
        }
        Ok(printed)
    }
}

impl Record {
    /// What the run saw: what its window showed already is no news.
    fn write_seen(&self, run: i64, transaction: &mut Transaction<'_>) -> Result<(), LedgerError> {
        let window = self.run.window_id();
        let shown = transaction.metrics(window)?;
        for metric in &self.metrics {
            let last = shown.get(&metric.name);
            if last.is_none_or(|last| *last != MetricValue { run: last.run, ..metric.clone() }) {
                transaction.add(&MetricValue { run, ..metric.clone() })?;
            }
        }
        let mut found = transaction.alerts(window)?;
        for alert in &self.alerts {
            let last = found.remove(&(alert.alert.clone(), alert.key.clone()));
            if last.is_none_or(|last| last != AlertRow { run: last.run, ..alert.clone() }) {
                transaction.add(&AlertRow { run, ..alert.clone() })?;
            }
        }
        for last in found.into_values().filter(|last| last.state != AlertState::Over) {
            let text = OVER.to_owned();
            transaction.add(&AlertRow { run, state: AlertState::Over, text, ..last })?;
        }
        Ok(())
    }
}

/// What an alert found, before it has a run.
fn alert_row(alert: &Alert, window_start: i64) -> AlertRow {
    let state = match alert.state {
        State::Fires if alert.is_still() => AlertState::Still,
        State::Fires => AlertState::Fires,
        State::Undecided => AlertState::Undecided,
        State::Held | State::Suppressed | State::Quiet => AlertState::Suppressed,
    };
    let (name, severity, text) = (alert.alert.clone(), alert.severity.word().to_owned(), alert.text.clone());
    let reported =
        alert.reported.as_ref().map_or((state == AlertState::Fires).then_some(window_start), |at| micros(at));
    AlertRow { run: 0, alert: name, key: json(&alert.key), state, severity, text, reported }
}

/// One that is over.
fn alert_over_row(over: &AlertOver, program: &Program) -> AlertRow {
    let rule = program.alerts.iter().find(|rule| rule.name == over.alert);
    let severity = rule.map_or(Level::Warning, |rule| rule.severity).word().to_owned();
    let (alert, key, text) = (over.alert.clone(), json(&over.key), OVER.to_owned());
    AlertRow { run: 0, alert, key, state: AlertState::Over, severity, text, reported: micros(&over.reported) }
}

/// A moment of the report, in microseconds since 1970.
fn micros(iso: &str) -> Option<i64> {
    iso.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// A metric of the dashboard, before it has a run.
fn metric_value(metric: &Metric) -> MetricValue {
    let value = Some(metric.value.raw()).filter(|_| !metric.value.is_unknown());
    MetricValue { run: 0, name: metric.metric.clone(), value, unit: unit(&metric.value) }
}

/// Whether a decision is recorded as it is: what acted in this window is no news, and neither is what is held as before.
fn is_known(row: &DecisionRow, window: &Window) -> bool {
    let is_same = |last: &DecisionRow| {
        last.state() == DecisionState::Acts || *last == DecisionRow { run: last.run, ..row.clone() }
    };
    row.state() != DecisionState::Acts && window.decision(&row.id).is_some_and(is_same)
}

/// Whether a value that somebody else left is recorded already, as the newest one of its setting.
fn is_observed(one: &Observation, transaction: &Transaction<'_>) -> Result<bool, LedgerError> {
    Ok(transaction.observed(&one.resource, &one.setting, i64::MAX)?.as_ref() == Some(one))
}

/// What the fetches of a program read.
fn inputs(program: &Program, folder: &Path, report: &RunReport) -> Vec<Input> {
    let files = |name: &str| {
        let fetch = local_fetches(program).find(|(fetch, _)| *fetch == name).map(|(_, fetch)| fetch);
        let files = fetch.and_then(|fetch| expand(fetch, folder).ok()).unwrap_or_default();
        files.iter().map(|file| InputFile::of(file, folder)).collect()
    };
    let input = |source: &cpl_model::report::Source| Input {
        fetch: source.fetch.clone(),
        rows: source.rows,
        newest: Some(source.newest.raw()).filter(|text| !text.is_empty()),
        bad_rows: source.bad_rows,
        files: files(&source.fetch),
    };
    report.sources.iter().map(input).collect()
}

/// The checks that did not hold, but those that are only watched.
fn broken_checks(report: &RunReport) -> Vec<BrokenCheck> {
    let held = |check: &Check| {
        let by_it = |one: &&Decision| {
            one.state == State::Held
                && check.holds.contains(&one.rule)
                && one.reason.as_ref() == Some(&format!("`{}` is broken: {}", check.check, check.text))
        };
        report.decisions.iter().filter(by_it).count() as u64
    };
    let broken = report.checks.iter().filter(|check| check.broken && !check.watched);
    let row = |check: &Check| BrokenCheck {
        kind: check.subject.error().to_owned(),
        table: check.table.clone(),
        text: check.text.clone(),
        held: held(check),
    };
    broken.map(row).collect()
}

impl InputFile {
    /// A file as it is now.
    pub fn of(file: &Path, folder: &Path) -> Self {
        let found = fs::metadata(file).ok();
        let modified = found.as_ref().and_then(|found| Timestamp::try_from(found.modified().ok()?).ok());
        let modified = modified.map(|modified| modified.to_string());
        let path = file.strip_prefix(folder).unwrap_or(file).display().to_string();
        Self { path, bytes: found.map_or(0, |found| found.len()), modified }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("plain values: {error}"))
}
