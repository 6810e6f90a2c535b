//! A fetch that is taken in parts: what stands behind it is made of each part and put together, so
//! that memory is bounded by the result and not by the file.

use cpl_plan::plan::{Step, StepId};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::{
    batch::{Batches, Wanted, collected},
    fetch::{Opened, Part},
    frames::Split,
    trouble::{self, Trouble},
};

/// Parts of fewer rows than this, all together, are not worth putting together yet.
const FEW_ROWS: usize = 1 << 16;

impl<'a> Batches<'a> {
    /// Reads a fetch part by part; the frames of the steps `behind` it.
    pub fn in_parts(
        &mut self,
        step: &Step,
        opened: &Opened<'a>,
        behind: &[&Step],
    ) -> Result<Vec<(Wanted, LazyFrame)>, Trouble> {
        let (mut wanted, mut made) = (Vec::new(), Vec::new());
        let told = opened.parts(&step.names, |Part { rows, words }| {
            wanted = self.fetched(step, rows.lazy())?;
            for step in behind {
                wanted.extend(self.step(step)?);
            }
            let parts = wanted.iter().map(|(_, split): &(Wanted, Split<'a>)| split.part.clone()).collect();
            made.resize_with(wanted.len(), Made::default);
            for ((made, part), (_, split)) in made.iter_mut().zip(collected(parts, pl::Engine::InMemory)?).zip(&wanted)
            {
                made.add(words.spelled(part).map_err(trouble::engine)?, split)?;
            }
            Ok(())
        })?;
        self.told.insert(step.id, told);
        let mut frames = Vec::new();
        for ((what, split), made) in wanted.into_iter().zip(made) {
            let whole = split.merged(made.all()?);
            frames.extend(self.finished(what, &split, whole)?);
        }
        Ok(frames)
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
            let whole = collected(vec![whole], pl::Engine::InMemory)?;
            self.merged = whole.iter().map(pl::DataFrame::height).sum();
            self.parts = whole;
        }
        Ok(())
    }

    fn all(self) -> Result<LazyFrame, Trouble> {
        let parts: Vec<LazyFrame> = self.parts.into_iter().map(IntoLazy::lazy).collect();
        pl::concat(parts, pl::UnionArgs::default()).map_err(trouble::engine)
    }
}
