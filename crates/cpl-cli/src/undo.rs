//! `cpl undo`, `cpl redo`: what was decided is taken back, or taken anew.

use std::path::Path;

use cpl_run::{DecisionError, NotUndone, Undo, UndoneDecision, short};

use crate::{
    CLEAN, Io, WRONG,
    args::{DecisionArgs, UndoArgs},
    decision::{changes, key},
    ledger,
    run::sent,
};

/// Takes back what a decision, or a run, changed.
pub fn undo(args: &UndoArgs, io: &mut Io<'_>) -> u8 {
    undone(args, io).unwrap_or_else(|code| code)
}

fn undone(args: &UndoArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let workspace = ledger::workspace_at(&args.path, io)?;
    let there = io.folder.join(&args.path);
    let folder = if there.is_dir() { there.as_path() } else { there.parent().unwrap_or(Path::new(".")) };
    let by = if args.dry_run { String::new() } else { ledger::person(&args.said, io)? };
    let said = (by.as_str(), args.said.why.as_deref());
    let undo = cpl_run::undo((&workspace, folder), &args.decision, said, io.now, !args.dry_run);
    let undo = undo.map_err(|error| ledger::wrong(error, io))?;
    let _ = write!(io.out, "{}", text(&undo));
    if undo.decisions.is_empty() {
        let _ = writeln!(io.out, "nothing is undone");
        return Ok(WRONG);
    }
    if args.dry_run {
        let _ = writeln!(io.out, "nothing is sent: without `--dry-run` it is");
        return Ok(CLEAN);
    }
    let is_left = !undo.not_undone.is_empty();
    let delivered = undo.send().map_err(|error| ledger::refused(error, io))?;
    let _ = write!(io.out, "{}", sent(delivered));
    // What is left as it is was wanted to be taken back.
    Ok(if delivered.superseded > 0 || is_left { WRONG } else { CLEAN })
}

fn text(undo: &Undo) -> String {
    let mut lines = Vec::new();
    for UndoneDecision { decision, undo, .. } in &undo.decisions {
        let (of, id) = (short(&decision.id), short(&undo.id));
        lines.push(format!("undo of {} {} ({of}), decision {id}", decision.rule, key(decision)));
        lines.extend(changes(undo).into_iter().map(|change| format!("  {change}")));
    }
    for NotUndone { decision, effect, why } in &undo.not_undone {
        let what = match &effect.name {
            Some(name) => format!("{name} {} → {}", effect.before, effect.after),
            None => "call".to_owned(),
        };
        let (id, key) = (short(&decision.id), key(decision));
        lines.push(format!("not undone: {} {key} ({id}), {what} via {}\n  {why}", decision.rule, effect.target));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Says of a decision that the next run of its window takes it anew.
pub fn redo(args: &DecisionArgs, io: &mut Io<'_>) -> u8 {
    redone(args, io).unwrap_or_else(|code| code)
}

fn redone(args: &DecisionArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let workspace = ledger::workspace_at(&args.path, io)?;
    let by = ledger::person(&args.said, io)?;
    let said = (by.as_str(), args.said.why.as_deref());
    let found = cpl_run::redo(&workspace, &args.decision, said, io.now);
    let found = found.map_err(|error: DecisionError| ledger::wrong(error, io))?;
    let (decision, run) = (&found.decision, &found.run);
    let _ = writeln!(
        io.out,
        "redo: {} {} ({})\nthe next run of {} in window {} decides it anew, within its guards",
        decision.rule,
        key(decision),
        short(&decision.id),
        run.pipeline,
        run.window
    );
    Ok(CLEAN)
}
