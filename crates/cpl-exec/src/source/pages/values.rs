//! Plain values of a page, in the type in which the engine holds what is stored.

use polars::prelude::{self as pl, DataType, IntoColumn, NewChunkedArray};
use polars_parquet::parquet::{
    metadata::ColumnChunkMetadata,
    schema::types::{IntegerType, PhysicalType, PrimitiveConvertedType, PrimitiveLogicalType, PrimitiveType, TimeUnit},
};

/// Why pages could not be read: what is wrong is found by the engine's reader, which reads the files then.
#[derive(Clone, Copy, Debug)]
pub struct NotRead;

/// Whether values of a column are read here: one for each row, of a type that is stored as the engine holds it. Files of
/// Arrow's tools also hold its types, which the engine takes: nanoseconds there may be stored as milliseconds.
pub fn is_read(chunk: &ColumnChunkMetadata, stored: &DataType) -> bool {
    let levels = &chunk.descriptor().descriptor;
    let is_flat = levels.max_rep_level == 0 && levels.max_def_level <= 1;
    let is_same = match (own_type(&levels.primitive_type), stored) {
        (Some(DataType::Datetime(own, _)), DataType::Datetime(unit, _)) => own == *unit,
        (Some(own), stored) => own == *stored,
        (None, _) => false,
    };
    is_flat && is_same
}

/// The type of a column by Parquet's own types; none where it is not read here. Moments are of no zone.
fn own_type(column: &PrimitiveType) -> Option<DataType> {
    use PrimitiveConvertedType as Converted;
    use PrimitiveLogicalType as Logical;
    let decimal = match (column.logical_type, column.converted_type) {
        (Some(Logical::Decimal(precision, scale)), _) => Some(DataType::Decimal(precision, scale)),
        (None, Some(Converted::Decimal(precision, scale))) => Some(DataType::Decimal(precision, scale)),
        _ => None,
    };
    match (column.physical_type, column.logical_type, column.converted_type) {
        (PhysicalType::Int32 | PhysicalType::Int64 | PhysicalType::FixedLenByteArray(1..=16), ..)
            if decimal.is_some() =>
        {
            decimal
        }
        (PhysicalType::Int32, Some(Logical::Date), _) | (PhysicalType::Int32, None, Some(Converted::Date)) => {
            Some(DataType::Date)
        }
        (PhysicalType::Int32, Some(Logical::Integer(IntegerType::Int32)), _)
        | (PhysicalType::Int32, None, None | Some(Converted::Int32)) => Some(DataType::Int32),
        (PhysicalType::Int64, Some(Logical::Integer(IntegerType::Int64)), _)
        | (PhysicalType::Int64, None, None | Some(Converted::Int64)) => Some(DataType::Int64),
        (PhysicalType::Int64, Some(Logical::Timestamp { unit, .. }), _) => {
            let unit = match unit {
                TimeUnit::Milliseconds => pl::TimeUnit::Milliseconds,
                TimeUnit::Microseconds => pl::TimeUnit::Microseconds,
                TimeUnit::Nanoseconds => pl::TimeUnit::Nanoseconds,
            };
            Some(DataType::Datetime(unit, None))
        }
        (PhysicalType::Float, None, None) => Some(DataType::Float32),
        (PhysicalType::Double, None, None) => Some(DataType::Float64),
        (PhysicalType::ByteArray, Some(Logical::String), _)
        | (PhysicalType::ByteArray, None, Some(Converted::Utf8)) => Some(DataType::String),
        _ => None,
    }
}

/// So many values that stand one after the other, and nothing behind them: else the page is not what its head says. See
/// the format's page "Encodings", Plain.
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
    let (values, rest) = bytes.as_chunks::<WIDTH>();
    if values.len() != count || !rest.is_empty() {
        return Err(NotRead);
    }
    Ok(values.iter().map(|bytes| read(*bytes)).collect())
}

/// Whole numbers of that many bytes, the highest first, whose sign is that of the first bit.
fn big_endian(bytes: &[u8], count: usize, width: usize) -> Option<Vec<i128>> {
    if bytes.len() != count.checked_mul(width)? {
        return None;
    }
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
    bytes.is_empty().then_some(texts)
}
