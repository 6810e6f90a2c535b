//! `cpl graph`.

use cpl_plan::{Purpose, dot, mermaid, program_to_plan, text};

use crate::{
    CLEAN, Io,
    args::{Drawing, GraphArgs},
    load,
};

/// Draws the steps of a pipeline.
pub fn graph(args: &GraphArgs, io: &mut Io<'_>) -> u8 {
    let (_, program) = match load::program(&args.file, &args.window_args, io) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let (plan, _) = program_to_plan(program, Purpose::Run);
    let diagram = match args.format {
        Drawing::Text => text(&plan),
        Drawing::Mermaid => mermaid(&plan),
        Drawing::Dot => dot(&plan),
    };
    let _ = write!(io.out, "{diagram}");
    CLEAN
}
