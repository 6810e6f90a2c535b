//! The hash join: the second input is the build side, held in a hash table; each row of the first probes it as it streams
//! by, so that rows may come in parts and keep their order. The engine's own join would hash the build side anew for each
//! part, and takes longer (`just bench joins touches`).

use std::{collections::HashMap, sync::Arc};

use cpl_model::program::{Join, Latest};
use foldhash::fast::FixedState;
use polars::prelude::{
    self as pl, ChunkCompareEq, ChunkFullNull, ChunkZip, ChunkedCollectInferIterExt, DataType, IntoColumn,
};

use super::{
    asof_index::{AsOfIndex, build_rows, moments},
    key_hash::{KeyHasher, known, repeats},
};
use crate::engine::elementwise;

/// A table by the hashes of its key.
pub struct HashTable {
    table: pl::DataFrame,
    keys: Vec<pl::Column>,
    hasher: KeyHasher,
    rows: Rows,
}

/// Rows by the hashes of their keys.
enum Rows {
    One(HashMap<u64, pl::IdxSize, FixedState>),
    Latest(AsOfIndex),
}

impl HashTable {
    /// Of a join with one match, or with the latest; none where two rows have the same known key.
    pub fn build(mut table: pl::DataFrame, join: &Join) -> pl::PolarsResult<Option<Arc<Self>>> {
        table.rechunk_mut_par();
        let keys = join.on.iter().map(|(_, right)| table.column(right).cloned());
        let keys = keys.collect::<pl::PolarsResult<Vec<_>>>()?;
        let found = match &join.latest {
            Some(latest) => Some(newest(&table, &keys, latest, |seed| KeyHasher::of(&keys, seed))?),
            None => one(&keys, |seed| KeyHasher::of(&keys, seed))?,
        };
        Ok(found.map(|(hasher, rows)| Arc::new(Self { table, keys, hasher, rows })))
    }

    /// The number of the row with this key, or of the latest not after the moment that follows the key; none where there
    /// is none, or a value is unknown.
    pub fn probe(self: &Arc<Self>, keys: Vec<pl::Expr>) -> pl::Expr {
        let table = Arc::clone(self);
        elementwise(keys, DataType::IDX_DTYPE, move |keys| Ok(table.rows_of(keys)?.into_column()))
    }

    /// A column's values in the rows of those numbers.
    pub fn column(self: &Arc<Self>, name: &str, matches: pl::Expr) -> pl::PolarsResult<pl::Expr> {
        let column = self.table.column(name)?.clone();
        let ty = column.dtype().clone();
        Ok(elementwise([matches], ty, move |matches| {
            Ok(column.take(matches[0].idx()?)?.with_name(column.name().clone()))
        }))
    }

    fn rows_of(&self, columns: &[pl::Column]) -> pl::PolarsResult<pl::IdxCa> {
        let (keys, time) = columns.split_at(self.keys.len());
        let (numbers, name) = (self.hasher.hash(keys)?, columns[0].name().clone());
        let found: pl::IdxCa = match &self.rows {
            Rows::One(rows) => numbers.iter().map(|number| rows.get(number).copied()).collect_ca(name),
            Rows::Latest(newest) => {
                let moments = moments(&time[0])?;
                let found = numbers.iter().zip(moments.iter());
                found.map(|(number, moment)| newest.latest_at(*number, moment?)).collect_ca(name)
            }
        };
        if !self.hasher.exact {
            return same(&self.keys, keys, found);
        }
        let whole = keys.iter().all(|key| key.null_count() == 0);
        if whole { Ok(found) } else { only(&found, &known(keys)) }
    }
}

