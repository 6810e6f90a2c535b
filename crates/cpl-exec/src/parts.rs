//! A fetch that is taken in parts: what stands behind it is made of each part and put together, so
//! that memory is bounded by the result and not by the file.

use cpl_plan::{
    plan::{Step, StepId},
    program::Program,
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::{
    answers::Wanted,
    batch::Batches,
    collect::{collected_for, collected_one},
    fetch::{Opened, Part, ScannedParts},
    frames::Split,
    trouble::{self, Trouble},
};

/// Parts of fewer rows than this, all together, are not worth putting together yet.
const FEW_ROWS: usize = 1 << 16;
/// A part of rows that the engine reads by itself: where they stream to several at once, it holds without bound what
/// the slower one has not taken yet.
const MANY_ROWS: usize = 1 << 24;

impl<'a> Batches<'a> {
    /// Reads a fetch part by part; the frames of the steps `behind` it.
    pub fn in_parts(
        &mut self,
        step: &Step,
        opened: &Opened<'a>,
        behind: &[&Step],
    ) -> Result<Vec<(Wanted, LazyFrame)>, Trouble> {
        let (mut frames, mut made) = (Vec::new(), AllMade::default());
        if opened.is_scanned() {
            let ScannedParts { parts, rounded, late } = opened.scanned(MANY_ROWS)?;
            self.late.push(late);
            frames.extend(rounded.map(|count| (Wanted::Rounded(step.id), count)));
            for part in parts {
                let wanted = self.of_part(step, part, behind)?;
                made.add(self.program(), wanted, pl::Engine::Streaming, Ok)?;
            }
        } else {
            let told = opened.parts(&step.names, |Part { rows, words }| {
                let wanted = self.of_part(step, rows.lazy(), behind)?;
                made.add(self.program(), wanted, pl::Engine::InMemory, |part| {
                    words.spelled(part).map_err(trouble::engine)
                })
            })?;
            self.told.insert(step.id, told);
        }
        for ((what, split), made) in made.wanted.into_iter().zip(made.made) {
            let whole = split.merged(made.all()?);
            frames.extend(self.finished(what, &split, whole)?);
        }
        Ok(frames)
    }

    /// What a part of a fetch's rows, and the steps behind it, make.
    fn of_part(&mut self, step: &Step, rows: LazyFrame, behind: &[&Step]) -> Result<Vec<(Wanted, Split<'a>)>, Trouble> {
        let mut wanted = self.fetched(step, rows)?;
        for step in behind {
            wanted.extend(self.step(step)?);
        }
        Ok(wanted)
    }

    /// The steps of a batch that need a step, directly or not, in their order.
    pub fn behind(&self, id: StepId, batch: usize) -> Vec<&'a Step> {
        let mut found = vec![id];
        let mut steps = Vec::new();
        for step in self.plan.steps().filter(|step| step.batch == batch) {
            if self.plan.inputs(step.id).iter().any(|input| found.contains(input)) {
                found.push(step.id);
                steps.push(step);
            }
        }
        steps
    }
}

/// What the parts so far have made.
#[derive(Default)]
struct AllMade<'a> {
    wanted: Vec<(Wanted, Split<'a>)>,
    made: Vec<Made>,
}

impl<'a> AllMade<'a> {
    /// Adds what the next part makes.
    fn add(
        &mut self,
        program: &Program,
        wanted: Vec<(Wanted, Split<'a>)>,
        engine: pl::Engine,
        finished: impl Fn(pl::DataFrame) -> Result<pl::DataFrame, Trouble>,
    ) -> Result<(), Trouble> {
        self.wanted = wanted;
        self.made.resize_with(self.wanted.len(), Made::default);
        let parts: Vec<LazyFrame> = self.wanted.iter().map(|(_, split)| split.part.clone()).collect();
        let found = collected_for(program, self.wanted.iter().map(|(what, _)| what), &parts, engine)?;
        for ((made, part), (_, split)) in self.made.iter_mut().zip(found).zip(&self.wanted) {
            made.add(finished(part)?, split)?;
        }
        Ok(())
    }
}

/// What the parts so far have made of one frame.
#[derive(Default)]
struct Made {
    parts: Vec<pl::DataFrame>,
    /// Rows of those that were put together last.
    merged: usize,
}

impl Made {
    /// Puts parts together once they are many times larger than what they come to.
    fn add(&mut self, part: pl::DataFrame, split: &Split<'_>) -> Result<(), Trouble> {
        self.parts.push(part);
        let rows: usize = self.parts.iter().map(pl::DataFrame::height).sum();
        if rows > FEW_ROWS.max(self.merged * 4) {
            let whole = split.merged(std::mem::take(self).all()?);
            let whole = collected_one(whole, pl::Engine::InMemory)?;
            self.merged = whole.height();
            self.parts = vec![whole];
        }
        Ok(())
    }

    fn all(self) -> Result<LazyFrame, Trouble> {
        let parts: Vec<LazyFrame> = self.parts.into_iter().map(IntoLazy::lazy).collect();
        pl::concat(parts, pl::UnionArgs::default()).map_err(trouble::engine)
    }
}
