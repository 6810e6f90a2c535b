//! `cpl plan NEW --against OLD`: two versions of a pipeline, compared in decisions on the same data.

use std::{path::Path, process::Command};

use cpl_model::report::RunReport;
use cpl_report::Difference;
use cpl_run::{PastSeen, RunContext};
use cpl_syntax::has_errors;

use crate::{
    CLEAN, Io,
    args::{Format, PlanArgs},
    check,
    load::{self, Loaded},
    render,
    run::{terminal_style, with_context, wrong},
};

/// Prints in which decisions a pipeline and another version of it differ.
pub fn against(old: &Path, args: &PlanArgs, io: &mut Io<'_>) -> u8 {
    compared(old, args, io).unwrap_or_else(|code| code)
}

fn compared(old: &Path, args: &PlanArgs, io: &mut Io<'_>) -> Result<u8, u8> {
    let [new] = args.files.as_slice() else {
        return Err(render::usage_error("`--against` compares one file with another version of it", io));
    };
    let loaded = load::load(new, &args.window_args, io).map_err(|why| render::usage_error(&why, io))?;
    let before = other_version(new, old, args, io).map_err(|why| render::usage_error(&why, io))?;
    let now = report(loaded, args, io)?;
    if has_errors(&before.diagnostics) {
        let _ = writeln!(io.err, "the version {} is wrong:", old.display());
    }
    let before = report(before, args, io)?;
    let difference = Difference::of(&now, &before);
    let (new, old) = (new.display().to_string(), old.display().to_string());
    let _ = match args.format {
        Format::Text => write!(io.out, "{}", difference.text((&new, &old), terminal_style(io))),
        Format::Json => writeln!(io.out, "{:#}", difference.json((&new, &old))),
    };
    Ok(CLEAN)
}

/// The other version: a file, or the same file in a revision of git.
fn other_version(new: &Path, old: &Path, args: &PlanArgs, io: &Io<'_>) -> Result<Loaded, String> {
    if io.folder.join(old).exists() {
        return load::load(old, &args.window_args, io);
    }
    let revision = old.display().to_string();
    let text = text_in_git(&io.folder.join(new), &revision)
        .map_err(|why| format!("--against {revision}: it is no file, and no revision of git: {why}"))?;
    Ok(load::of_text(new, text, &args.window_args, io))
}

/// What a file was in a revision.
fn text_in_git(file: &Path, revision: &str) -> Result<String, String> {
    // What begins so would be an option.
    if revision.starts_with('-') {
        return Err("a revision does not begin with `-`".to_owned());
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let object = format!("{revision}:./{name}");
    let found = Command::new("git").arg("-C").arg(folder).args(["show", &object]).output();
    let found = found.map_err(|error| format!("git can't be started: {error}"))?;
    if !found.status.success() {
        return Err(String::from_utf8_lossy(&found.stderr).trim().to_owned());
    }
    String::from_utf8(found.stdout).map_err(|_| "it is no text".to_owned())
}

/// What a version would do in a first run of the window.
fn report(loaded: Loaded, args: &PlanArgs, io: &mut Io<'_>) -> Result<RunReport, u8> {
    let (loaded, plan) = check::planned(loaded);
    let Some(plan) = plan else {
        return Err(wrong(&loaded.diagnostics, &loaded, args.format, io).max(loaded.code()));
    };
    let planned = with_context(&plan.clone(), &loaded, &args.window_args, io, |context| {
        cpl_run::plan(plan, &RunContext { past: PastSeen::BeforeWindow, ..context.clone() })
    });
    match planned {
        Ok(Ok((report, _))) => Ok(report),
        Ok(Err(error)) => Err(wrong(&error.diagnostics(), &loaded, args.format, io)),
        Err(why) => Err(render::usage_error(&why, io)),
    }
}
