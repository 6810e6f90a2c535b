//! `sort`.

use polars::prelude::{self as pl, LazyFrame};

/// Sorted; unknown comes last, equal rows keep their order.
pub fn sort(frame: LazyFrame, order: &[(String, bool)]) -> LazyFrame {
    let options = pl::SortMultipleOptions::default()
        .with_order_descending_multi(order.iter().map(|(_, descending)| *descending))
        .with_nulls_last(true)
        .with_maintain_order(true);
    frame.sort(order.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), options)
}
