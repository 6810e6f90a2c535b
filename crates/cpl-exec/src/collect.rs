//! The one place where the engine is set to work.

use cpl_plan::program::Program;
use cpl_syntax::Code;
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    answers::Wanted,
    trouble::{self, Trouble},
};

/// Collects frames in one call; where a value grew too large, the trouble tells for whom it was computed.
pub fn collected_for<'w>(
    program: &Program,
    what: impl Iterator<Item = &'w Wanted>,
    frames: &[LazyFrame],
    engine: pl::Engine,
) -> Result<Vec<pl::DataFrame>, Trouble> {
    collected(frames.to_vec(), engine).map_err(|trouble| {
        if trouble.iter().all(|told| told.code != Code::E1104) {
            return trouble;
        }
        let fails = |frame: &LazyFrame| collected(vec![frame.clone()], engine).is_err();
        let failed = what.zip(frames).find(|(_, frame)| fails(frame));
        match failed.and_then(|(what, _)| what.place(program)) {
            Some(place) => trouble::computed_for(trouble, place),
            None => trouble,
        }
    })
}

/// Collects one frame.
pub fn collected_one(frame: LazyFrame, engine: pl::Engine) -> Result<pl::DataFrame, Trouble> {
    Ok(collected(vec![frame], engine)?.pop().unwrap_or_default())
}

/// Collects frames in one call, so that they share what they read.
pub fn collected(frames: Vec<LazyFrame>, engine: pl::Engine) -> Result<Vec<pl::DataFrame>, Trouble> {
    let plans = frames.into_iter().map(|frame| frame.logical_plan).collect();
    // The engine panics at files that are damaged, and on threads of its own.
    let found = trouble::guarded(|| LazyFrame::collect_all_with_engine(plans, engine, pl::OptFlags::default()));
    let found = found.unwrap_or_else(|panic| Err(pl::polars_err!(ComputeError: "{panic}")));
    found.map_err(trouble::engine)
}
