//! A frame that may be made of parts of its rows, as they are read, where they are not held together.

use cpl_model::program::Periods;
use cpl_plan::query::SHOWN_ROWS;
use polars::prelude::{self as pl, LazyFrame};

use super::{
    aggregate::{Aggregation, ROWS},
    fill_gaps,
    key_hash::repeated,
    sort::sort,
};
use crate::expr::Translator;

/// The number of keys that several rows share.
const KEYS: &str = "·keys";

/// Two phases: what is made of each part of the rows, and what is made of all those together.
#[derive(Clone)]
pub struct PartialPlan {
    /// Of all rows, or of a part of them.
    pub partial: LazyFrame,
    /// Of all rows, where they allow a shorter way than parts do.
    full: Option<LazyFrame>,
    merge: Merge,
}

/// How parts become one.
#[derive(Clone)]
enum Merge {
    /// One after the other.
    Concat,
    /// The first of them all, in an order.
    First(Vec<(String, bool)>),
    /// As groups.
    Aggregation(Aggregation, Then),
}

/// What is made of the groups.
#[derive(Clone)]
enum Then {
    Nothing,
    Duplicates(Vec<String>),
    FirstGap(Periods),
}

impl PartialPlan {
    /// Rows, each by itself.
    pub fn rows(frame: LazyFrame) -> Self {
        Self { partial: frame, full: None, merge: Merge::Concat }
    }

    /// Groups.
    pub fn groups(rows: LazyFrame, aggregation: Aggregation) -> Self {
        Self { partial: aggregation.partial(rows), full: None, merge: Merge::Aggregation(aggregation, Then::Nothing) }
    }

    /// The first rows in an order.
    pub fn first_rows(rows: LazyFrame, order: Vec<(String, bool)>) -> Self {
        Self { partial: first(rows, &order), full: None, merge: Merge::First(order) }
    }

    /// The first keys, by their order, that several rows share, with how many rows and how many such keys there are.
    pub fn duplicates(rows: LazyFrame, key: &[String]) -> Self {
        let count = Aggregation::counting(key.to_vec());
        let full = count.partial(repeated(rows.clone(), key));
        let partial = count.partial(rows);
        Self { partial, full: Some(full), merge: Merge::Aggregation(count, Then::Duplicates(key.to_vec())) }
    }

    /// The first gap, by the series' names, and how many there are.
    pub fn first_gap(rows: LazyFrame, periods: &Periods) -> Self {
        let count = Aggregation::counting(periods.names());
        let partial = count.partial(rows);
        Self { partial, full: None, merge: Merge::Aggregation(count, Then::FirstGap(periods.clone())) }
    }

    /// Of all rows at once.
    pub fn full(&self) -> LazyFrame {
        self.full.as_ref().unwrap_or(&self.partial).clone()
    }

    /// Several parts as one; more parts may follow.
    pub fn merge(&self, parts: LazyFrame) -> LazyFrame {
        match &self.merge {
            Merge::Concat => parts,
            Merge::First(order) => first(parts, order),
            Merge::Aggregation(aggregation, _) => aggregation.merge(parts),
        }
    }

    /// Whether merged parts are smaller than the parts.
    pub fn shrinks(&self) -> bool {
        !matches!(self.merge, Merge::Concat)
    }

    /// The frame, of all parts merged.
    pub fn finalize(&self, merged: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
        let Merge::Aggregation(aggregation, then) = &self.merge else { return merged };
        let groups = aggregation.finalize(merged, translator);
        match then {
            Then::Nothing => groups,
            Then::Duplicates(key) => {
                let several = groups.filter(pl::col(ROWS).gt(pl::lit(1)));
                let several = several.with_columns([pl::len().cast(pl::DataType::Int64).alias(KEYS)]);
                first(several, &key.iter().map(|name| (name.clone(), false)).collect::<Vec<_>>())
            }
            Then::FirstGap(periods) => fill_gaps::first_gap(groups, periods, translator.zone),
        }
    }
}

fn first(rows: LazyFrame, order: &[(String, bool)]) -> LazyFrame {
    sort(rows, order).limit(SHOWN_ROWS)
}
