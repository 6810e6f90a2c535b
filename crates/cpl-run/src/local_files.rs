//! The files of this machine that a program reads.

use std::path::{Path, PathBuf};

use cpl_exec::expand;
use cpl_model::program::{Fetch, Program, TableSource};

/// The fetches of files of this machine, and their names: what a server answers is no path, whatever stands in the query.
pub fn local_fetches(program: &Program) -> impl Iterator<Item = (&str, &Fetch)> {
    program.tables.iter().filter_map(|table| match &table.source {
        TableSource::Fetch(fetch) if fetch.is_local() => Some((table.name.as_str(), fetch)),
        TableSource::Fetch(_) | TableSource::Transform { .. } => None,
    })
}

/// The files that a program reads. One that is not there is reported by its fetch.
pub fn local_files(program: &Program, folder: &Path) -> Vec<PathBuf> {
    local_fetches(program).flat_map(|(_, fetch)| expand(fetch, folder).unwrap_or_default()).collect()
}
