//! Plan → frames: each stage of a table as a step of a lazy frame.

mod aggregate;
mod gaps;
mod group;
mod join;
mod keys;
mod lookup;
mod newest;
mod partners;
mod series;
mod split;
mod steps;
mod union;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use cpl_plan::{
    program::{Column, Expr, Join, Order, Source, Stage, Table, TableId},
    types::Type,
};
use polars::prelude::{self as pl, DataType, IntoLazy, LazyFrame};

use crate::{
    collect::collected_one,
    expr::Translate,
    trouble::{self, Trouble},
};

pub use group::Grouping;
pub use join::Unique;
use lookup::Lookup;
pub use partners::{Alone, Partner};
use partners::{Marks, Met};
pub use series::{Prepared, THERE, newest, prepared, without};
pub use split::{ROWS, Split};

/// Tables that are made so far: the lazy ones and those that were collected.
#[derive(Default)]
pub struct Frames {
    lazy: BTreeMap<TableId, LazyFrame>,
    stored: BTreeMap<TableId, pl::DataFrame>,
    joined: RefCell<Joined>,
}

/// What joins keep from one part of their rows to the next.
#[derive(Default)]
struct Joined {
    /// Tables by their keys, by where their join stands; none where rows share one.
    lookups: BTreeMap<usize, Option<Arc<Lookup>>>,
    /// Rows that are somebody's partner, by where their join stands.
    met: BTreeMap<usize, Met>,
}

impl Frames {
    /// The table's rows.
    pub fn table(&self, id: TableId) -> LazyFrame {
        match (self.stored.get(&id), self.lazy.get(&id)) {
            (Some(frame), _) => frame.clone().lazy(),
            (None, Some(frame)) => frame.clone(),
            (None, None) => unreachable!("the plan makes a table before what needs it"),
        }
    }

    /// The table's rows, collected: those of a test are not yet.
    fn held(&self, id: TableId) -> Result<pl::DataFrame, Trouble> {
        match self.stored.get(&id) {
            Some(frame) => Ok(frame.clone()),
            None => collected_one(self.table(id), pl::Engine::Streaming),
        }
    }

    /// The table a join looks into by its key; none where rows share one.
    fn lookup(&self, join: &Join) -> Result<Option<Arc<Lookup>>, Trouble> {
        if let Some(made) = self.joined.borrow().lookups.get(&join.span.start) {
            return Ok(made.clone());
        }
        let made = Lookup::of(self.held(join.table)?, join).map_err(trouble::engine)?;
        self.joined.borrow_mut().lookups.insert(join.span.start, made.clone());
        Ok(made)
    }

    /// The rows that join has met so far.
    fn met(&self, join: &Join) -> Met {
        self.joined.borrow_mut().met.entry(join.span.start).or_default().clone()
    }

    pub fn put_lazy(&mut self, id: TableId, frame: LazyFrame) {
        self.lazy.insert(id, frame);
    }

    pub fn put_stored(&mut self, id: TableId, mut frame: pl::DataFrame) {
        // One piece, for all who look up rows of it.
        frame.rechunk_mut_par();
        self.lazy.remove(&id);
        self.stored.insert(id, frame);
    }
}

/// A table made by stages, and which rows have no partner.
pub struct Made<'a> {
    pub frame: Split<'a>,
    pub alone: Vec<Alone<'a>>,
}

/// The first join of a transform that must not fan out, and does.
pub fn fans_out(stages: &[Stage], frames: &Frames) -> Result<Option<Unique>, Trouble> {
    for stage in stages {
        if let Stage::Join(join) = stage
            && join.check_unique
            && frames.lookup(join)?.is_none()
        {
            return Ok(Some(Unique::of(join, &frames.table(join.table))));
        }
    }
    Ok(None)
}

/// The frame of a transform.
pub fn transform<'a>(
    id: TableId,
    from: TableId,
    stages: &'a [Stage],
    frames: &Frames,
    translate: &Translate<'_>,
) -> Result<Made<'a>, Trouble> {
    let mut alone = Vec::new();
    let group = stages.iter().position(|stage| matches!(stage, Stage::Group { .. }));
    let before = &stages[..group.unwrap_or(stages.len())];
    let frame = staged(before, frames.table(from), id, frames, translate, &mut alone)?;
    let frame = match group.map(|at| stages[at..].split_first()) {
        Some(Some((Stage::Group { keys, items, .. }, rest))) => {
            let grouping = Grouping::of(names(keys), items, translate).map_err(trouble::calendar)?;
            Split::grouped(frame, grouping, id, rest)
        }
        _ => Split::whole(frame),
    };
    Ok(Made { frame, alone })
}

/// Stages of the table `of`, one behind the other; what joins tell beside it goes to `alone`.
fn staged(
    stages: &[Stage],
    mut frame: LazyFrame,
    of: TableId,
    frames: &Frames,
    translate: &Translate<'_>,
    alone: &mut Vec<Alone>,
) -> Result<LazyFrame, Trouble> {
    let mut marks = Marks::new(of, frames, alone);
    for stage in stages {
        frame = match stage {
            Stage::Join(join) => marks.join(frame, join)?,
            _ => apply(stage, marks.counted(frame), frames, translate)?,
        };
    }
    Ok(marks.counted(frame))
}

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

