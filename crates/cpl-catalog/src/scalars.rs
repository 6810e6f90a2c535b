//! Texts of a connector file that are more than texts: each is checked once, where it is read.

use std::{fmt, marker::PhantomData, time::Duration};

use cpl_model::host::is_this_machine;
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;
use url::Url;

/// A text that is checked: its doc comment, its schema's pattern, and the function that checks it.
macro_rules! scalar {
    ($(#[$meta:meta])* $name:ident($inner:ty), $pattern:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
        #[serde(try_from = "Value")]
        pub struct $name($inner);

        impl $name {
            /// What it says.
            #[must_use]
            pub fn get(&self) -> &$inner {
                &self.0
            }
        }

        impl TryFrom<Value> for $name {
            type Error = String;

            /// Of what is no text, too, the error says what was wanted.
            fn try_from(value: Value) -> Result<Self, String> {
                let check: fn(String) -> Result<$inner, String> = $check;
                check(value.as_str().map_or_else(|| value.to_string(), str::to_owned)).map(Self)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                if $pattern.is_empty() {
                    return schemars::json_schema!({ "type": ["string", "number"] });
                }
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

scalar! {
    /// The address of a server; holes may stand for the first names of its host, which are the account's.
    AccountAddress(String), "^https?://", |text| match server(&without_account(&text)).map_err(|why| why.to_string())? {
        url if url.query().is_some() || url.fragment().is_some() => {
            Err("an address ends with its path: what stands behind `?` is a request's `query`".to_owned())
        }
        _ => Ok(text),
    }
}

/// An address with letters in the place of the holes that stand for the first names of its host: what is sent to it goes to
/// the last two names of it at least, whatever fills the holes.
fn without_account(text: &str) -> String {
    const FIXED: usize = 2;
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let names: Vec<&str> = host.split('.').collect();
    let first = names.len().saturating_sub(FIXED);
    let is_hole = |name: &str| name.starts_with('{') && name.ends_with('}') && name.matches(['{', '}']).count() == 2;
    let names = names.iter().enumerate().map(|(at, name)| if at < first && is_hole(name) { "account" } else { *name });
    format!("{scheme}://{}{path}", names.collect::<Vec<_>>().join("."))
}

/// Why an address is not that of a server to which something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoServer {
    /// It holds credentials.
    Secret,
    /// What it is, and what was wanted.
    Other {
        /// What is wrong.
        what: &'static str,
        /// What stands there in its place.
        wanted: &'static str,
    },
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("a secret can't be part of an address: use `auth`"),
            Self::Other { what, wanted } => write!(f, "{what}: wanted {wanted}"),
        }
    }
}

impl std::error::Error for NoServer {}

/// The address of a server, to which nothing goes that others could read.
///
/// # Errors
/// Why it is none.
pub fn server(text: &str) -> Result<Url, NoServer> {
    const NONE: NoServer =
        NoServer::Other { what: "that is no address", wanted: "one such as `https://api.example.com/v1`" };
    const HOLES: NoServer = NoServer::Other {
        what: "a hole in a host stands for a whole name, at its beginning only",
        wanted: "one such as `https://{shop}.example.com`",
    };
    const OPEN: NoServer =
        NoServer::Other { what: "what goes by `http://` is read by others on its way", wanted: "`https://`" };
    let url = Url::parse(text).map_err(|_| NONE)?;
    if url.host().is_none() || !["http", "https"].contains(&url.scheme()) {
        return Err(NONE);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NoServer::Secret);
    }
    if text.contains(['{', '}']) {
        return Err(HOLES);
    }
    if url.domain().is_some_and(|name| name.split('.').any(str::is_empty)) {
        return Err(NONE);
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_this_machine) { Err(OPEN) } else { Ok(url) }
}

scalar! {
    /// A text, or a number that stands for one.
    Scalar(String), "", Ok
}

/// A secret by its name, or a plain text.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Value")]
pub enum Credential {
    /// `{ secret: NAME }`
    Secret(String),
    /// A text that is no secret.
    Plain(String),
}

impl TryFrom<Value> for Credential {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let wanted = || "that is no credential: wanted `{ secret: NAME }`, or a plain text".to_owned();
        match &value {
            Value::String(text) if text.contains(['{', '}', '\n']) => {
                Err("a credential is a text without holes: wanted `{ secret: NAME }`, or a plain text".to_owned())
            }
            Value::String(text) if !text.is_empty() => Ok(Self::Plain(text.clone())),
            Value::Object(map) if map.len() == 1 => match map.get("secret").and_then(Value::as_str) {
                Some(name) if is_secret_name(name) => Ok(Self::Secret(name.to_owned())),
                Some(_) => Err("a secret has a name: wanted letters, digits and `_`, such as `CRM_TOKEN`".to_owned()),
                None => Err(wanted()),
            },
            _ => Err(wanted()),
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Credential {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Credential".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "string", "pattern": "^[^{}\\n]+$", "description": "A text that is no secret." },
            {
                "type": "object",
                "properties": { "secret": { "type": "string", "pattern": "^[A-Za-z0-9_]+$" } },
                "required": ["secret"],
                "additionalProperties": false,
                "description": "A secret by its name.",
            },
        ] })
    }
}

