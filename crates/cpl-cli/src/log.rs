//! `cpl log`: what was decided in a workspace, from its ledger.

use cpl_model::{clock::AsOf, workspace::Workspace};
use cpl_report::{csv_texts, lines};
use cpl_run::{
    DecisionState, EffectState, Log, LogFilter, LogOf, LoggedAlert, LoggedEffect, LoggedMetric, LoggedRun,
    RecordedDecision, short,
};
use cpl_syntax::nearest;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::{
    CLEAN, Io,
    args::{LogArgs, LogFormat},
    decision::{key, key_text, moment, parsed, rule_name, shown},
    ledger, render,
};

/// Prints the newest effects, decisions or runs.
pub fn log(args: &LogArgs, io: &mut Io<'_>) -> u8 {
    printed(args, io).unwrap_or_else(|code| code)
}

fn printed(args: &LogArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let workspace = ledger::workspace_at(&args.path, io)?;
    let of = [
        (args.decisions, LogOf::Decisions),
        (args.runs, LogOf::Runs),
        (args.seen.metrics, LogOf::Metrics),
        (args.seen.alerts, LogOf::Alerts),
    ];
    let of = of.into_iter().find(|(is_wanted, _)| *is_wanted).map_or(LogOf::Effects, |(_, of)| of);
    let filter = filter(args, of).map_err(|why| render::usage_error(&why, io))?;
    let log = cpl_run::log(&workspace, of, &filter).map_err(|error| ledger::refused(error, io))?;
    let entries = entries(&log);
    let nothing = if entries.is_empty() { nothing(&workspace, args, of, io)? } else { "" };
    let _ = match args.format {
        LogFormat::Json => writeln!(io.out, "{:#}", Value::Array(entries.into_iter().map(Value::Object).collect())),
        LogFormat::Csv => write!(io.out, "{}", csv(of, &entries)),
        LogFormat::Text if entries.is_empty() => writeln!(io.out, "{nothing}"),
        LogFormat::Text => write!(io.out, "{}", table(&log)),
    };
    Ok(CLEAN)
}

fn filter(args: &LogArgs, of: LogOf) -> Result<LogFilter, String> {
    let since = args.since.map(micros).transpose()?.unwrap_or(i64::MIN);
    let until = args.until.map(micros).transpose()?.unwrap_or(i64::MAX);
    let (pipeline, rule, value) = (args.pipeline.clone(), args.rule.clone(), args.row.clone());
    let state = args.state.as_ref().map(|word| state(word, of)).transpose()?;
    Ok(LogFilter { pipeline, rule, value, state, since, until, limit: args.limit })
}

/// A moment, in microseconds since 1970; days are those of UTC.
pub fn micros(at: AsOf) -> Result<i64, String> {
    let of = |time: DateTime| TimeZone::UTC.to_timestamp(time);
    let moment = match at {
        AsOf::Date(date) => of(date.to_datetime(jiff::civil::Time::midnight())),
        AsOf::Datetime(time) => of(time),
        AsOf::Moment(moment) => Ok(moment),
    };
    moment.map(Timestamp::as_microsecond).map_err(|error| error.to_string())
}

/// A state as the ledger names it.
fn state(word: &str, of: LogOf) -> Result<String, String> {
    let words: Vec<&str> = match of {
        LogOf::Decisions => DecisionState::ALL.iter().map(|state| state.word()).collect(),
        LogOf::Effects | LogOf::Runs | LogOf::Metrics | LogOf::Alerts => {
            EffectState::ALL.iter().map(|state| state.word()).collect()
        }
    };
    let wanted = word.replace(['_', '-'], " ");
    if words.contains(&wanted.as_str()) {
        return Ok(wanted.replace(' ', "_"));
    }
    let near =
        nearest(&wanted, words.iter().copied()).map_or_else(String::new, |near| format!("did you mean {near}? "));
    Err(format!("--state {word}: {near}There are {}", words.join(", ")))
}

