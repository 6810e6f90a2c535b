//! Lists, records and maps of Parquet, into which a path of the pipeline leads.
//!
//! A path of names through records finds a column of the file's own type. Any other path is looked up in the value as JSON.

use std::{cell::OnceCell, fs::File};

use cpl_batch::Problem;
use cpl_source::FileAt;
use jiff::{Timestamp, tz::TimeZone};
use polars::prelude::{self as pl, AnyValue, DataType, IntoColumn, NewChunkedArray};
use polars_parquet::{
    parquet::schema::types::{GroupConvertedType, GroupLogicalType, ParquetType},
    read::read_metadata,
};
use serde_json::{Map, Value};

use crate::engine::catch_panic;

/// How a path leads into a nested column.
#[derive(Clone, Debug)]
pub enum Inside {
    /// To a field of its records, and of the records in those.
    Field(Vec<String>),
    /// Into the JSON of each value. The engine holds maps as lists, so the file's own types say which are maps.
    Json(Option<ParquetType>),
}

/// Whether values of that type are made of others.
pub fn is_nested(stored: &DataType) -> bool {
    matches!(stored, DataType::List(_) | DataType::Array(..) | DataType::Struct(_))
}

impl Inside {
    /// Where a path leads in a column of the file that is stored so; else the paths of all that its records hold.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn of(
        path: &str,
        header: &str,
        stored: &DataType,
        types: &ColumnTypes<'_>,
    ) -> Result<Result<Self, Vec<String>>, Problem> {
        let mut fields = Fields::default();
        let outline = fields.outline(stored, &[]);
        let path = cpl_source::path(path);
        let found = path.found_in(&outline);
        match found[..] {
            [Value::Number(field)] => {
                let at = field.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
                return Ok(Ok(Self::Field(fields.found.swap_remove(at))));
            }
            [] if !fields.has_lists => return Ok(Err(fields.found.iter().map(|names| path_of(names)).collect())),
            _ => {}
        }
        Ok(Ok(Self::Json(types.of_column(header)?)))
    }

    /// The texts or values in which the path is looked up; else the place of a value that can't be written as JSON.
    pub fn values(&self, values: &pl::Column) -> Result<pl::Column, usize> {
        match self {
            Self::Field(names) => {
                let field = |of: pl::Column, name: &String| Some(of.struct_().ok()?.field_by_name(name).ok()?.into());
                names.iter().try_fold(values.clone(), field).ok_or(0)
            }
            Self::Json(stored) => texts(values, stored.as_ref()),
        }
    }

    /// The type of that in which the path is looked up.
    pub fn dtype(&self, stored: &DataType) -> DataType {
        let Self::Field(names) = self else { return DataType::String };
        let inner = |of: DataType, name: &String| match of {
            DataType::Struct(fields) => {
                fields.iter().find(|field| field.name() == name).map(|field| field.dtype().clone())
            }
            _ => None,
        };
        names.iter().try_fold(stored.clone(), inner).unwrap_or(DataType::Null)
    }
}

/// How values are stored, in words.
pub fn stored_as(stored: &DataType) -> String {
    match stored {
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            format!("records of {}", names.join(", "))
        }
        stored if is_nested(stored) => "lists".to_owned(),
        stored => stored.to_string(),
    }
}

/// A path that leads to something inside values that are stored so.
pub fn example_path(stored: &DataType) -> String {
    let mut fields = Fields::default();
    fields.outline(stored, &[]);
    fields.found.first().map_or_else(|| "$[0]".to_owned(), |names| path_of(names))
}

/// `$.a['the b']`.
fn path_of(names: &[String]) -> String {
    names.iter().fold("$".to_owned(), |path, name| path + &cpl_records::step(name))
}

/// The fields of records that are no lists.
#[derive(Default)]
struct Fields {
    found: Vec<Vec<String>>,
    has_lists: bool,
}

impl Fields {
    /// A value of that type, in which each field that can be read as a column is its number.
    fn outline(&mut self, stored: &DataType, names: &[String]) -> Value {
        match stored {
            DataType::Struct(fields) => {
                let inner = fields.iter().map(|field| {
                    let name = field.name().to_string();
                    let outline = self.outline(field.dtype(), &[names, std::slice::from_ref(&name)].concat());
                    (name, outline)
                });
                Value::Object(inner.collect())
            }
            stored if is_nested(stored) => {
                self.has_lists = true;
                Value::Null
            }
            _ => {
                self.found.push(names.to_vec());
                Value::from(self.found.len() - 1)
            }
        }
    }
}

/// The types of a file's columns as Parquet has them, read when one is first needed.
pub struct ColumnTypes<'a> {
    file: &'a FileAt,
    types: OnceCell<Result<Vec<ParquetType>, Problem>>,
}

impl<'a> ColumnTypes<'a> {
    /// Of a file.
    pub fn of(file: &'a FileAt) -> Self {
        Self { file, types: OnceCell::new() }
    }

