//! Partners by a key. The table that is joined is held, and its rows are found by their keys' numbers; then each row of
//! the other side finds its partner as it streams by, so that rows may come in parts and keep their order. The engine's
//! own joins would hash the table anew for each part, and take longer (`just bench joins touches`).

use std::{collections::HashMap, sync::Arc};

use cpl_plan::program::{Join, Latest};
use foldhash::fast::FixedState;
use polars::prelude::{
    self as pl, ChunkCompareEq, ChunkFullNull, ChunkZip, ChunkedCollectInferIterExt, DataType, IntoColumn,
};

use super::{
    keys::{Numbers, known, repeats},
    newest::{Newest, candidates, moments},
};
use crate::by_row::by_row;

/// A table by its key.
pub struct Lookup {
    table: pl::DataFrame,
    keys: Vec<pl::Column>,
    numbers: Numbers,
    rows: Rows,
}

/// Rows by the numbers of their keys.
enum Rows {
    One(HashMap<u64, pl::IdxSize, FixedState>),
    Newest(Newest),
}

impl Lookup {
    /// Of a join with one partner, or with the newest; none where two rows have the same known key.
    pub fn of(mut table: pl::DataFrame, join: &Join) -> pl::PolarsResult<Option<Arc<Self>>> {
        table.rechunk_mut_par();
        let keys = join.on.iter().map(|(_, right)| table.column(right).cloned());
        let keys = keys.collect::<pl::PolarsResult<Vec<_>>>()?;
        let found = match &join.latest {
            Some(latest) => Some(newest(&table, &keys, latest, |seed| Numbers::of(&keys, seed))?),
            None => one(&keys, |seed| Numbers::of(&keys, seed))?,
        };
        Ok(found.map(|(numbers, rows)| Arc::new(Self { table, keys, numbers, rows })))
    }

    /// How many rows the table has.
    pub fn height(&self) -> usize {
        self.table.height()
    }

    /// The number of the row that has these values in its key, or of the newest before the moment behind them; none
    /// where there is none, or a value is unknown.
    pub fn partner(self: &Arc<Self>, keys: Vec<pl::Expr>) -> pl::Expr {
        let lookup = Arc::clone(self);
        by_row(keys, DataType::IDX_DTYPE, move |keys| Ok(lookup.rows_of(keys)?.into_column()))
    }

    /// A column's values in the rows of those numbers.
    pub fn column(self: &Arc<Self>, name: &str, partners: pl::Expr) -> pl::PolarsResult<pl::Expr> {
        let column = self.table.column(name)?.clone();
        let ty = column.dtype().clone();
        Ok(by_row([partners], ty, move |partners| {
            Ok(column.take(partners[0].idx()?)?.with_name(column.name().clone()))
        }))
    }

    fn rows_of(&self, columns: &[pl::Column]) -> pl::PolarsResult<pl::IdxCa> {
        let (keys, time) = columns.split_at(self.keys.len());
        let (numbers, name) = (self.numbers.each(keys)?, columns[0].name().clone());
        let found: pl::IdxCa = match &self.rows {
            Rows::One(rows) => numbers.iter().map(|number| rows.get(number).copied()).collect_ca(name),
            Rows::Newest(newest) => {
                let moments = moments(&time[0])?;
                let found = numbers.iter().zip(moments.iter());
                found.map(|(number, moment)| newest.before(*number, moment?)).collect_ca(name)
            }
        };
        if !self.numbers.exact {
            return same(&self.keys, keys, found);
        }
        let whole = keys.iter().all(|key| key.null_count() == 0);
        if whole { Ok(found) } else { only(&found, &known(keys)) }
    }
}

/// Rows each of which has a key of its own; none where two share one.
fn one(keys: &[pl::Column], seeded: impl Fn(u64) -> Numbers) -> pl::PolarsResult<Option<(Numbers, Rows)>> {
    let (known, height) = (known(keys), keys[0].len());
    for seed in 0.. {
        let numbers = seeded(seed);
        let mut rows = HashMap::with_capacity_and_hasher(height, FixedState::default());
        let each = (0..).zip(numbers.each(keys)?).zip(known.iter());
        let mut there = each.filter(|(_, known)| *known == Some(true));
        if there.all(|((row, number), _)| rows.insert(number, row).is_none()) {
            return Ok(Some((numbers, Rows::One(rows))));
        }
        let those = keys.iter().map(|key| key.filter(&known)).collect::<pl::PolarsResult<Vec<_>>>()?;
        if repeats(&those)?.contains(&true) {
            break;
        }
    }
    Ok(None)
}

/// Rows of which several may have one key.
fn newest(
    table: &pl::DataFrame,
    keys: &[pl::Column],
    latest: &Latest,
    seeded: impl Fn(u64) -> Numbers,
) -> pl::PolarsResult<(Numbers, Rows)> {
    let there = known(&[keys, &[table.column(&latest.right)?.clone()]].concat());
    let candidates = candidates(table, &there, latest)?;
    let mut seed = 0;
    loop {
        let numbers = seeded(seed);
        let each = numbers.each(keys)?;
        let newest = Newest::of(&candidates, &each, latest.within);
        if numbers.exact || are_of_one_key(keys, &there, newest.of_its_group(&each))? {
            return Ok((numbers, Rows::Newest(newest)));
        }
        seed += 1;
    }
}

