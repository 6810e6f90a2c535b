//! `cpl log`: what was decided in a workspace, from its ledger.

use cpl_report::lines;
use cpl_run::LoggedEffect;
use serde_json::{Map, Value, json};

use crate::{
    CLEAN, Io,
    args::{Format, LogArgs},
    decision::{parsed, shown},
    ledger,
};

/// Prints the newest effects.
pub fn log(args: &LogArgs, io: &mut Io<'_>) -> u8 {
    let workspace = match ledger::workspace_at(&args.path, io) {
        Ok(workspace) => workspace,
        Err(code) => return code,
    };
    match cpl_run::log(&workspace, args.pipeline.as_deref(), args.limit) {
        Ok(effects) => {
            let _ = match args.format {
                Format::Text => write!(io.out, "{}", table(&effects)),
                Format::Json => writeln!(io.out, "{:#}", Value::Array(effects.iter().map(object).collect())),
            };
            CLEAN
        }
        Err(error) => ledger::refused(error, io),
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
