//! `cpl check`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    CLEAN, Io, WRONG,
    args::{CheckArgs, DiagnosticFormat},
    files::{FileKinds, files, replace, text_diff},
    fix, formats,
    load::{Loaded, load_any, of_text},
    render,
};
use cpl_check::{checks_hold_nothing, lint, unneeded};
use cpl_model::program::Unsupported;
#[cfg(not(feature = "run"))]
use cpl_model::workspace::Workspace;
use cpl_plan::{Plan, Purpose, program_to_plan};
#[cfg(feature = "run")]
use cpl_run::missing_secrets;
use cpl_syntax::{Code, Diagnostic, Severity, apply_suppressions, tree};

/// Checks all files; the worst decides the exit code.
pub fn check(args: &CheckArgs, io: &mut Io<'_>) -> u8 {
    let files = match files(&args.paths, FileKinds::All, &io.folder) {
        Ok(files) => files,
        Err(why) => return render::usage_error(&why, io),
    };
    let (mut code, mut found, mut names) = (CLEAN, Vec::new(), Names::new());
    for file in &files {
        let loaded = match one(file, args, &mut names, io) {
            Ok(loaded) => loaded,
            Err(why) => {
                code = code.max(render::usage_error(&why, io));
                continue;
            }
        };
        let strict = args.strict && loaded.diagnostics.iter().any(|one| one.severity() > Severity::Hint);
        code = code.max(loaded.code()).max(if strict { WRONG } else { CLEAN });
        if args.format == DiagnosticFormat::Text {
            print_diagnostics(&loaded, io);
        } else {
            found.push(loaded);
        }
    }
    match args.format {
        DiagnosticFormat::Text => {}
        DiagnosticFormat::Json => drop(writeln!(io.out, "{:#}", formats::json(&found))),
        DiagnosticFormat::Sarif => drop(writeln!(io.out, "{:#}", formats::sarif(&found))),
        DiagnosticFormat::Github => drop(write!(io.out, "{}", formats::github(&found))),
    }
    code
}

/// Checks one file; applies fixes first if requested.
fn one(file: &Path, args: &CheckArgs, names: &mut Names, io: &mut Io<'_>) -> Result<Loaded, String> {
    let mut loaded = load_any(file, &args.window_args, io)?;
    loaded.diagnostics.extend(same_name(&loaded, names));
    if !(args.fix || args.diff) {
        return Ok(checked(loaded, args, io));
    }
    let with_fixes = fix::with_fixes(&loaded, &args.window_args, io);
    if with_fixes == loaded.text {
        return Ok(checked(loaded, args, io));
    }
    if args.diff {
        let _ = write!(io.out, "{}", text_diff(&loaded.text, &with_fixes, &loaded.path));
        return Ok(checked(loaded, args, io));
    }
    replace(&io.folder.join(file), &with_fixes)
        .map_err(|error| format!("{} can't be written: {error}", file.display()))?;
    Ok(checked(of_text(file, with_fixes, &args.window_args, io), args, io))
}

/// The files of pipelines, by the folders of their workspaces and their names.
type Names = BTreeMap<(PathBuf, String), PathBuf>;

/// That another file of the workspace bears the pipeline's name: what the one decided is done for the other.
fn same_name(loaded: &Loaded, names: &mut Names) -> Option<Diagnostic> {
    let name = &loaded.file.pipelines.first()?.name;
    let of = (loaded.workspace.root.clone(), name.value.clone());
    let first = names.entry(of).or_insert_with(|| loaded.path.clone());
    if *first == loaded.path {
        return None;
    }
    let message = format!("`{}` is the pipeline `{}` too", first.display(), name.value);
    Some(
        Diagnostic::new(Code::W0218, message)
            .at(name.span, "what the one decides in a window is done already for the other")
            .help("give one of them another name"),
    )
}

/// The file with the diagnostics of its plan, in source order; and the plan.
pub fn planned(mut loaded: Loaded) -> (Loaded, Option<Plan>) {
    // The tree is done with, but for its comments: that of a large file is large.
    loaded.file = tree::File { comments: std::mem::take(&mut loaded.file.comments), ..tree::File::default() };
    let plan = loaded.program.take().map(|program| {
        loaded.diagnostics.extend(lint(&program));
        let (plan, more) = program_to_plan(program, Purpose::Run);
        loaded.diagnostics.extend(plan.unsupported(false).iter().map(Unsupported::warning));
        loaded.diagnostics.extend(more.iter().map(|one| match one.checks.as_slice() {
            [] => unneeded(one.what, &one.name, one.span),
            checks => checks_hold_nothing(&one.name, checks),
        }));
        loaded.diagnostics.sort_by_key(Diagnostic::start);
        plan
    });
    loaded.diagnostics = apply_suppressions(&loaded.text, &loaded.file.comments, loaded.diagnostics);
    (loaded, plan)
}

/// The file with the diagnostics of its plan, and of its secrets where that is requested.
fn checked(loaded: Loaded, args: &CheckArgs, io: &Io<'_>) -> Loaded {
    let (mut loaded, plan) = planned(loaded);
    if let Some(plan) = plan.filter(|_| args.secrets) {
        let file = io.folder.join(&loaded.path);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        loaded.diagnostics.extend(missing_secrets(&plan, folder, &loaded.workspace));
        loaded.diagnostics.sort_by_key(Diagnostic::start);
    }
    loaded
}

/// The light build says so before it checks.
#[cfg(not(feature = "run"))]
fn missing_secrets(_: &Plan, _: &Path, _: &Workspace) -> Vec<Diagnostic> {
    unreachable!("the light build looks for no secrets")
}

fn print_diagnostics(loaded: &Loaded, io: &mut Io<'_>) {
    render::render(&loaded.diagnostics, &loaded.path, &loaded.text, io);
    let _ = writeln!(io.out, "{}: {}", loaded.path.display(), counted(&loaded.diagnostics));
}

/// `2 errors, 1 warning`; `1 hint`.
pub fn counted(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .map(|severity| (count(severity), severity.word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") })
        .collect();
    if counts.is_empty() { "no errors".to_owned() } else { counts.join(", ") }
}
