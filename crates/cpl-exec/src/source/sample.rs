//! The first rows of a Parquet file, for whoever writes its fetch.

use std::path::Path;

use cpl_batch::{Problem, StoredKind};
use polars::prelude::{self as pl, DataType};

use super::{
    cast::{is_whole, shown},
    nested::is_nested,
    parquet::scan,
};
use crate::engine::{catch_panic, first_line};

/// A column of a Parquet file, or a field of its records: what is stored, and its first values as texts.
pub struct StoredColumn {
    /// The column's name.
    pub name: String,
    /// The names of the records' fields that lead to it; none of a column itself.
    pub fields: Vec<String>,
    /// What is stored.
    pub kind: StoredKind,
    /// The first values; none where there is none.
    pub values: Vec<Option<String>>,
    /// How many values of the whole file are missing.
    pub missing: usize,
}

/// The columns of a file with so many of its first rows, and how many rows it has. A column of records is those of their
/// fields.
///
/// # Errors
/// Where it can't be read.
pub fn parquet_sample(file: &Path, rows: usize) -> Result<(Vec<StoredColumn>, usize), Problem> {
    let (frame, schema) = scan(file)?;
    let mut leaves = Vec::new();
    schema.iter().for_each(|(name, stored)| add_leaves(&mut leaves, &[name.to_string()], stored));
    // Columns are found by their places: names that are made of several may occur twice.
    let values = || leaves.iter().zip(0..).map(|((names, _), at)| (value(names), format!("{at}")));
    let collected = catch_panic(|| {
        let limit = pl::IdxSize::try_from(rows).unwrap_or(pl::IdxSize::MAX);
        let shown: Vec<pl::Expr> = values().map(|(value, at)| value.alias(at)).collect();
        let counted = values().map(|(value, at)| value.null_count().alias(at));
        let counted: Vec<pl::Expr> = counted.chain([pl::len().alias("rows")]).collect();
        Ok::<_, pl::PolarsError>((
            frame.clone().limit(limit).select(shown).collect()?,
            frame.select(counted).collect()?,
        ))
    });
    let (first, counts) = match collected {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(Problem::NotParquet(first_line(&error.to_string()))),
        Err(_) => return Err(Problem::NotParquet("its values are damaged".to_owned())),
    };
    let count = |name: &str| {
        let value = counts.column(name).ok().and_then(|column| column.get(0).ok()?.extract::<u64>());
        usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX)
    };
    let columns = leaves.iter().zip(0..).map(|((names, stored), at)| {
        let values = first.column(&format!("{at}"));
        let values = values.map(|values| (0..values.len()).map(|row| shown(values, row)).collect());
        StoredColumn {
            name: names[0].clone(),
            fields: names[1..].to_vec(),
            kind: kind(stored),
            values: values.unwrap_or_default(),
            missing: count(&format!("{at}")),
        }
    });
    Ok((columns.collect(), count("rows")))
}

/// Adds what a column holds, or the fields of its records: the names that lead to it, and how it is stored.
fn add_leaves(leaves: &mut Vec<(Vec<String>, DataType)>, names: &[String], stored: &DataType) {
    match stored {
        DataType::Struct(fields) => {
            for field in fields {
                add_leaves(leaves, &[names, &[field.name().to_string()]].concat(), field.dtype());
            }
        }
        stored => leaves.push((names.to_vec(), stored.clone())),
    }
}

/// The values to which those names lead.
fn value(names: &[String]) -> pl::Expr {
    let inner = |of: pl::Expr, name: &String| of.struct_().field_by_name(name);
    names[1..].iter().fold(pl::col(names[0].as_str()), inner)
}

fn kind(stored: &DataType) -> StoredKind {
    match stored {
        DataType::Boolean => StoredKind::Bool,
        DataType::String | DataType::Categorical(..) | DataType::Enum(..) => StoredKind::Text,
        DataType::Date => StoredKind::Day,
        DataType::Datetime(..) => StoredKind::Moment,
        stored if is_whole(stored) => StoredKind::Whole,
        stored if is_nested(stored) => StoredKind::Nested,
        stored if stored.is_float() || stored.is_decimal() => StoredKind::Number,
        _ => StoredKind::Other,
    }
}
