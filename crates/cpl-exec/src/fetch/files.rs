//! Paths and patterns → files. `*` stands for any letters but `/`, `**` for any folders; no other sign is special.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use cpl_plan::program::Fetch;
use cpl_syntax::{Code, Diagnostic};
use glob::{MatchOptions, Pattern, glob_with};

use crate::trouble::Trouble;

/// The files of a fetch, in the order of their names, each once; at least one.
pub fn expand(fetch: &Fetch, folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let path = folder.join(&fetch.path);
    if !fetch.path.contains('*') {
        return if path.exists() { Ok(vec![path]) } else { Err(missing(fetch, &path)) };
    }
    // A star in the pipeline's own folder is a letter.
    let pattern = if Path::new(&fetch.path).is_absolute() {
        pattern(&fetch.path)
    } else {
        PathBuf::from(Pattern::escape(&folder.to_string_lossy()))
            .join(pattern(&fetch.path))
            .to_string_lossy()
            .into_owned()
    };
    // As in a shell, a star does not stand for the point of a hidden name.
    let options =
        MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..MatchOptions::new() };
    let found = glob_with(&pattern, options).map_err(|error| {
        vec![Diagnostic::new(Code::E1001, format!("that is no pattern of files: {error}")).at(fetch.path_span, "here")]
    })?;
    let mut files = Vec::new();
    for file in found {
        let file = file.map_err(|error| {
            let told = format!("{} can't be looked into: {}", error.path().display(), error.error());
            vec![Diagnostic::new(Code::E1002, told).at(fetch.path_span, "files are looked for there too")]
        })?;
        if file.is_file() {
            files.push(file);
        } else if !file.exists() {
            let told = format!("{} is a link to a file that is not there", file.display());
            return Err(vec![Diagnostic::new(Code::E1002, told).at(fetch.path_span, "it is one of these files")]);
        }
    }
    files.sort();
    // A link to a folder around it would show a file again and again.
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    if files.is_empty() { Err(missing(fetch, &path)) } else { Ok(files) }
}

/// All but the stars is meant as it stands.
fn pattern(path: &str) -> String {
    path.split('*').map(Pattern::escape).collect::<Vec<_>>().join("*")
}

fn missing(fetch: &Fetch, path: &Path) -> Trouble {
    let message = if fetch.path.contains('*') {
        format!("no file is named like {:?}", fetch.path)
    } else {
        format!("there is no file {:?}", fetch.path)
    };
    let absolute = Path::new(&fetch.path).is_absolute();
    let looked = if absolute { "looked for there" } else { "looked for beside the pipeline's file" };
    let diagnostic = Diagnostic::new(Code::E1001, message).at(fetch.path_span, looked);
    vec![match near(path) {
        Some(near) => diagnostic.help(format!("its folder holds {near:?}")),
        None if absolute => diagnostic.help("mend the path"),
        None => diagnostic.help("paths are relative to the pipeline's file"),
    }]
}

/// The file of the same folder whose name is nearest.
fn near(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = path
        .parent()?
        .read_dir()
        .ok()?
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    cpl_syntax::nearest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}
