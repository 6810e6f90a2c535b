//! Real data: not the project's to keep, so it may be absent.

use std::path::PathBuf;

use crate::page::root;

/// The folder of real data: `CPL_REAL_DATA`, else `shared/data` beside the project.
#[must_use]
pub fn data() -> Option<PathBuf> {
    let named = std::env::var_os("CPL_REAL_DATA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join("../shared/data"));
    folder.is_dir().then_some(folder)
}
