//! `cpl check`.

use std::path::Path;

use crate::{
    CLEAN, Io, WRONG,
    args::{CheckArgs, Notation},
    draw,
    files::{Kinds, files, replace, text_diff},
    fix,
    load::{Loaded, load_any, of_text},
    notation,
};
use cpl_check::{lint, unneeded};
use cpl_model::program::Unsupported;
use cpl_plan::{Plan, Purpose, program_to_plan};
use cpl_syntax::{Diagnostic, Severity, silenced, tree};

/// Checks all files; the worst decides the exit code.
pub fn check(args: &CheckArgs, io: &mut Io<'_>) -> u8 {
    let files = match files(&args.paths, Kinds::All, &io.folder) {
        Ok(files) => files,
        Err(why) => return draw::misused(&why, io),
    };
    let (mut code, mut found) = (CLEAN, Vec::new());
    for file in &files {
        let loaded = match one(file, args, io) {
            Ok(loaded) => loaded,
            Err(why) => {
                code = code.max(draw::misused(&why, io));
                continue;
            }
        };
        let strict = args.strict && !loaded.diagnostics.is_empty();
        code = code.max(loaded.code()).max(if strict { WRONG } else { CLEAN });
        if args.format == Notation::Text {
            told(&loaded, io);
        } else {
            found.push(loaded);
        }
    }
    match args.format {
        Notation::Text => {}
        Notation::Json => drop(writeln!(io.out, "{:#}", notation::json(&found))),
        Notation::Sarif => drop(writeln!(io.out, "{:#}", notation::sarif(&found))),
        Notation::Github => drop(write!(io.out, "{}", notation::github(&found))),
    }
    code
}

/// One file, after what can be mended of it was, if that is wanted.
fn one(file: &Path, args: &CheckArgs, io: &mut Io<'_>) -> Result<Loaded, String> {
    let loaded = load_any(file, &args.when, io)?;
    if !(args.fix || args.diff) {
        return Ok(checked(loaded));
    }
    let mended = fix::mended(&loaded, &args.when, io);
    if mended == loaded.text {
        return Ok(checked(loaded));
    }
    if args.diff {
        let _ = write!(io.out, "{}", text_diff(&loaded.text, &mended, &loaded.path));
        return Ok(checked(loaded));
    }
    replace(&io.folder.join(file), &mended).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
    Ok(checked(of_text(file, mended, &args.when, io)))
}

/// The file with what its plan says too, in the order of the text; and the plan.
pub fn planned(mut loaded: Loaded) -> (Loaded, Option<Plan>) {
    // The tree is done with, but for its comments: that of a large file is large.
    loaded.file = tree::File { comments: std::mem::take(&mut loaded.file.comments), ..tree::File::default() };
    let plan = loaded.program.take().map(|program| {
        loaded.diagnostics.extend(lint(&program));
        let (plan, more) = program_to_plan(program, Purpose::Run);
        loaded.diagnostics.extend(plan.unsupported(false).iter().map(Unsupported::warning));
        loaded.diagnostics.extend(more.into_iter().map(|one| unneeded(one.what, &one.name, one.span)));
        loaded.diagnostics.sort_by_key(Diagnostic::start);
        plan
    });
    loaded.diagnostics = silenced(&loaded.text, &loaded.file.comments, loaded.diagnostics);
    (loaded, plan)
}

/// The file with what its plan says too.
fn checked(loaded: Loaded) -> Loaded {
    planned(loaded).0
}

fn told(loaded: &Loaded, io: &mut Io<'_>) {
    draw::draw(&loaded.diagnostics, &loaded.path, &loaded.text, io);
    let _ = writeln!(io.out, "{}: {}", loaded.path.display(), counted(&loaded.diagnostics));
}

/// `2 errors, 1 warning`.
pub fn counted(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    let told: Vec<String> = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") })
        .collect();
    if told.is_empty() { "no errors".to_owned() } else { told.join(", ") }
}
