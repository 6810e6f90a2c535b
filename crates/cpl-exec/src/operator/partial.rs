//! A frame that may be made of parts of its rows, as they are read, where they are not held together.

use cpl_model::program::Periods;
use cpl_plan::query::SHOWN_ROWS;
use polars::prelude::{self as pl, LazyFrame};

use super::{
    aggregate::{Aggregation, ROWS},
    fill_gaps,
    group_table::GroupTable,
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
    /// The rows of groups, before they are grouped.
    rows: Option<LazyFrame>,
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
        Self { partial: frame, full: None, merge: Merge::Concat, rows: None }
    }

    /// Groups.
    pub fn groups(rows: LazyFrame, aggregation: Aggregation) -> Self {
        Self::aggregated(rows, aggregation, Then::Nothing)
    }

    fn aggregated(rows: LazyFrame, aggregation: Aggregation, then: Then) -> Self {
        let partial = aggregation.partial(rows.clone());
        Self { partial, full: None, merge: Merge::Aggregation(aggregation, then), rows: Some(rows) }
    }

    /// The first rows in an order.
    pub fn first_rows(rows: LazyFrame, order: Vec<(String, bool)>) -> Self {
        Self { partial: first(rows, &order), full: None, merge: Merge::First(order), rows: None }
    }

    /// The first keys, by their order, that several rows share, with how many rows and how many such keys there are.
    pub fn duplicates(rows: LazyFrame, key: &[String]) -> Self {
        let count = Aggregation::counting(key.to_vec());
        let full = count.partial(repeated(rows.clone(), key));
        Self { full: Some(full), ..Self::aggregated(rows, count, Then::Duplicates(key.to_vec())) }
    }

    /// The first gap, by the series' names, and how many there are.
    pub fn first_gap(rows: LazyFrame, periods: &Periods) -> Self {
        let count = Aggregation::counting(periods.names());
        Self::aggregated(rows, count, Then::FirstGap(periods.clone()))
    }

    /// Of all rows at once.
    pub fn full(&self) -> LazyFrame {
        self.full.as_ref().unwrap_or(&self.partial).clone()
    }

    /// An empty hash table for groups; none where parts are merged by the engine.
    pub fn table(&self) -> Option<GroupTable> {
        match &self.merge {
            Merge::Aggregation(aggregation, _) => aggregation.table(),
            Merge::Concat | Merge::First(_) => None,
        }
    }

    /// Whether parts may come in any order, and cost little one by one: groups of sums, counts, least and largest values.
    pub fn has_simple_states(&self) -> bool {
        matches!(&self.merge, Merge::Aggregation(aggregation, _) if aggregation.has_simple_states())
    }

    /// The rows that are added to that table.
    pub fn table_rows(&self) -> Option<LazyFrame> {
        match &self.merge {
            Merge::Aggregation(aggregation, _) => aggregation.table_rows(self.rows.clone()?),
            Merge::Concat | Merge::First(_) => None,
        }
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
        let Merge::Aggregation(aggregation, _) = &self.merge else { return merged };
        self.then(aggregation.finalize(merged, translator), translator)
    }

    /// The frame, of the rows of a hash table, which are sorted.
    pub fn finalize_table(&self, states: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
        let Merge::Aggregation(aggregation, _) = &self.merge else { return states };
        self.then(aggregation.items(states, translator), translator)
    }

    fn then(&self, groups: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
        let Merge::Aggregation(_, then) = &self.merge else { return groups };
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
