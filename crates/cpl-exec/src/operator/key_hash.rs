//! Hashes of keys: whole numbers, days and moments are their own, of all else a seeded hash. Sorted or probed, they cost
//! a fraction of what groups do.

use polars::prelude::{self as pl, DataType, IntoColumn, LazyFrame, NewChunkedArray, SeedableFromU64SeedExt, VecHash};

/// A name no column can have.
const REPEATED: &str = "·repeated";

/// How keys are hashed.
#[derive(Clone)]
pub struct KeyHasher {
    /// Different keys have different hashes.
    pub exact: bool,
    seed: u64,
    /// The bits of a hash that count: all, but in tests.
    bits: u64,
}

impl KeyHasher {
    /// Of keys of such columns. Where hashes collide, another seed is tried.
    pub fn of(columns: &[pl::Column], seed: u64) -> Self {
        let whole =
            |column: &pl::Column| matches!(column.to_physical_repr().dtype(), DataType::Int32 | DataType::Int64);
        Self { exact: matches!(columns, [column] if whole(column)), seed, bits: u64::MAX }
    }

    /// Hashes of few bits, many of which collide.
    #[cfg(test)]
    pub fn of_bits(self, bits: u32) -> Self {
        Self { exact: false, bits: (1 << bits) - 1, ..self }
    }

    /// Hash per row; unspecified for keys with unknown parts (callers mask them).
    pub fn hash(&self, columns: &[pl::Column]) -> pl::PolarsResult<Vec<u64>> {
        if self.exact {
            let column = columns[0].to_physical_repr().cast(&DataType::Int64)?;
            let parts = column.i64()?.downcast_iter();
            return Ok(parts.flat_map(|part| part.values_iter().map(|value| value.cast_unsigned())).collect());
        }
        let (state, mut hashes) = (pl::PlSeedableRandomStateQuality::seed_from_u64(self.seed), Vec::new());
        for column in columns {
            let column = column.to_physical_repr();
            let values: &dyn VecHash = match column.dtype() {
                DataType::Boolean => column.bool()?,
                DataType::Int32 => column.i32()?,
                DataType::Int64 => column.i64()?,
                DataType::Int128 => column.as_materialized_series().i128()?,
                DataType::Float64 => column.f64()?,
                DataType::String => column.str()?,
                other => unreachable!("no key is a {other}"),
            };
            if hashes.is_empty() {
                values.vec_hash(state.clone(), &mut hashes)?;
            } else {
                values.vec_hash_combine(state.clone(), &mut hashes)?;
            }
        }
        for hash in &mut hashes {
            *hash &= self.bits;
        }
        Ok(hashes)
    }
}

/// Whether all parts of a row's key are known.
pub fn known(columns: &[pl::Column]) -> pl::BooleanChunked {
    let known = columns.iter().filter(|column| column.null_count() > 0).map(pl::Column::is_not_null);
    let all = || pl::BooleanChunked::from_slice(pl::PlSmallStr::EMPTY, &vec![true; columns[0].len()]);
    known.reduce(|all, one| &all & &one).unwrap_or_else(all)
}

/// The rows that share their key with another; unknown values are equal to each other. Needs the keys of all rows at
/// once.
pub fn repeated(rows: LazyFrame, key: &[String]) -> LazyFrame {
    let columns: Vec<pl::Expr> = key.iter().map(|name| pl::col(name.as_str())).collect();
    let Some((first, rest)) = columns.split_first() else { return rows };
    let repeated = first.clone().apply_many(
        |columns| Ok(pl::BooleanChunked::from_slice(columns[0].name().clone(), &repeats(columns)?).into_column()),
        rest,
        |_, fields| Ok(pl::Field::new(fields[0].name().clone(), DataType::Boolean)),
    );
    // A column: the engine's optimizer fails at a filter that can't go row by row, on rows that are shared.
    rows.with_columns([repeated.alias(REPEATED)]).filter(pl::col(REPEATED))
}

/// For each row, whether another shares its key.
pub fn repeats(columns: &[pl::Column]) -> pl::PolarsResult<Vec<bool>> {
    let mut marks = vec![false; columns[0].len()];
    // Hashes of unknown values are unspecified.
    let unknown = columns.iter().any(|column| column.null_count() > 0);
    let mut hashes = if unknown { Vec::new() } else { KeyHasher::of(columns, 0).hash(columns)? };
    hashes.sort_unstable();
    if !unknown && hashes.windows(2).all(|two| two[0] != two[1]) {
        return Ok(marks);
    }
    let names: Vec<pl::PlSmallStr> = (0..columns.len()).map(|at| format!("{at}").into()).collect();
    let keys = columns.iter().zip(&names).map(|(column, name)| column.clone().with_name(name.clone()));
    let frame = pl::DataFrame::new(columns[0].len(), keys.collect())?;
    for group in frame.group_by(names)?.get_groups().iter().filter(|group| group.len() > 1) {
        match group {
            pl::GroupsIndicator::Idx((_, rows)) => rows.iter().for_each(|row| marks[*row as usize] = true),
            pl::GroupsIndicator::Slice([first, len]) => marks[first as usize..(first + len) as usize].fill(true),
        }
    }
    Ok(marks)
}