/// What is said where there is nothing. A pipeline that never ran is a mistake, and a rule that never decided.
fn nothing(workspace: &Workspace, args: &LogArgs, of: LogOf, io: &mut Io<'_>) -> Result<&'static str, u8> {
    let known = cpl_run::pipelines(workspace).map_err(|error| ledger::refused(error, io))?;
    let is_filtered = args.rule.is_some() || args.row.is_some() || args.state.is_some();
    let is_in_time = args.since.is_some() || args.until.is_some();
    if known.is_empty() {
        return Ok("nothing was decided yet");
    }
    if let Some(name) = args.pipeline.as_ref().filter(|name| !known.contains(name)) {
        return Err(unknown(&format!("no pipeline {name} ran"), name, &known, io));
    }
    let rules = cpl_run::rules(workspace).map_err(|error| ledger::refused(error, io))?;
    if let Some(name) = args.rule.as_ref().filter(|name| !rules.contains(name)) {
        return Err(unknown(&format!("no rule {name} decided anything"), name, &rules, io));
    }
    Ok(match of {
        LogOf::Metrics => "no run of that time had a dashboard",
        LogOf::Alerts => "no alert found anything in that time",
        _ if is_filtered || is_in_time => "nothing was decided of that kind",
        LogOf::Effects => "nothing was carried out: `cpl log --decisions` shows what was held",
        LogOf::Decisions | LogOf::Runs => "nothing was decided yet",
    })
}

/// Says that a name is none of those that are known.
fn unknown(what: &str, name: &str, known: &[String], io: &mut Io<'_>) -> u8 {
    let near = nearest(name, known.iter().map(String::as_str));
    let near = near.map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean {near}?"));
    render::usage_error(&format!("{what} in this workspace: {near}"), io)
}

fn table(log: &Log) -> String {
    let (header, rows): (&[&str], Vec<Vec<String>>) = match log {
        Log::Effects(effects) => (
            &["run", "window", "pipeline", "rule", "key", "change", "via", "state", "decision"],
            effects.iter().map(effect_row).collect(),
        ),
        Log::Decisions(decisions) => (
            &["run", "window", "pipeline", "rule", "key", "state", "reason", "decision"],
            decisions.iter().map(decision_row).collect(),
        ),
        Log::Runs(runs) => {
            (&["run", "began", "window", "pipeline", "decided", "held"], runs.iter().map(run_row).collect())
        }
        Log::Alerts(alerts) => (
            &["run", "window", "pipeline", "alert", "key", "state", "severity", "text"],
            alerts.iter().map(alert_row).collect(),
        ),
        Log::Metrics(metrics) => (
            &["run", "began", "window", "pipeline", "metric", "value", "unit"],
            metrics.iter().map(metric_row).collect(),
        ),
    };
    let is_number: Vec<bool> = header.iter().map(|name| matches!(*name, "decided" | "held" | "value")).collect();
    lines(header.iter().map(|name| (*name).to_owned()).collect(), &rows, &is_number).join("\n") + "\n"
}

fn effect_row(logged: &LoggedEffect) -> Vec<String> {
    let LoggedEffect { run, decision, effect, state } = logged;
    let change = match &effect.name {
        Some(name) => format!("{name} {} → {}", effect.before, effect.after),
        None => "call".to_owned(),
    };
    vec![
        format!("r{}", decision.run),
        run.window.clone(),
        run.pipeline.clone(),
        rule_name(decision),
        key_text(&effect.key),
        change,
        effect.target.clone(),
        state.word().to_owned(),
        short(&decision.id).to_owned(),
    ]
}

fn decision_row(RecordedDecision { run, decision }: &RecordedDecision) -> Vec<String> {
    vec![
        format!("r{}", decision.run),
        run.window.clone(),
        run.pipeline.clone(),
        rule_name(decision),
        key(decision),
        decision.state().word().to_owned(),
        decision.reason.clone().unwrap_or_default(),
        short(&decision.id).to_owned(),
    ]
}

fn run_row(logged: &LoggedRun) -> Vec<String> {
    let undo = if logged.is_undo { " (undo)" } else { "" };
    vec![
        format!("r{}", logged.serial),
        moment(logged.run.started_at),
        logged.run.window.clone(),
        format!("{}{undo}", logged.run.pipeline),
        logged.acting.to_string(),
        logged.held.to_string(),
    ]
}

fn metric_row(LoggedMetric { run, metric }: &LoggedMetric) -> Vec<String> {
    vec![
        format!("r{}", metric.run),
        moment(run.started_at),
        run.window.clone(),
        run.pipeline.clone(),
        metric.name.clone(),
        metric.value.clone().unwrap_or_else(|| "unknown".to_owned()),
        metric.unit.clone().unwrap_or_default(),
    ]
}

fn alert_row(LoggedAlert { run, alert }: &LoggedAlert) -> Vec<String> {
    vec![
        format!("r{}", alert.run),
        run.window.clone(),
        run.pipeline.clone(),
        alert.alert.clone(),
        key_text(&alert.key),
        alert.state.word().to_owned(),
        alert.severity.clone(),
        alert.text.clone(),
    ]
}

/// For machines: an object each, all with the same fields.
fn entries(log: &Log) -> Vec<Map<String, Value>> {
    let objects: Vec<Value> = match log {
        Log::Effects(effects) => effects.iter().map(effect_object).collect(),
        Log::Decisions(decisions) => decisions.iter().map(decision_object).collect(),
        Log::Runs(runs) => runs.iter().map(run_object).collect(),
        Log::Metrics(metrics) => metrics.iter().map(metric_object).collect(),
        Log::Alerts(alerts) => alerts.iter().map(alert_object).collect(),
    };
    objects.into_iter().filter_map(|object| object.as_object().cloned()).collect()
}

fn effect_object(logged: &LoggedEffect) -> Value {
    let LoggedEffect { run, decision, effect, state } = logged;
    json!({
        "run": format!("r{}", decision.run),
        "began": moment(run.started_at),
        "decision": decision.id,
        "effect": effect.position,
        "pipeline": run.pipeline,
        "window": run.window,
        "rule": decision.rule,
        "undoes": decision.undoes,
        "key": parsed(&effect.key),
        "column": effect.name,
        "from": effect.before,
        "to": effect.after,
        "target": effect.target,
        "reason": decision.reason,
        "because": parsed(&decision.because),
        "state": state.word(),
    })
}

fn decision_object(RecordedDecision { run, decision }: &RecordedDecision) -> Value {
    json!({
        "run": format!("r{}", decision.run),
        "began": moment(run.started_at),
        "decision": decision.id,
        "pipeline": run.pipeline,
        "window": run.window,
        "rule": decision.rule,
        "undoes": decision.undoes,
        "key": parsed(&decision.key),
        "state": decision.state().word(),
        "reason": decision.reason,
        "because": parsed(&decision.because),
        "changes": parsed(decision.changes.as_deref().unwrap_or("[]")),
    })
}

fn run_object(logged: &LoggedRun) -> Value {
    json!({
        "run": format!("r{}", logged.serial),
        "began": moment(logged.run.started_at),
        "pipeline": logged.run.pipeline,
        "window": logged.run.window,
        "decided": logged.acting,
        "held": logged.held,
        "undo": logged.is_undo,
        "program": logged.run.program,
    })
}

fn metric_object(LoggedMetric { run, metric }: &LoggedMetric) -> Value {
    json!({
        "run": format!("r{}", metric.run),
        "began": moment(run.started_at),
        "pipeline": run.pipeline,
        "window": run.window,
        "metric": metric.name,
        "value": metric.value,
        "unit": metric.unit,
    })
}

fn alert_object(LoggedAlert { run, alert }: &LoggedAlert) -> Value {
    json!({
        "run": format!("r{}", alert.run),
        "began": moment(run.started_at),
        "pipeline": run.pipeline,
        "window": run.window,
        "alert": alert.alert,
        "key": parsed(&alert.key),
        "state": alert.state.word(),
        "severity": alert.severity,
        "text": alert.text,
    })
}

/// The same as CSV: what is no plain value is JSON in its field.
fn csv(of: LogOf, entries: &[Map<String, Value>]) -> String {
    let header: Vec<&str> = match of {
        LogOf::Effects => vec![
            "run", "began", "decision", "effect", "pipeline", "window", "rule", "undoes", "key", "column", "from",
            "to", "target", "reason", "because", "state",
        ],
        LogOf::Decisions => vec![
            "run", "began", "decision", "pipeline", "window", "rule", "undoes", "key", "state", "reason", "because",
            "changes",
        ],
        LogOf::Runs => vec!["run", "began", "pipeline", "window", "decided", "held", "undo", "program"],
        LogOf::Alerts => {
            vec!["run", "began", "pipeline", "window", "alert", "key", "state", "severity", "text"]
        }
        LogOf::Metrics => vec!["run", "began", "pipeline", "window", "metric", "value", "unit"],
    };
    let field = |value: &Value| if value.is_null() { String::new() } else { shown(value) };
    let rows = entries.iter().map(|entry| header.iter().map(|name| field(&entry[*name])).collect());
    csv_texts(&header, &rows.collect::<Vec<Vec<String>>>())
}
