//! `cpl check`.

use std::path::{Path, PathBuf};

use cpl_plan::{Purpose, program_to_plan};
use cpl_syntax::{Diagnostic, Severity};
use serde_json::Value;
use walkdir::WalkDir;

use crate::{
    CLEAN, Io,
    args::{CheckArgs, Format},
    draw,
    load::{Loaded, load},
};

/// Checks all files; the worst decides the exit code.
pub fn check(args: &CheckArgs, io: &mut Io<'_>) -> u8 {
    let files = match files(&args.paths, &io.folder) {
        Ok(files) => files,
        Err(why) => return draw::misused(&why, io),
    };
    let (mut code, mut found) = (CLEAN, Vec::new());
    for file in &files {
        let loaded = match load(file, &args.when, io) {
            Ok(loaded) => checked(loaded),
            Err(why) => {
                code = code.max(draw::misused(&why, io));
                continue;
            }
        };
        code = code.max(loaded.code());
        match args.format {
            Format::Text => told(&loaded, io),
            Format::Json => found.extend(as_json(&loaded)),
        }
    }
    if args.format == Format::Json {
        let _ = writeln!(io.out, "{:#}", Value::Array(found));
    }
    code
}

/// The file with what its plan says too, in the order of the text.
pub fn checked(mut loaded: Loaded) -> Loaded {
    if let Some(program) = &loaded.program {
        let (_, more) = program_to_plan(program.clone(), Purpose::Run);
        loaded.diagnostics.extend(more);
        loaded.diagnostics.sort_by_key(Diagnostic::start);
    }
    loaded
}

fn told(loaded: &Loaded, io: &mut Io<'_>) {
    draw::draw(&loaded.diagnostics, &loaded.path, &loaded.text, io);
    let _ = writeln!(io.out, "{}: {}", loaded.path.display(), counted(&loaded.diagnostics));
}

fn as_json(loaded: &Loaded) -> impl Iterator<Item = Value> + '_ {
    loaded.diagnostics.iter().map(|diagnostic| draw::as_json(diagnostic, &loaded.path, &loaded.text))
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

/// The files themselves, and the `.cpl` files of folders, in the order of their names.
fn files(paths: &[PathBuf], base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if base.join(path).is_dir() {
            files.extend(in_folder(path, base)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path, base: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(base.join(folder)).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "cpl") {
            let path = entry.into_path();
            files.push(path.strip_prefix(base).map(Path::to_owned).unwrap_or(path));
        }
    }
    if files.is_empty() { Err(format!("{} holds no `.cpl` file", folder.display())) } else { Ok(files) }
}