/// A stage, other than a join, as a step of a frame.
fn apply(stage: &Stage, frame: LazyFrame, frames: &Frames, translate: &Translate<'_>) -> Result<LazyFrame, Trouble> {
    let expr = |value: &Expr| translate.expr(value).map_err(trouble::calendar);
    let prepared = |frame, exprs: &[&Expr]| series::prepared(frame, exprs, translate);
    Ok(match stage {
        Stage::Where(filter) => {
            let Prepared { frame, exprs, looks } = prepared(frame, &[filter])?;
            without(frame.filter(expr(&exprs[0])?), looks)
        }
        Stage::Derive(columns) => derive(columns, frame, translate)?,
        Stage::Keep(columns) => {
            let values: Vec<&Expr> = columns.iter().map(|(_, value)| value).collect();
            let Prepared { frame, exprs, .. } = prepared(frame, &values)?;
            let exprs = columns.iter().zip(&exprs).map(|((name, _), value)| Ok(expr(value)?.alias(name.as_str())));
            let names: Vec<pl::Expr> = columns.iter().map(|(name, _)| pl::col(name.as_str())).collect();
            // Beside the other columns a constant is one value of each row.
            frame.with_columns(exprs.collect::<Result<Vec<_>, Trouble>>()?).select(names)
        }
        Stage::Join(_) => unreachable!("joins are counted where they stand"),
        Stage::Group { keys, items, .. } => {
            let grouping = Grouping::of(names(keys), items, translate).map_err(trouble::calendar)?;
            grouping.finished(grouping.part(frame), translate).map_err(trouble::calendar)?
        }
        Stage::Sort(order) => sort(frame, order),
        Stage::Take(rows, None) => frame.limit(*rows),
        Stage::Take(rows, Some(per)) => {
            let place = pl::int_range(pl::lit(0), pl::len(), 1, DataType::Int64)
                .over([pl::col(per.as_str())])
                .map_err(trouble::engine)?;
            frame.filter(place.lt(pl::lit(*rows)))
        }
        Stage::Union(union) => union::union(frame, union, frames)?,
        Stage::Unpivot(unpivot) => union::unpivot(frame, unpivot)?,
        Stage::FillGaps(periods) => gaps::filled(frame, periods)?,
    })
}

/// New columns, each seeing those before it; those that look at none of them are made together.
fn derive(
    mut columns: &[(String, Expr)],
    mut frame: LazyFrame,
    translate: &Translate<'_>,
) -> Result<LazyFrame, Trouble> {
    while !columns.is_empty() {
        let (together, rest) = columns.split_at(independent(columns));
        let values: Vec<&Expr> = together.iter().map(|(_, value)| value).collect();
        let Prepared { frame: made, exprs, looks } = series::prepared(frame, &values, translate)?;
        let named = together.iter().zip(&exprs);
        let named = named.map(|((name, _), value)| Ok(translate.expr(value)?.alias(name.as_str())));
        let named: Result<Vec<pl::Expr>, jiff::Error> = named.collect();
        frame = without(made.with_columns(named.map_err(trouble::calendar)?), looks);
        columns = rest;
    }
    Ok(frame)
}

/// How many of the first columns read none of those before them.
fn independent(columns: &[(String, Expr)]) -> usize {
    let reads = |value: &Expr, names: &[(String, Expr)]| {
        value.columns().iter().any(|read| names.iter().any(|(name, _)| name == read))
    };
    let again = |at: usize| columns[..at].iter().any(|(name, _)| *name == columns[at].0);
    let dependent = (1..columns.len()).find(|at| again(*at) || reads(&columns[*at].1, &columns[..*at]));
    dependent.unwrap_or(columns.len())
}

/// The names of a frame's columns.
fn columns_of(frame: &mut LazyFrame) -> Result<Vec<String>, Trouble> {
    let schema = frame.collect_schema().map_err(trouble::engine)?;
    Ok(schema.iter_names().map(ToString::to_string).collect())
}

/// Sorted; unknown comes last, equal rows keep their order.
pub fn sort(frame: LazyFrame, order: &[(String, bool)]) -> LazyFrame {
    let options = pl::SortMultipleOptions::default()
        .with_order_descending_multi(order.iter().map(|(_, descending)| *descending))
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame.sort(order.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), options)
}

/// A collected table by its key, unless it was sorted otherwise; a fetch as it was read.
pub fn sorted_by(frame: pl::DataFrame, table: &Table) -> pl::PolarsResult<pl::DataFrame> {
    let made = matches!(table.source, Source::Transform { .. }) && table.order != Order::Sorted;
    let Some(key) = table.key.as_ref().filter(|key| made && !key.is_empty()) else { return Ok(frame) };
    let order: Vec<(String, bool)> = key.iter().map(|name| (name.clone(), false)).collect();
    sort(frame.lazy(), &order).collect()
}

/// Nothing, typed: what a condition makes of rows it does not take.
pub fn unless(condition: pl::Expr, value: pl::Expr, ty: Type) -> pl::Expr {
    pl::when(condition).then(value).otherwise(crate::expr::null(ty))
}