/// Rows with unique keys; none where two share one.
fn one(keys: &[pl::Column], seeded: impl Fn(u64) -> KeyHasher) -> pl::PolarsResult<Option<(KeyHasher, Rows)>> {
    let (known, height) = (known(keys), keys[0].len());
    for seed in 0.. {
        let numbers = seeded(seed);
        let mut rows = HashMap::with_capacity_and_hasher(height, FixedState::default());
        let each = (0..).zip(numbers.hash(keys)?).zip(known.iter());
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

/// Rows of which several may share a key.
fn newest(
    table: &pl::DataFrame,
    keys: &[pl::Column],
    latest: &Latest,
    seeded: impl Fn(u64) -> KeyHasher,
) -> pl::PolarsResult<(KeyHasher, Rows)> {
    let there = known(&[keys, &[table.column(&latest.right)?.clone()]].concat());
    let build_rows = build_rows(table, &there, latest)?;
    let mut seed = 0;
    loop {
        let numbers = seeded(seed);
        let each = numbers.hash(keys)?;
        let newest = AsOfIndex::build(&build_rows, &each, latest.within);
        if numbers.exact || are_of_one_key(keys, &there, newest.group_representative(&each))? {
            return Ok((numbers, Rows::Latest(newest)));
        }
        seed += 1;
    }
}

/// Whether each known row has the key of its group.
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
    fn few(keys: &[Column], seed: u64) -> KeyHasher {
        let numbers = KeyHasher::of(keys, seed);
        if seed < 2 { numbers.of_bits(3) } else { numbers.of_bits(20) }
    }

    fn lookup(newest: bool) -> pl::PolarsResult<HashTable> {
        let name = |n: i64| if newest { (n + 1) / 2 } else { n };
        let names: Vec<String> = (0..500).map(|n| format!("k{}", name(n))).collect();
        let mut table = df!["k" => &names, "t" => (0..500).collect::<Vec<i64>>()]?;
        table.with_column(table.column("t")?.cast(&crate::engine::moment())?)?;
        let keys = vec![table.column("k")?.clone()];
        let latest = Latest { right: "t".to_owned(), left: "t".to_owned(), within: 10_000, order: Vec::new() };
        let found = if newest {
            Some(super::newest(&table, &keys, &latest, |seed| few(&keys, seed))?)
        } else {
            one(&keys, |seed| few(&keys, seed))?
        };
        let Some((hasher, rows)) = found else { panic!("keys are taken for repeated") };
        Ok(HashTable { table, keys, hasher, rows })
    }

    /// The numbers of the rows that other names, all at the last moment, are partners of.
    fn matches_of(lookup: &HashTable, names: &[&str]) -> pl::PolarsResult<Vec<Option<u32>>> {
        let mut probe = df!["k" => names, "t" => vec![499i64; names.len()]]?;
        probe.with_column(probe.column("t")?.cast(&crate::engine::moment())?)?;
        let columns = if matches!(lookup.rows, Rows::One(_)) { &probe.columns()[..1] } else { probe.columns() };
        Ok(lookup.rows_of(columns)?.iter().collect())
    }

    #[test]
    fn equal_hashes_are_no_equal_keys() -> pl::PolarsResult<()> {
        let strangers: Vec<String> = (0..5_000).map(|n| format!("stranger {n}")).collect();
        let strangers: Vec<&str> = strangers.iter().map(String::as_str).collect();
        for newest in [false, true] {
            let lookup = lookup(newest)?;
            assert!(matches_of(&lookup, &strangers)?.iter().all(Option::is_none));
        }
        assert_eq!(
            matches_of(&lookup(false)?, &["k0", "k1", "k498", "k499"])?,
            [Some(0), Some(1), Some(498), Some(499)]
        );
        // Of the names here two rows have each but the first and the last: the later one is the newest.
        assert_eq!(matches_of(&lookup(true)?, &["k0", "k1", "k2", "k250"])?, [Some(0), Some(2), Some(4), Some(499)]);
        Ok(())
    }

    #[test]
    fn a_key_of_two_rows_makes_no_lookup() -> pl::PolarsResult<()> {
        let on = vec![("k".to_owned(), "k".to_owned())];
        let join = Join {
            table: cpl_model::program::TableId(0),
            left: true,
            on,
            columns: Vec::new(),
            many: false,
            latest: None,
            check_unique: true,
            or_none: false,
            span: Span::default(),
        };
        assert!(HashTable::build(df!["k" => [Some("a"), None, None, Some("b")]]?, &join)?.is_some());
        assert!(HashTable::build(df!["k" => [Some("a"), None, Some("a")]]?, &join)?.is_none());
        assert!(HashTable::build(df!["k" => [Some(1i64), None, Some(1)]]?, &join)?.is_none());
        Ok(())
    }
}
