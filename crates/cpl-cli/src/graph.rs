//! `cpl graph`.

use cpl_plan::{Purpose, dot, mermaid, program_to_plan, text};

use crate::{
    CLEAN, Io,
    args::{Drawing, GraphArgs},
    draw,
    load::load,
};

/// Draws the steps of a pipeline.
pub fn graph(args: &GraphArgs, io: &mut Io<'_>) -> u8 {
    let loaded = match load(&args.file, &args.when, io) {
        Ok(loaded) => loaded,
        Err(why) => return draw::misused(&why, io),
    };
    let code = loaded.code();
    let Some(program) = loaded.program else {
        draw::draw(&loaded.diagnostics, &loaded.path, &loaded.text, io);
        return code;
    };
    let (plan, _) = program_to_plan(program, Purpose::Run);
    let drawn = match args.format {
        Drawing::Text => text(&plan),
        Drawing::Mermaid => mermaid(&plan),
        Drawing::Dot => dot(&plan),
    };
    let _ = write!(io.out, "{drawn}");
    CLEAN
}
