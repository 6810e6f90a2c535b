//! A pipeline of one fetch that a command makes for itself: `infer`, `connectors try`.

use std::path::Path;

use cpl_model::program::TableId;
use cpl_plan::{Plan, Purpose, program_to_plan};
use cpl_syntax::{Diagnostic, Severity, has_errors};

use crate::{
    Io,
    args::WindowArgs,
    load::{Loaded, of_text},
};

/// The table of the fetch.
pub const TABLE: TableId = TableId(0);

/// The pipeline, and the plan that shows its fetch.
///
/// # Errors
/// What is wrong with the text, without warnings.
pub fn one_fetch(path: &str, text: &str, window: &WindowArgs, io: &Io<'_>) -> Result<(Loaded, Plan), Vec<Diagnostic>> {
    let mut loaded = of_text(Path::new(path), text.to_owned(), window, io);
    match loaded.program.take().filter(|_| !has_errors(&loaded.diagnostics)) {
        Some(program) => {
            let (plan, _) = program_to_plan(program, Purpose::Show(TABLE));
            Ok((loaded, plan))
        }
        None => {
            loaded.diagnostics.retain(|diagnostic| diagnostic.severity() == Severity::Error);
            Err(loaded.diagnostics)
        }
    }
}
