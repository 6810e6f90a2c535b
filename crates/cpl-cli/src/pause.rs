//! `cpl pause`, `cpl resume`.

use std::path::Path;

use cpl_run::{PauseState, pause_of, pipelines, set_pause};
use cpl_syntax::nearest;

use crate::{CLEAN, Io, args::PauseArgs, ledger, load, render, text::Text};

/// Begins a pause, or ends one, and says what comes of it.
pub fn pause(args: &PauseArgs, state: PauseState, io: &mut Io<'_>) -> u8 {
    set(args, state, io).unwrap_or_else(|code| code)
}

fn set(args: &PauseArgs, state: PauseState, io: &mut Io<'_>) -> Result<u8, u8> {
    let path = io.folder.join(&args.pipeline);
    let is_named = !path.exists();
    let workspace = ledger::workspace_at(if is_named { Path::new(".") } else { &args.pipeline }, io)?;
    let pipeline = if is_named {
        let name = args.pipeline.display().to_string();
        let known = pipelines(&workspace).map_err(|error| ledger::refused(error, io))?;
        if !known.contains(&name) {
            let near = nearest(&name, known.iter().map(String::as_str));
            let near = near.map_or_else(|| "name its file".to_owned(), |near| format!("did you mean {near}?"));
            return Err(render::usage_error(&format!("no pipeline {name} ran in this workspace: {near}"), io));
        }
        Some(name)
    } else if path.is_dir() {
        None
    } else {
        Some(name_in(&args.pipeline, io)?)
    };
    let by = ledger::person(&args.said, io)?;
    let said = (by.as_str(), args.said.why.as_deref());
    let was_so = set_pause(&workspace, pipeline.as_deref(), state, said, io.now);
    let was_so = was_so.map_err(|error| ledger::refused(error, io))?;
    let still = pipeline.as_deref().map(|name| pause_of(&workspace, name)).transpose();
    let is_all_paused = still.map_err(|error| ledger::refused(error, io))?.flatten().is_some();
    let of = pipeline.unwrap_or_else(|| format!("all pipelines of the workspace {}", workspace.name));
    let _ = match (state, was_so) {
        (PauseState::Paused, false) => writeln!(io.out, "paused: {of}; nothing is sent until `cpl resume`"),
        (PauseState::Resumed, false) => writeln!(io.out, "resumed: {of}"),
        (PauseState::Paused, true) => writeln!(io.out, "{of}: paused already"),
        (PauseState::Resumed, true) if is_all_paused => {
            writeln!(io.out, "{of}: the whole workspace is paused, which `cpl resume` ends")
        }
        (PauseState::Resumed, true) => writeln!(io.out, "{of}: not paused"),
    };
    Ok(CLEAN)
}

/// The name of the pipeline in a file.
fn name_in(path: &Path, io: &mut Io<'_>) -> Result<String, u8> {
    let name = match load::pipeline_text(path, io) {
        Ok(Text::Right(text)) => {
            cpl_syntax::parse(&text).0.pipelines.first().map(|pipeline| pipeline.name.value.clone())
        }
        Ok(Text::Wrong(..)) => None,
        Err(why) => return Err(render::usage_error(&why, io)),
    };
    name.ok_or_else(|| render::usage_error(&format!("{}: no `pipeline` with a name is in it", path.display()), io))
}