/// Whether each row that is there has the key of the row it stands for.
fn are_of_one_key(
    keys: &[pl::Column],
    there: &pl::BooleanChunked,
    rows: Vec<Option<pl::IdxSize>>,
) -> pl::PolarsResult<bool> {
    let rows = only(&rows.into_iter().collect_ca(pl::PlSmallStr::EMPTY), there)?;
    Ok(same(keys, keys, rows.clone())?.null_count() == rows.null_count())
}

/// The numbers of rows whose keys are ours.
fn same(theirs: &[pl::Column], ours: &[pl::Column], mut found: pl::IdxCa) -> pl::PolarsResult<pl::IdxCa> {
    for (theirs, ours) in theirs.iter().zip(ours) {
        let (theirs, ours) = (theirs.to_physical_repr().take(&found)?, ours.to_physical_repr());
        found = only(&found, &ours.as_materialized_series().equal(theirs.as_materialized_series())?)?;
    }
    Ok(found)
}

/// The numbers where it is so; else none.
fn only(found: &pl::IdxCa, there: &pl::BooleanChunked) -> pl::PolarsResult<pl::IdxCa> {
    found.zip_with(there, &pl::IdxCa::full_null(found.name().clone(), found.len()))
}

#[cfg(test)]
mod tests {
    use cpl_syntax::Span;
    use polars::prelude::{Column, df};

    use super::*;

    /// The first seeds make few hashes, of which many are equal: keys are told apart by later ones, and rows that only
    /// share a hash are no partners.
    fn few(keys: &[Column], seed: u64) -> Numbers {
        let numbers = Numbers::of(keys, seed);
        if seed < 2 { numbers.of_bits(3) } else { numbers.of_bits(20) }
    }

    fn lookup(newest: bool) -> pl::PolarsResult<Lookup> {
        let name = |n: i64| if newest { (n + 1) / 2 } else { n };
        let names: Vec<String> = (0..500).map(|n| format!("k{}", name(n))).collect();
        let mut table = df!["k" => &names, "t" => (0..500).collect::<Vec<i64>>()]?;
        table.with_column(table.column("t")?.cast(&crate::types::moment())?)?;
        let keys = vec![table.column("k")?.clone()];
        let latest = Latest { right: "t".to_owned(), left: "t".to_owned(), within: 10_000, order: Vec::new() };
        let found = if newest {
            Some(super::newest(&table, &keys, &latest, |seed| few(&keys, seed))?)
        } else {
            one(&keys, |seed| few(&keys, seed))?
        };
        let Some((numbers, rows)) = found else { panic!("keys are taken for repeated") };
        Ok(Lookup { table, keys, numbers, rows })
    }

    /// The numbers of the rows that other names, all at the last moment, are partners of.
    fn partners(lookup: &Lookup, names: &[&str]) -> pl::PolarsResult<Vec<Option<u32>>> {
        let mut asked = df!["k" => names, "t" => vec![499i64; names.len()]]?;
        asked.with_column(asked.column("t")?.cast(&crate::types::moment())?)?;
        let columns = if matches!(lookup.rows, Rows::One(_)) { &asked.columns()[..1] } else { asked.columns() };
        Ok(lookup.rows_of(columns)?.iter().collect())
    }

    #[test]
    fn equal_hashes_are_no_equal_keys() -> pl::PolarsResult<()> {
        let strangers: Vec<String> = (0..5_000).map(|n| format!("stranger {n}")).collect();
        let strangers: Vec<&str> = strangers.iter().map(String::as_str).collect();
        for newest in [false, true] {
            let lookup = lookup(newest)?;
            assert!(partners(&lookup, &strangers)?.iter().all(Option::is_none));
        }
        assert_eq!(partners(&lookup(false)?, &["k0", "k1", "k498", "k499"])?, [Some(0), Some(1), Some(498), Some(499)]);
        // Of the names here two rows have each but the first and the last: the later one is the newest.
        assert_eq!(partners(&lookup(true)?, &["k0", "k1", "k2", "k250"])?, [Some(0), Some(2), Some(4), Some(499)]);
        Ok(())
    }

    #[test]
    fn a_key_of_two_rows_makes_no_lookup() -> pl::PolarsResult<()> {
        let on = vec![("k".to_owned(), "k".to_owned())];
        let join = Join {
            table: cpl_plan::program::TableId(0),
            left: true,
            on,
            columns: Vec::new(),
            many: false,
            latest: None,
            check_unique: true,
            span: Span::default(),
        };
        assert!(Lookup::of(df!["k" => [Some("a"), None, None, Some("b")]]?, &join)?.is_some());
        assert!(Lookup::of(df!["k" => [Some("a"), None, Some("a")]]?, &join)?.is_none());
        assert!(Lookup::of(df!["k" => [Some(1i64), None, Some(1)]]?, &join)?.is_none());
        Ok(())
    }
}
