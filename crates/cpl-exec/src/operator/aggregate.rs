//! `group by`, in two phases: each aggregate is computed once, then the items are put together from them.

use cpl_model::{
    program::{Aggregate, Expr, ExprKind},
    types::Type,
};
use cpl_syntax::Span;
use polars::prelude::{self as pl, LazyFrame};

use super::{
    accumulator::{Accumulator, RowColumn, StateColumn},
    group_table::GroupTable,
    reduction::Reduction,
    sort::sort,
};
use crate::expr::Translator;

/// How many rows there are: a column that is there where no other is.
const LEN: &str = "·len";
/// The name of a count of rows.
pub const ROWS: &str = "·rows";

/// A `group by`: parts of the rows can be grouped by themselves and merged.
#[derive(Clone)]
pub struct Aggregation {
    keys: Vec<String>,
    accumulators: Vec<Accumulator>,
    /// The items, with columns in the places of their aggregates.
    items: Vec<(String, Expr)>,
}

impl Aggregation {
    /// Without keys, of one row.
    pub fn new(keys: Vec<String>, items: &[(String, Expr)], translator: &Translator<'_>) -> Self {
        let (aggregates, items) = extract_aggregates(items);
        let accumulators = aggregates.iter().enumerate().map(|(at, each)| Accumulator::of(at, each, translator));
        Self { keys, accumulators: accumulators.collect(), items }
    }

    /// How many rows each key has.
    pub fn counting(keys: Vec<String>) -> Self {
        let count = Expr::column(&Accumulator::name(0), Type::Count, false, Span::default());
        Self { keys, accumulators: vec![Accumulator::rows(0, None)], items: vec![(ROWS.to_owned(), count)] }
    }

    /// Of all rows one: the sums of counts that each row has.
    pub fn sums(counts: impl Iterator<Item = pl::Expr>) -> Self {
        let (accumulators, items) = counts
            .enumerate()
            .map(|(at, count)| {
                let value = Expr::column(&Accumulator::name(at), Type::Count, false, Span::default());
                (Accumulator::summed(at, count), (format!("·sum{at}"), value))
            })
            .unzip();
        Self { keys: Vec::new(), accumulators, items }
    }

    /// First phase: of some rows, a row for each group with the states of its aggregates.
    pub fn partial(&self, rows: LazyFrame) -> LazyFrame {
        let input: Vec<pl::Expr> = self.accumulators.iter().flat_map(Accumulator::widened_input).collect();
        let rows = if input.is_empty() { rows } else { rows.with_columns(input) };
        self.grouped(rows, self.states().map(StateColumn::partial), pl::len())
    }

    /// An empty hash table for the groups; none where only the engine groups so.
    pub fn table(&self) -> Option<GroupTable> {
        if !self.is_tabled() {
            return None;
        }
        let mut states: Vec<StateColumn> = self.states().cloned().collect();
        if self.keys.is_empty() {
            states.push(StateColumn { name: LEN.to_owned(), reduction: Reduction::Rows });
        }
        Some(GroupTable::new(&self.keys, states))
    }

    /// The columns of rows that such a table reads.
    pub fn table_rows(&self, rows: LazyFrame) -> Option<LazyFrame> {
        if !self.is_tabled() {
            return None;
        }
        let input = || self.accumulators.iter().flat_map(|each| &each.input);
        let names = self.keys().into_iter().chain(input().map(RowColumn::column)).collect::<Vec<_>>();
        // Next to the rows' columns a constant is a value of each row; selected without them, it would be one row.
        Some(rows.with_columns(input().map(RowColumn::as_it_is).collect::<Vec<_>>()).select(names))
    }

    /// Whether all states are those of a hash table: a chunk costs little.
    pub fn has_simple_states(&self) -> bool {
        GroupTable::holds(self.states())
    }

    /// Whether a hash table can hold the groups. A frame without columns has no rows: there, the engine counts.
    fn is_tabled(&self) -> bool {
        let has_columns = !self.keys.is_empty() || self.accumulators.iter().any(|each| !each.input.is_empty());
        has_columns && self.has_simple_states()
    }

    fn states(&self) -> impl Iterator<Item = &StateColumn> {
        self.accumulators.iter().flat_map(|each| &each.state)
    }

    /// The states of several parts as those of one.
    pub fn merge(&self, parts: LazyFrame) -> LazyFrame {
        self.grouped(parts, self.states().map(StateColumn::merge), pl::col(LEN).sum())
    }

    fn grouped(&self, rows: LazyFrame, states: impl Iterator<Item = pl::Expr>, len: pl::Expr) -> LazyFrame {
        let mut states: Vec<pl::Expr> = states.collect();
        if self.keys.is_empty() {
            // A frame of one row, also where nothing is computed of it.
            states.push(len.alias(LEN));
            return rows.select(states);
        }
        rows.group_by(self.keys()).agg(states)
    }

    fn keys(&self) -> Vec<pl::Expr> {
        self.keys.iter().map(|key| pl::col(key.as_str())).collect()
    }

    /// Second phase: the groups with their items, sorted by key, of the states of all rows.
    pub fn finalize(&self, states: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
        let groups = self.items(states, translator);
        if self.keys.is_empty() {
            return groups;
        }
        let order: Vec<(String, bool)> = self.keys.iter().map(|key| (key.clone(), false)).collect();
        sort(groups, &order)
    }

    /// The groups with their items, in the order of their states.
    pub fn items(&self, states: LazyFrame, translator: &Translator<'_>) -> LazyFrame {
        let values: Vec<pl::Expr> = self.accumulators.iter().map(|each| each.evaluate.clone()).collect();
        let mut columns = self.keys();
        for (name, value) in &self.items {
            columns.push(translator.as_type(value, value.ty).alias(name.as_str()));
        }
        if columns.is_empty() {
            columns.push(pl::col(LEN));
        }
        states.with_columns(values).select(columns)
    }
}

/// The different aggregates in the items, and the items with columns in their places.
fn extract_aggregates(items: &[(String, Expr)]) -> (Vec<Aggregate>, Vec<(String, Expr)>) {
    let mut aggregates: Vec<Aggregate> = Vec::new();
    let items = items.iter().map(|(name, value)| (name.clone(), extract(value.clone(), &mut aggregates))).collect();
    (aggregates, items)
}

fn extract(mut expr: Expr, aggregates: &mut Vec<Aggregate>) -> Expr {
    if let ExprKind::Aggregate(aggregate) = &expr.kind {
        let at = aggregates.iter().position(|before| same(before, aggregate)).unwrap_or_else(|| {
            aggregates.push((**aggregate).clone());
            aggregates.len() - 1
        });
        expr.kind = ExprKind::Column(Accumulator::name(at));
        return expr;
    }
    expr.map_parts(&mut |part| extract(part, aggregates))
}

/// Whether two aggregates are the same but for where they are written.
fn same(left: &Aggregate, right: &Aggregate) -> bool {
    left.func == right.func
        && left.share == right.share
        && same_expr(left.of.as_ref(), right.of.as_ref())
        && same_expr(left.filter.as_ref(), right.filter.as_ref())
        && same_expr(left.by.as_ref(), right.by.as_ref())
}

fn same_expr(left: Option<&Expr>, right: Option<&Expr>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => left.same_as(right),
        (None, None) => true,
        _ => false,
    }
}
