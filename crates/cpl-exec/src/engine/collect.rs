//! Runs frames.

use polars::prelude::{self as pl, LazyFrame};

use super::failure::{catch_panic, classify, raise};
use crate::error::ExecError;

/// Runs frames in one call, so that they share what they read. The engine panics at damaged files, on threads of its
/// own: that is an error too.
///
/// # Errors
/// The engine's own error; `classify` says what it means.
pub fn collect(frames: Vec<LazyFrame>, engine: pl::Engine) -> pl::PolarsResult<Vec<pl::DataFrame>> {
    let plans = frames.into_iter().map(|frame| frame.logical_plan).collect();
    // In memory, a constant that several expressions share fails over no rows (its column has one).
    let in_memory = matches!(engine, pl::Engine::InMemory);
    let flags =
        if in_memory { pl::OptFlags::default() - pl::OptFlags::COMM_SUBEXPR_ELIM } else { pl::OptFlags::default() };
    let found = catch_panic(|| LazyFrame::collect_all_with_engine(plans, engine, flags));
    found.unwrap_or_else(|failure| Err(raise(failure)))
}

/// Runs one frame.
pub fn collect_one(frame: LazyFrame, engine: pl::Engine) -> Result<pl::DataFrame, ExecError> {
    Ok(collect(vec![frame], engine).map_err(classify)?.pop().unwrap_or_default())
}

/// How many rows a frame has.
pub fn height(frame: &LazyFrame) -> Result<usize, ExecError> {
    let rows = collect_one(frame.clone().select([pl::len().cast(pl::DataType::Int64)]), pl::Engine::InMemory)?;
    let rows = rows.columns().first().and_then(|column| column.i64().ok()?.get(0));
    Ok(usize::try_from(rows.unwrap_or(0)).unwrap_or(0))
}

/// Frames one after the other, each in its own order; at least one.
pub fn concat(mut frames: Vec<LazyFrame>) -> LazyFrame {
    if frames.len() == 1 {
        return frames.remove(0);
    }
    let options = pl::UnionArgs { maintain_order: true, ..Default::default() };
    pl::concat(frames, options).unwrap_or_else(|error| unreachable!("at least one frame: {error}"))
}
