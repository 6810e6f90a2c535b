//! Values of JSON of which no object names a member twice: RFC 8259 leaves open which of the two is meant.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

/// Why a text gives no value.
#[derive(Debug)]
pub enum NoValue {
    /// It is no JSON.
    Json(serde_json::Error),
    /// An object in it names this member twice.
    Twice(String),
}

impl From<serde_json::Error> for NoValue {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

/// The value of a text.
pub fn value(text: &str) -> Result<Value, NoValue> {
    value_at(text, 0)
}

/// As deep as `serde_json` itself goes.
const DEPTH: u8 = 127;

fn value_at(text: &str, depth: u8) -> Result<Value, NoValue> {
    if depth > DEPTH {
        return Err(serde_json::Error::custom("recursion limit exceeded").into());
    }
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            let mut object = Map::new();
            for (name, raw) in members {
                if object.insert(name.clone(), value_at(raw.get(), depth + 1)?).is_some() {
                    return Err(NoValue::Twice(name));
                }
            }
            Ok(Value::Object(object))
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            elements.into_iter().map(|raw| value_at(raw.get(), depth + 1)).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => Ok(serde_json::from_str(text)?),
    }
}

/// The members of an object, as they stand.
#[derive(Default)]
pub struct Members<'t>(pub Vec<(String, &'t RawValue)>);

impl<'t> serde::Deserialize<'t> for Members<'t> {
    fn deserialize<D: serde::Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'t> Visitor<'t> for Each {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}
