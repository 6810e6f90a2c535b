//! `cpl explain DECISION`: a decision of the past, from the ledger alone.

use cpl_report::lines;
use cpl_run::{
    DecisionStory, EffectState, LedgerDecision as Decision, LedgerEffect as Effect, LedgerStep as Step,
    RecordedDecision, decision_story,
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::{
    CLEAN, Io,
    args::{ExplainArgs, Format},
    ledger,
};

/// Prints what a decision was, and what became of it.
pub fn explain(id: &str, args: &ExplainArgs, io: &mut Io<'_>) -> u8 {
    let workspace = match ledger::workspace_at(&args.path, io) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    match decision_story(&workspace, id) {
        Ok(story) => {
            let _ = match args.format {
                Format::Text => write!(io.out, "{}", text(&story)),
                Format::Json => writeln!(io.out, "{:#}", object(&story)),
            };
            CLEAN
        }
        Err(error) => ledger::wrong(error, io),
    }
}

fn text(story: &DecisionStory) -> String {
    let Some(RecordedDecision { run, decision }) = story.history.last() else { return String::new() };
    let mut text = format!(
        "{} {}: {}\n{}, window {}\ndecision {}\n",
        rule_name(decision),
        key(decision),
        decision.state().word(),
        run.pipeline,
        run.window,
        decision.id
    );
    if let Some(undone) = &decision.undoes {
        text.extend(["takes back ", undone, "\n"]);
    }
    if let Some(undo) = &story.undo {
        text.extend(["taken back by ", undo, "\n"]);
    }
    section(&mut text, "WHAT HAPPENED", &happened(story));
    section(&mut text, "CONDITIONS", &strings(decision.conditions.as_deref()));
    section(&mut text, "VALUES", &values(decision));
    section(&mut text, "CHANGES", &changes(decision));
    section(
        &mut text,
        "WHAT WAS SENT",
        &story.effects.iter().map(|(effect, _)| effect.payload.clone()).collect::<Vec<_>>(),
    );
    let rule = story.rule.as_deref().unwrap_or("the ledger lacks its text");
    section(&mut text, "THE RULE, AS IT WAS", &rule.lines().map(str::to_owned).collect::<Vec<_>>());
    text
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.extend(["\n", title, "\n"]);
    for line in lines {
        text.push_str(format!("  {line}").trim_end());
        text.push('\n');
    }
}

/// Everything that was recorded of it, by time.
fn happened(story: &DecisionStory) -> Vec<String> {
    let mut found: Vec<(i64, String)> = Vec::new();
    for RecordedDecision { run, decision } in &story.history {
        let why = decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        found.push((run.started_at, format!("{}{why}", decision.state().word())));
    }
    for verdict in &story.verdicts {
        let why = verdict.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        found.push((verdict.at, format!("{} by {}{why}", verdict.verdict.word(), verdict.by)));
    }
    for (effect, steps) in &story.effects {
        let which = if story.effects.len() > 1 { format!("effect {} ", effect.position + 1) } else { String::new() };
        for step in steps {
            let why = step.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            found.push((step.at, format!("{which}{} ({}){why}", step.state.word(), effect.target)));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(at, what)| format!("{}  {what}", moment(at))).collect()
}

/// A moment of the ledger, as a person reads it.
pub fn moment(micros: i64) -> String {
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    moment.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn values(decision: &Decision) -> Vec<String> {
    let because = parsed(&decision.because);
    let rows: Vec<Vec<String>> =
        because.as_array().into_iter().flatten().map(|one| vec![shown(&one["text"]), shown(&one["value"])]).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    lines(vec!["value".to_owned(), "was".to_owned()], &rows, &[false, true])
}

/// What a decision changes, a line each.
pub fn changes(decision: &Decision) -> Vec<String> {
    let changes = parsed(decision.changes.as_deref().unwrap_or("[]"));
    changes.as_array().into_iter().flatten().map(change).collect()
}

fn change(change: &Value) -> String {
    let row = match &change["row"] {
        Value::Object(row) => format!("{}: ", row.values().map(shown).collect::<Vec<_>>().join(", ")),
        _ => String::new(),
    };
    let what = match &change["column"] {
        Value::Null => "call".to_owned(),
        column => format!("{} {} → {}", shown(column), shown(&change["from"]), shown(&change["to"])),
    };
    let arguments: Vec<String> = change["arguments"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name} = {}", shown(value)))
        .collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!(" {{ {} }}", arguments.join(", ")) };
    format!("{row}{what} via {}{arguments}", shown(&change["target"]))
}

/// The values that name a decision's row.
pub fn key(decision: &Decision) -> String {
    key_text(&decision.key)
}

/// The values of a key, as the ledger keeps it.
pub fn key_text(key: &str) -> String {
    parsed(key).as_object().into_iter().flat_map(Map::values).map(shown).collect::<Vec<_>>().join(", ")
}

/// A decision's rule; of one that takes another back it says so.
pub fn rule_name(decision: &Decision) -> String {
    format!("{}{}", if decision.undoes.is_some() { "undo of " } else { "" }, decision.rule)
}

fn object(story: &DecisionStory) -> Value {
    let Some(RecordedDecision { run, decision }) = story.history.last() else { return Value::Null };
    json!({
        "decision": decision.id,
        "pipeline": run.pipeline,
        "window": run.window,
        "rule": decision.rule,
        "key": parsed(&decision.key),
        "state": decision.state().word(),
        "undoes": decision.undoes,
        "undone_by": story.undo,
        "history": story.history.iter().map(|recorded| json!({
            "at": moment(recorded.run.started_at),
            "state": recorded.decision.state().word(),
            "reason": recorded.decision.reason,
        })).collect::<Vec<_>>(),
        "verdicts": story.verdicts.iter().map(|verdict| json!({
            "at": moment(verdict.at),
            "verdict": verdict.verdict.word(),
            "by": verdict.by,
            "why": verdict.why,
        })).collect::<Vec<_>>(),
        "conditions": strings(decision.conditions.as_deref()),
        "because": parsed(&decision.because),
        "changes": parsed(decision.changes.as_deref().unwrap_or("[]")),
        "effects": story.effects.iter().map(effect).collect::<Vec<_>>(),
        "rule_text": story.rule,
    })
}

fn effect((effect, steps): &(Effect, Vec<Step>)) -> Value {
    json!({
        "effect": effect.position,
        "target": effect.target,
        "sent": parsed(&effect.payload),
        "state": steps.last().map_or(EffectState::Recorded, |step| step.state).word(),
        "steps": steps.iter().map(|step| json!({ "at": moment(step.at), "state": step.state.word(), "why": step.why })).collect::<Vec<_>>(),
    })
}

/// What the ledger keeps as JSON.
pub fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn strings(json: Option<&str>) -> Vec<String> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// A value as a person reads it.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
