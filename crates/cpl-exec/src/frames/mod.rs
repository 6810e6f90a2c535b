//! Plan → frames: each stage of a table as a step of a lazy frame.

mod aggregate;
mod group;
mod join;

use std::collections::BTreeMap;

use cpl_plan::{
    program::{Source, Stage, Table, TableId},
    types::Type,
};
use polars::prelude::{self as pl, IntoLazy, LazyFrame};

use crate::expr::Translate;

pub use group::group as grouped;
pub use join::{Unique, duplicates};

/// Tables that are made so far: the lazy ones and those that were collected.
#[derive(Default)]
pub struct Frames {
    lazy: BTreeMap<TableId, LazyFrame>,
    stored: BTreeMap<TableId, pl::DataFrame>,
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

    pub fn put_lazy(&mut self, id: TableId, frame: LazyFrame) {
        self.lazy.insert(id, frame);
    }

    pub fn put_stored(&mut self, id: TableId, frame: pl::DataFrame) {
        self.stored.insert(id, frame);
    }
}

/// A table made by stages, and what must be seen to be unique for it.
pub struct Made {
    pub frame: LazyFrame,
    pub unique: Vec<Unique>,
}

/// The frame of a transform.
pub fn transform(
    from: TableId,
    stages: &[Stage],
    frames: &Frames,
    translate: &Translate<'_>,
) -> Result<Made, jiff::Error> {
    let mut made = Made { frame: frames.table(from), unique: Vec::new() };
    for stage in stages {
        made.frame = match stage {
            Stage::Where(filter) => made.frame.filter(translate.expr(filter)?),
            Stage::Derive(columns) => {
                let mut frame = made.frame;
                for (name, value) in columns {
                    frame = frame.with_columns([translate.expr(value)?.alias(name.as_str())]);
                }
                frame
            }
            Stage::Keep(columns) => {
                let exprs = columns.iter().map(|(name, value)| Ok(translate.expr(value)?.alias(name.as_str())));
                made.frame.select(exprs.collect::<Result<Vec<_>, jiff::Error>>()?)
            }
            Stage::Join(join) => {
                let right = frames.table(join.table);
                if join.check_unique {
                    made.unique.push(Unique::of(join, &right));
                }
                join::join(made.frame, right, join)
            }
            Stage::Group { keys, items, .. } => group::group(made.frame, keys, items, translate)?,
            Stage::Sort(order) => sort(made.frame, order),
            Stage::Take(rows) => made.frame.limit(*rows),
        };
    }
    Ok(made)
}

/// Sorted; unknown comes last, equal rows keep their order.
pub fn sort(frame: LazyFrame, order: &[(String, bool)]) -> LazyFrame {
    let options = pl::SortMultipleOptions::default()
        .with_order_descending_multi(order.iter().map(|(_, descending)| *descending))
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame.sort(order.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), options)
}

/// A collected table by its key, unless its last stages gave it an order of its own.
pub fn sorted_by(frame: pl::DataFrame, table: &Table) -> pl::PolarsResult<pl::DataFrame> {
    let Source::Transform { stages, .. } = &table.source else { return Ok(frame) };
    let ordered = |stage: &Stage| matches!(stage, Stage::Sort(_) | Stage::Take(_));
    let Some(key) = table.key.as_ref().filter(|key| !key.is_empty() && !stages.iter().any(ordered)) else {
        return Ok(frame);
    };
    let order: Vec<(String, bool)> = key.iter().map(|name| (name.clone(), false)).collect();
    sort(frame.lazy(), &order).collect()
}

/// Nothing, typed: what a condition makes of rows it does not take.
pub fn unless(condition: pl::Expr, value: pl::Expr, ty: Type) -> pl::Expr {
    pl::when(condition).then(value).otherwise(crate::expr::null(ty))
}
