//! A file → its plan, which must be right.

use std::path::Path;

use cpl_plan::Plan;

use crate::{Io, args::WindowArgs, check, load, load::Loaded, render};

/// Reads, checks and plans a pipeline; else what is wrong is drawn.
///
/// # Errors
/// The exit code.
pub fn load_plan(path: &Path, window_args: &WindowArgs, io: &mut Io<'_>) -> Result<(Loaded, Plan), u8> {
    let loaded = load::load(path, window_args, io).map_err(|why| render::usage_error(&why, io))?;
    match check::planned(loaded) {
        (loaded, Some(plan)) => Ok((loaded, plan)),
        (loaded, None) => {
            render::render(&loaded.diagnostics, &loaded.path, &loaded.text, io);
            Err(loaded.code())
        }
    }
}
