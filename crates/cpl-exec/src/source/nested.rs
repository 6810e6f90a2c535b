//! Lists of Parquet as JSON, into which a path of the pipeline leads.

use polars::prelude::{self as pl, AnyValue, IntoColumn, NewChunkedArray};
use serde_json::Value;

/// A JSON text of each value; none where there is no value.
pub fn texts(values: &pl::Column) -> pl::PolarsResult<pl::Column> {
    let mut texts = Vec::with_capacity(values.len());
    for at in 0..values.len() {
        texts.push(match values.get(at)? {
            AnyValue::Null => None,
            value => Some(json(&value)?.to_string()),
        });
    }
    Ok(pl::StringChunked::from_iter_options(values.name().clone(), texts.into_iter()).into_column())
}

/// Numbers keep their digits; dates, moments and decimals are texts as CSV has them.
fn json(value: &AnyValue<'_>) -> pl::PolarsResult<Value> {
    Ok(match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(*value),
        AnyValue::List(values) => {
            let each = values.iter().map(|value| json(&value)).collect::<pl::PolarsResult<Vec<_>>>()?;
            Value::Array(each)
        }
        AnyValue::Float32(_) | AnyValue::Float64(_) => number(&value.to_string()),
        value if value.is_integer() => number(&value.to_string()),
        value => Value::String(value.str_value().into_owned()),
    })
}

fn number(digits: &str) -> Value {
    serde_json::from_str(digits).unwrap_or_else(|_| Value::String(digits.to_owned()))
}
