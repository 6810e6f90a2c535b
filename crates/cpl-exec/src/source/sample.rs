//! The first rows of a Parquet file, for whoever writes its fetch.

use std::path::Path;

use cpl_batch::{Problem, StoredKind};
use polars::prelude::{self as pl, DataType};

use super::{cast::shown, parquet::scan};
use crate::engine::{catch_panic, first_line};

/// A column of a Parquet file: what is stored, and its first values as texts.
pub struct StoredColumn {
    /// Its name.
    pub name: String,
    /// What is stored.
    pub kind: StoredKind,
    /// The first values; none where there is none.
    pub values: Vec<Option<String>>,
    /// How many values of the whole file are missing.
    pub missing: usize,
}

/// The columns of a file with so many of its first rows, and how many rows it has.
///
/// # Errors
/// Where it can't be read.
pub fn parquet_sample(file: &Path, rows: usize) -> Result<(Vec<StoredColumn>, usize), Problem> {
    let (frame, schema) = scan(file)?;
    let unreadable = |why: String| Problem::NotParquet(why);
    let collected = catch_panic(|| {
        let first = frame.clone().limit(pl::IdxSize::try_from(rows).unwrap_or(pl::IdxSize::MAX)).collect()?;
        let counts = frame.select([pl::len().alias("·rows"), pl::all().as_expr().null_count()]).collect()?;
        Ok::<_, pl::PolarsError>((first, counts))
    });
    let (first, counts) = match collected {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(unreadable(first_line(&error.to_string()))),
        Err(_) => return Err(unreadable("its values are damaged".to_owned())),
    };
    let count = |name: &str| {
        let value = counts.column(name).ok().and_then(|column| column.get(0).ok()?.extract::<u64>());
        usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX)
    };
    let columns = schema.iter().map(|(name, stored)| {
        let values = first.column(name).map(|values| (0..values.len()).map(|at| shown(values, at)).collect());
        StoredColumn {
            name: name.to_string(),
            kind: kind(stored),
            values: values.unwrap_or_default(),
            missing: count(name),
        }
    });
    Ok((columns.collect(), count("·rows")))
}

fn kind(stored: &DataType) -> StoredKind {
    match stored {
        DataType::Boolean => StoredKind::Bool,
        DataType::String | DataType::Categorical(..) | DataType::Enum(..) => StoredKind::Text,
        DataType::Date => StoredKind::Day,
        DataType::Datetime(..) => StoredKind::Moment,
        stored if stored.is_integer() => StoredKind::Whole,
        stored if stored.is_float() || stored.is_decimal() => StoredKind::Number,
        _ => StoredKind::Other,
    }
}
