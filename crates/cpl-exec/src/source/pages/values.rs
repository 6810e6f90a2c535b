//! Plain values of a page, in the type in which the engine holds what is stored.

use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray};
use polars_parquet::parquet::{metadata::ColumnChunkMetadata, schema::types::PhysicalType};

/// Why pages could not be read: what is wrong is found by the engine's reader, which reads the files then.
#[derive(Clone, Copy, Debug)]
pub struct NotRead;

/// Whether values of a column are read here: one for each row, of a type that is stored as the engine holds it.
pub fn is_read(chunk: &ColumnChunkMetadata, stored: &DataType) -> bool {
    let levels = &chunk.descriptor().descriptor;
    let is_flat = levels.max_rep_level == 0 && levels.max_def_level <= 1;
    let is_known = matches!(
        (chunk.physical_type(), stored),
        (PhysicalType::Int32, DataType::Int32 | DataType::Date | DataType::Decimal(..))
            | (PhysicalType::Int64, DataType::Int64 | DataType::Datetime(..) | DataType::Decimal(..))
            | (PhysicalType::FixedLenByteArray(1..=16), DataType::Decimal(..))
            | (PhysicalType::Float, DataType::Float32)
            | (PhysicalType::Double, DataType::Float64)
            | (PhysicalType::ByteArray, DataType::String)
    );
    is_flat && is_known
}

/// So many values that stand one after the other. See the format's page "Encodings", Plain.
pub fn plain(physical: PhysicalType, stored: &DataType, bytes: &[u8], count: usize) -> Result<pl::Column, NotRead> {
    let name = pl::PlSmallStr::EMPTY;
    match (physical, stored) {
        (PhysicalType::ByteArray, _) => {
            let texts = texts(bytes, count).ok_or(NotRead)?;
            Ok(pl::StringChunked::from_iter_values(name, texts.into_iter()).into_column())
        }
        (PhysicalType::Float, _) => {
            let values = fixed(bytes, count, f32::from_le_bytes)?;
            Ok(pl::Float32Chunked::from_vec(name, values).into_column())
        }
        (PhysicalType::Double, _) => {
            let values = fixed(bytes, count, f64::from_le_bytes)?;
            Ok(pl::Float64Chunked::from_vec(name, values).into_column())
        }
        (_, DataType::Decimal(precision, scale)) => {
            let values = match physical {
                PhysicalType::Int32 => fixed(bytes, count, |bytes| i32::from_le_bytes(bytes).into())?,
                PhysicalType::Int64 => fixed(bytes, count, |bytes| i64::from_le_bytes(bytes).into())?,
                PhysicalType::FixedLenByteArray(width) => big_endian(bytes, count, width).ok_or(NotRead)?,
                _ => return Err(NotRead),
            };
            let values = pl::Int128Chunked::from_vec(name, values).into_decimal(*precision, *scale);
            Ok(values.map_err(|_| NotRead)?.into_column())
        }
        (PhysicalType::Int32, _) => {
            let values = pl::Int32Chunked::from_vec(name, fixed(bytes, count, i32::from_le_bytes)?);
            values.into_column().cast(stored).map_err(|_| NotRead)
        }
        (PhysicalType::Int64, _) => {
            let values = pl::Int64Chunked::from_vec(name, fixed(bytes, count, i64::from_le_bytes)?);
            values.into_column().cast(stored).map_err(|_| NotRead)
        }
        _ => Err(NotRead),
    }
}

fn fixed<const WIDTH: usize, T>(
    bytes: &[u8],
    count: usize,
    read: impl Fn([u8; WIDTH]) -> T,
) -> Result<Vec<T>, NotRead> {
    let bytes = bytes.get(..count.checked_mul(WIDTH).ok_or(NotRead)?).ok_or(NotRead)?;
    let (values, _) = bytes.as_chunks::<WIDTH>();
    Ok(values.iter().map(|bytes| read(*bytes)).collect())
}

/// Whole numbers of that many bytes, the highest first, whose sign is that of the first bit.
fn big_endian(bytes: &[u8], count: usize, width: usize) -> Option<Vec<i128>> {
    let bytes = bytes.get(..count.checked_mul(width)?)?;
    let each = bytes.chunks_exact(width).map(|bytes| {
        let mut wide = [0; 16];
        wide[..width].copy_from_slice(bytes);
        i128::from_be_bytes(wide) >> (8 * (16 - width))
    });
    Some(each.collect())
}

/// Texts, each behind its length.
fn texts(mut bytes: &[u8], count: usize) -> Option<Vec<&str>> {
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4 + 1));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(std::str::from_utf8(text).ok()?);
        bytes = rest;
    }
    Some(texts)
}