    /// # Errors
    /// Where they can't be read: what is a map would be taken for a list.
    fn of_column(&self, header: &str) -> Result<Option<ParquetType>, Problem> {
        let read = || {
            let unreadable = |error: pl::PolarsError| Problem::NotParquet(error.to_string());
            let metadata = || match self.file {
                FileAt::Disk(path) => {
                    let mut file = File::open(path).map_err(|error| Problem::Unreadable(error.to_string()))?;
                    read_metadata(&mut file).map_err(unreadable)
                }
                FileAt::Store(object) => object.with_bytes(|bytes| read_metadata(bytes).map_err(unreadable)),
            };
            let metadata = catch_panic(metadata)
                .unwrap_or_else(|_| Err(Problem::NotParquet("its types can't be read".to_owned())))?;
            Ok(metadata.schema_descr.fields().to_vec())
        };
        let types = self.types.get_or_init(read).as_ref().map_err(Clone::clone)?;
        Ok(types.iter().find(|field| field.name() == header).cloned())
    }
}

/// A JSON text of each value; none where there is no value.
fn texts(values: &pl::Column, stored: Option<&ParquetType>) -> Result<pl::Column, usize> {
    let mut texts = Vec::with_capacity(values.len());
    for at in 0..values.len() {
        texts.push(match values.get(at).map_err(|_| at)? {
            AnyValue::Null => None,
            value => Some(json(&value, stored).ok_or(at)?.to_string()),
        });
    }
    Ok(pl::StringChunked::from_iter_options(values.name().clone(), texts.into_iter()).into_column())
}

/// Numbers keep their digits; dates, moments and decimals are texts as CSV has them. None for bytes, and where a map has a key twice.
fn json(value: &AnyValue<'_>, stored: Option<&ParquetType>) -> Option<Value> {
    Some(match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(*value),
        AnyValue::List(entries) if stored.is_some_and(is_map) => {
            // A group of keys and values, in a group that is the map.
            return map(entries, stored.and_then(|map| parts(map).first()).and_then(|pair| parts(pair).get(1)));
        }
        AnyValue::List(values) | AnyValue::Array(values, _) => {
            let inner = stored.and_then(element);
            Value::Array(values.iter().map(|value| json(&value, inner)).collect::<Option<_>>()?)
        }
        AnyValue::Struct(_, _, fields) => record(value._iter_struct_av(), fields, stored)?,
        AnyValue::StructOwned(values) => record(values.0.iter().cloned(), &values.1, stored)?,
        AnyValue::Float32(_) | AnyValue::Float64(_) => number(&value.to_string()),
        value if value.is_integer() => number(&value.to_string()),
        // Bytes are no text, and nothing else.
        AnyValue::Binary(_) | AnyValue::BinaryOwned(_) => return None,
        AnyValue::Datetime(at, unit, zone) => Value::String(moment(*at, *unit, zone.is_some())?),
        AnyValue::DatetimeOwned(at, unit, zone) => Value::String(moment(*at, *unit, zone.is_some())?),
        value => Value::String(value.str_value().into_owned()),
    })
}

/// A moment as ISO 8601 has it: with `Z` where it is of a zone, of which Parquet keeps the moments in UTC.
fn moment(at: i64, unit: pl::TimeUnit, is_zoned: bool) -> Option<String> {
    let moment = match unit {
        pl::TimeUnit::Nanoseconds => Timestamp::from_nanosecond(i128::from(at)),
        pl::TimeUnit::Microseconds => Timestamp::from_microsecond(at),
        pl::TimeUnit::Milliseconds => Timestamp::from_millisecond(at),
    };
    let moment = moment.ok()?;
    let local = || moment.to_zoned_datetime(TimeZone::UTC).datetime().to_string();
    Some(if is_zoned { moment.to_string() } else { local() })
}

/// The object of a record's fields.
fn record<'v>(
    values: impl Iterator<Item = AnyValue<'v>>,
    fields: &[pl::Field],
    stored: Option<&ParquetType>,
) -> Option<Value> {
    let inner = |name: &str| parts(stored?).iter().find(|part| part.name() == name);
    let each = values.zip(fields).map(|(value, field)| {
        let name = field.name().as_str();
        Some((name.to_owned(), json(&value, inner(name))?))
    });
    Some(Value::Object(each.collect::<Option<_>>()?))
}

/// The object of a map's entries; none where a key occurs twice.
fn map(entries: &pl::Series, stored: Option<&ParquetType>) -> Option<Value> {
    let entries = entries.struct_().ok()?.fields_as_series();
    let [keys, values] = &entries[..] else { return None };
    let mut object = Map::new();
    for (key, value) in keys.iter().zip(values.iter()) {
        let twice = object.insert(key.str_value().into_owned(), json(&value, stored)?);
        if twice.is_some() {
            return None;
        }
    }
    Some(Value::Object(object))
}

/// Whether values are maps. The engine holds them as lists of records of a key and a value, as others may be too.
fn is_map(stored: &ParquetType) -> bool {
    use GroupConvertedType::{Map, MapKeyValue};
    let ParquetType::GroupType { logical_type, converted_type, .. } = stored else { return false };
    matches!((logical_type, converted_type), (Some(GroupLogicalType::Map), _) | (None, Some(Map | MapKeyValue)))
}

/// What the values of a list are, which stand in a group of their own in the group that is the list.
fn element(list: &ParquetType) -> Option<&ParquetType> {
    let item = parts(list).first()?;
    if let [element] = parts(item) { Some(element) } else { Some(item) }
}

fn parts(stored: &ParquetType) -> &[ParquetType] {
    match stored {
        ParquetType::GroupType { fields, .. } => fields,
        ParquetType::PrimitiveType(_) => &[],
    }
}

fn number(digits: &str) -> Value {
    serde_json::from_str(digits).unwrap_or_else(|_| Value::String(digits.to_owned()))
}
