//! Real data: not the project's to keep, so it may be absent.

use std::path::PathBuf;

use crate::page::root;

/// The folder of real data: `CPL_REAL_DATA`, else `shared/data` next to the project.
///
/// # Panics
/// Where `CPL_REAL_DATA` names no folder: who names one wants it looked at.
#[must_use]
pub fn data() -> Option<PathBuf> {
    let named = std::env::var_os("CPL_REAL_DATA").map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| root().join("../shared/data"));
    assert!(named.is_none() || folder.is_dir(), "CPL_REAL_DATA: {} is no folder", folder.display());
    folder.is_dir().then_some(folder)
}