scalar! {
    /// A path into JSON, as RFC 9535 writes it.
    JsonPath(String), r"^\$", |text| match json_path(&text) {
        Ok(()) => Ok(text),
        Err(_) => Err("that is no path into JSON: wanted one of RFC 9535, such as `$.results[*]`".to_owned()),
    }
}

/// Whether a text is a path into JSON as RFC 9535 writes it, its brackets at most eight deep: reading one takes twice
/// the time for each further level.
///
/// # Errors
/// How many bytes of it are understood.
pub fn json_path(text: &str) -> Result<(), usize> {
    const MAX_DEPTH: usize = 8;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(at);
        }
    }
    serde_json_path::JsonPath::parse(text).map(drop).map_err(|error| error.position())
}

/// Where an answer holds its records, or their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsAt {
    /// The path to them.
    pub path: String,
    /// An answer without records may lack it.
    pub optional: bool,
}

scalar! {
    /// A path to what an answer without records may lack, where `optional` stands behind it.
    OptionalPath(RecordsAt), r"^\$", |text| {
        let stripped = text.strip_suffix(" optional").map(|path| path.trim_end().to_owned());
        let (optional, path) = (stripped.is_some(), stripped.unwrap_or(text));
        match json_path(&path) {
            Ok(()) => Ok(RecordsAt { path, optional }),
            Err(_) => Err("that is no path into JSON: wanted one of RFC 9535, such as `$.results[*]`, or `$.rows optional`".to_owned()),
        }
    }
}

scalar! {
    /// A length of time as cpl writes it.
    Length(String), "^[0-9_]+ ?(second|minute|hour|day|week|month)s?$", |text| {
        let wanted = || "that is no length of time: wanted one such as `30 seconds` or `2 days`".to_owned();
        let (number, unit) = counted(&text).ok_or_else(wanted)?;
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let known = ["second", "minute", "hour", "day", "week", "month"].contains(&unit);
        if known && number > 0 { Ok(text) } else { Err(wanted()) }
    }
}

scalar! {
    /// A length of time that is the same on each day.
    FixedLength(Duration), "^[0-9_]+ ?(second|minute|hour|day)s?$", |text| {
        let wanted = || "that is no time to wait: wanted one such as `30 seconds` or `10 minutes`".to_owned();
        let (number, unit) = counted(&text).ok_or_else(wanted)?;
        let seconds = seconds_of(unit.strip_suffix('s').unwrap_or(unit)).ok_or_else(wanted)?;
        number.checked_mul(seconds).filter(|all| *all > 0).map(Duration::from_secs).ok_or_else(wanted)
    }
}

/// At most so many, in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountPer(pub u64, pub Duration);

scalar! {
    /// How often.
    Rate(CountPer), "^[0-9_]+ per (second|minute|hour|day)$", |text| {
        let wanted = || "that is no rate: wanted one such as `10 per second`".to_owned();
        let (count, per) = counted(&text).ok_or_else(wanted)?;
        let seconds = per.strip_prefix("per ").and_then(|unit| seconds_of(unit.trim())).ok_or_else(wanted)?;
        if count == 0 { Err(wanted()) } else { Ok(CountPer(count, Duration::from_secs(seconds))) }
    }
}

scalar! {
    /// A number of bytes.
    Size(u64), "^[0-9_]+ ?(KB|MB|GB)$", |text| {
        let wanted = || "that is no size: wanted one such as `64 MB`".to_owned();
        let (number, unit) = counted(&text).ok_or_else(wanted)?;
        let bytes: u64 = match unit {
            "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(wanted()),
        };
        number.checked_mul(bytes).filter(|bytes| *bytes > 0).ok_or_else(wanted)
    }
}

/// The seconds of a unit.
fn seconds_of(unit: &str) -> Option<u64> {
    match unit {
        "second" => Some(1),
        "minute" => Some(60),
        "hour" => Some(3_600),
        "day" => Some(86_400),
        _ => None,
    }
}

/// `10 per second`: the number, and what follows it.
fn counted(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '_'))?;
    let (number, unit) = text.split_at(end);
    Some((number.replace('_', "").parse().ok()?, unit.trim()))
}

/// Reads one, or a list of them.
pub fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`{ bearer: … }` or another way, or a list of several")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }
    reader.deserialize_any(OneOrMany(PhantomData))
}

/// The schema of that.
#[cfg(feature = "schema")]
pub fn one_or_many_schema<T: schemars::JsonSchema>(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let one = generator.subschema_for::<T>();
    schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}
