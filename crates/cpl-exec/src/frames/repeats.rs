//! Keys that several rows have. Where each has its own, which is nearly always so, hashes of the keys tell it: sorted,
//! they cost a fraction of what groups do.

use polars::prelude::{self as pl, DataType, IntoColumn, LazyFrame, NewChunkedArray, VecHash};

/// A name no column can have.
const AGAIN: &str = "·again";

/// The rows of which others have the same values in these columns; unknown values are equal to each other. Looks at
/// all rows at once, and remembers a number for each.
pub fn repeated(rows: LazyFrame, key: &[String]) -> LazyFrame {
    let columns: Vec<pl::Expr> = key.iter().map(|name| pl::col(name.as_str())).collect();
    let Some((first, rest)) = columns.split_first() else { return rows };
    let again = first.clone().apply_many(
        |columns| {
            let marks = if has_repeats(columns)? { marked(columns)? } else { vec![false; columns[0].len()] };
            Ok(pl::BooleanChunked::from_slice(columns[0].name().clone(), &marks).into_column())
        },
        rest,
        |_, fields| Ok(pl::Field::new(fields[0].name().clone(), DataType::Boolean)),
    );
    // A column: the engine's optimizer fails at a filter that can't go row by row, on rows that are shared.
    rows.with_columns([again.alias(AGAIN)]).filter(pl::col(AGAIN))
}

/// Whether two rows may be equal; hardly ever true where none are.
fn has_repeats(columns: &[pl::Column]) -> pl::PolarsResult<bool> {
    let numbers = match columns {
        [column] if column.null_count() == 0 && column.to_physical_repr().dtype() == &DataType::Int64 => {
            // The order of numbers is the order of their bits here: it is only asked whether two are equal.
            column.to_physical_repr().i64()?.iter().flatten().map(i64::cast_unsigned).collect()
        }
        _ => hashes(columns)?,
    };
    let Some(mut numbers) = Some(numbers).filter(|numbers: &Vec<u64>| numbers.len() == columns[0].len()) else {
        return Ok(true);
    };
    numbers.sort_unstable();
    Ok(numbers.windows(2).any(|two| two[0] == two[1]))
}

/// A hash of each row; none of columns of a type that is not hashed here.
fn hashes(columns: &[pl::Column]) -> pl::PolarsResult<Vec<u64>> {
    let (state, mut hashes) = (pl::PlSeedableRandomStateQuality::default(), Vec::new());
    for column in columns {
        let column = column.to_physical_repr();
        let values: &dyn VecHash = match column.dtype() {
            DataType::Boolean => column.bool()?,
            DataType::Int32 => column.i32()?,
            DataType::Int64 => column.i64()?,
            DataType::Int128 => column.as_materialized_series().i128()?,
            DataType::Float64 => column.f64()?,
            DataType::String => column.str()?,
            _ => return Ok(Vec::new()),
        };
        if hashes.is_empty() {
            values.vec_hash(state.clone(), &mut hashes)?;
        } else {
            values.vec_hash_combine(state.clone(), &mut hashes)?;
        }
    }
    Ok(hashes)
}

/// Each row that is not alone.
fn marked(columns: &[pl::Column]) -> pl::PolarsResult<Vec<bool>> {
    let names: Vec<pl::PlSmallStr> = (0..columns.len()).map(|at| format!("{at}").into()).collect();
    let keys = columns.iter().zip(&names).map(|(column, name)| column.clone().with_name(name.clone()));
    let frame = pl::DataFrame::new(columns[0].len(), keys.collect())?;
    let mut marks = vec![false; frame.height()];
    for group in frame.group_by(names)?.get_groups().iter().filter(|group| group.len() > 1) {
        match group {
            pl::GroupsIndicator::Idx((_, rows)) => rows.iter().for_each(|row| marks[*row as usize] = true),
            pl::GroupsIndicator::Slice([first, len]) => marks[first as usize..(first + len) as usize].fill(true),
        }
    }
    Ok(marks)
}
