//! A frame that may be made of parts of its rows: as they are read, where they are not held together.

use cpl_plan::program::{Periods, Stage, TableId};
use polars::prelude::{self as pl, LazyFrame};

use super::{Alone, Frames, Grouping, gaps, keys::repeated, sort, staged};
use crate::{
    expr::Translate,
    trouble::{self, Trouble},
};

/// A frame and how it goes on behind a group.
pub struct Split<'a> {
    /// Of all rows, or of a part of them.
    pub part: LazyFrame,
    /// Of all rows, where there is a way with them that is none with parts.
    all: Option<LazyFrame>,
    group: Option<(Grouping, Rest<'a>)>,
}

/// What is done behind a group.
enum Rest<'a> {
    /// Of the table, those behind its group.
    Stages(TableId, &'a [Stage]),
    Nothing,
    Duplicates(Vec<String>),
    Gaps(&'a Periods),
}

impl<'a> Split<'a> {
    /// A frame that needs all rows at once.
    pub fn whole(frame: LazyFrame) -> Self {
        Self { part: frame, all: None, group: None }
    }

    /// The groups of a table, and its stages behind them.
    pub fn grouped(rows: LazyFrame, grouping: Grouping, of: TableId, rest: &'a [Stage]) -> Self {
        Self { part: grouping.part(rows), all: None, group: Some((grouping, Rest::Stages(of, rest))) }
    }

    /// Groups, and nothing behind them.
    pub fn asked(rows: LazyFrame, grouping: Grouping) -> Self {
        Self { part: grouping.part(rows), all: None, group: Some((grouping, Rest::Nothing)) }
    }

    /// The first key, by its order, of several rows, and of how many.
    pub fn duplicates(rows: LazyFrame, key: &[String]) -> Self {
        let count = Grouping::counting(key.to_vec());
        let all = count.part(repeated(rows.clone(), key));
        Self { part: count.part(rows), all: Some(all), group: Some((count, Rest::Duplicates(key.to_vec()))) }
    }

    /// The first gap, by the series' names, and how many there are.
    pub fn gaps(rows: LazyFrame, periods: &'a Periods) -> Self {
        let there = Grouping::counting(periods.names());
        Self { part: there.part(rows), all: None, group: Some((there, Rest::Gaps(periods))) }
    }

    /// Those columns alone, where the frame needs all rows at once.
    pub fn only(self, columns: &[String]) -> Self {
        match self.group {
            None => {
                Self::whole(self.part.select(columns.iter().map(|name| pl::col(name.as_str())).collect::<Vec<_>>()))
            }
            Some(_) => self,
        }
    }

    /// The one part that is all rows.
    pub fn all(&self) -> LazyFrame {
        self.all.as_ref().unwrap_or(&self.part).clone()
    }

    /// Several parts as one.
    pub fn merged(&self, parts: LazyFrame) -> LazyFrame {
        match &self.group {
            Some((grouping, _)) => grouping.merged(parts),
            None => unreachable!("the plan takes in parts what can be put together"),
        }
    }

    /// The frame, out of one part of all rows; what joins behind a group tell beside it goes to `alone`.
    pub fn finished(
        &self,
        part: LazyFrame,
        frames: &Frames,
        translate: &Translate<'_>,
        alone: &mut Vec<Alone>,
    ) -> Result<LazyFrame, Trouble> {
        let Some((grouping, rest)) = &self.group else { return Ok(part) };
        let groups = grouping.finished(part, translate).map_err(trouble::calendar)?;
        match rest {
            Rest::Nothing => Ok(groups),
            Rest::Stages(of, stages) => staged(stages, groups, *of, frames, translate, alone),
            Rest::Duplicates(key) => {
                let several = groups.filter(pl::col(ROWS).gt(pl::lit(1)));
                let order: Vec<(String, bool)> = key.iter().map(|name| (name.clone(), false)).collect();
                Ok(sort(several, &order).limit(1))
            }
            Rest::Gaps(periods) => gaps::behind(groups, periods),
        }
    }
}

/// The name of a count of rows.
pub const ROWS: &str = "·rows";
