//! `cpl log`: what was decided in a workspace, from its ledger.

use std::path::Path;

use cpl_report::lines;
use cpl_run::LoggedEffect;
use serde_json::{Map, Value, json};

use crate::{
    CLEAN, Io, WRONG,
    args::{Format, LogArgs},
    render,
    workspace::workspace,
};

/// Prints the newest effects.
pub fn log(args: &LogArgs, io: &mut Io<'_>) -> u8 {
    // The workspace of a folder is that of a pipeline in it.
    let pipeline = if io.folder.join(&args.path).is_dir() { args.path.join("any.cpl") } else { args.path.clone() };
    if !io.folder.join(&args.path).exists() {
        return render::usage_error(&format!("{}: there is no such file", args.path.display()), io);
    }
    let found = workspace(&pipeline, io).map_err(|diagnostic| vec![diagnostic]);
    let found = found.and_then(|workspace| {
        cpl_run::log(&workspace, args.pipeline.as_deref(), args.limit).map_err(cpl_run::RunError::diagnostics)
    });
    match found {
        Ok(effects) => {
            let _ = match args.format {
                Format::Text => write!(io.out, "{}", table(&effects)),
                Format::Json => writeln!(io.out, "{:#}", Value::Array(effects.iter().map(object).collect())),
            };
            CLEAN
        }
        Err(diagnostics) => {
            render::render(&diagnostics, Path::new(""), "", io);
            WRONG
        }
    }
}

fn table(effects: &[LoggedEffect]) -> String {
    if effects.is_empty() {
        return "nothing was decided yet\n".to_owned();
    }
    let header = ["window", "pipeline", "rule", "key", "change", "via", "state"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = effects.iter().map(row).collect();
    lines(header, &rows, &[false; 7]).join("\n") + "\n"
}

fn row(logged: &LoggedEffect) -> Vec<String> {
    let LoggedEffect { run, decision, effect, state, .. } = logged;
    let key: Vec<String> = parsed(&effect.key).as_object().into_iter().flat_map(Map::values).map(shown).collect();
    let change = match &effect.name {
        Some(name) => format!("{name} {} → {}", effect.before, effect.after),
        None => "call".to_owned(),
    };
    let (window, rule) = (run.window.clone(), decision.rule.clone());
    vec![window, run.pipeline.clone(), rule, key.join(", "), change, effect.target.clone(), state.word().to_owned()]
}

fn object(logged: &LoggedEffect) -> Value {
    let LoggedEffect { run, decision, effect, state, .. } = logged;
    json!({
        "decision": decision.id,
        "effect": effect.position,
        "pipeline": run.pipeline,
        "window": run.window,
        "rule": decision.rule,
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

/// What the ledger keeps as JSON.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
