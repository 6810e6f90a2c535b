//! YAML → what is written there, and all that does not fit its shape.
//!
//! serde stops at the first mistake. The mistake is reported, its part is removed, and the rest is parsed again. So
//! one check reports all mistakes.

use std::collections::HashSet;

use cpl_syntax::{Code, Diagnostic, Span, nearest};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::source_map::{KeyPath, SourceMap, yaml_error};

/// The deepest nesting of `<<` merges.
const MERGES: usize = 8;

/// The most mistakes that are reported for one file.
const MAX_DIAGNOSTICS: usize = 100;

/// What a file is, as messages name it.
#[derive(Clone, Copy)]
pub struct FileKind {
    /// `a connector file`
    pub name: &'static str,
    /// How one begins.
    pub example: &'static str,
    /// A file that says nothing is one.
    pub may_be_empty: bool,
}

/// A file as far as it could be read.
pub struct Parsed<T> {
    /// What is written there; none where nothing could be read.
    pub raw: Option<T>,
    /// The source spans of its parts.
    pub source_map: SourceMap,
    /// The parts that were skipped.
    pub skipped: HashSet<KeyPath>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a file's text.
///
/// # Errors
/// Why it is no YAML.
pub fn read<T: DeserializeOwned>(text: &str, kind: FileKind) -> Result<Parsed<T>, Vec<Diagnostic>> {
    let source_map = SourceMap::of(text)?;
    let body = text.trim_start_matches('\u{feff}');
    let refused = |error: serde_yaml::Error| {
        let at = error.location().map_or(0, |location| location.index()).min(body.len());
        let at = text.len() - body.len() + at;
        vec![yaml_error(&error.to_string(), Span::new(at, at))]
    };
    let mut value: serde_yaml::Value = serde_yaml::from_str(body).map_err(refused)?;
    // `<<: *name` stands for what is named there.
    for _ in 0..MERGES {
        value.apply_merge().map_err(refused)?;
    }
    let mut parsed = Parsed { raw: None, source_map, skipped: HashSet::new(), diagnostics: Vec::new() };
    match serde_json::to_value(value) {
        Ok(Value::Null) if kind.may_be_empty => parsed.take(Value::Object(serde_json::Map::new()), kind),
        Ok(value) => parsed.take(value, kind),
        Err(error) => return Err(vec![yaml_error(&error.to_string(), Span::default())]),
    }
    Ok(parsed)
}

impl<T: DeserializeOwned> Parsed<T> {
    /// Reads again and again, each time without what was wrong.
    fn take(&mut self, mut value: Value, kind: FileKind) {
        if !value.is_object() {
            let message = format!("{} is a map of names and values", kind.name);
            self.diagnostics
                .push(Diagnostic::new(Code::E0602, message).help(format!("begin it with {}", kind.example)));
            return;
        }
        while self.diagnostics.len() < MAX_DIAGNOSTICS {
            let error = match serde_path_to_error::deserialize(&value) {
                Ok(raw) => {
                    self.raw = Some(raw);
                    return;
                }
                Err(error) => error,
            };
            let mut key_path: KeyPath = error.path().iter().filter_map(segment).collect();
            let wrong = ShapeError::of(&error.inner().to_string());
            if !self.follows(&wrong, &key_path) {
                self.diagnostics.push(wrong.diagnostic(kind, &key_path, &self.source_map));
            }
            // Without its one key the value around it would be wrong too.
            if let ShapeError::Variant(name, _) = &wrong
                && key_path.last() == Some(name)
            {
                key_path.pop();
            }
            // Credentials without a part of them are none.
            if key_path.first().is_some_and(|part| part == "auth") {
                key_path.truncate(1);
            }
            if !self.skip_at(&key_path, &mut value) {
                return;
            }
        }
    }

    /// Whether a field is missing only because it was skipped.
    fn follows(&self, wrong: &ShapeError, key_path: &[String]) -> bool {
        let ShapeError::Missing(name) = wrong else { return false };
        let missing: KeyPath = key_path.iter().chain([name]).cloned().collect();
        self.skipped.iter().any(|skipped| skipped.starts_with(&missing))
    }

    /// Removes the part at a path, or the list around it; false if there is none.
    fn skip_at(&mut self, key_path: &[String], value: &mut Value) -> bool {
        let mut key_path = key_path.to_vec();
        while let Some(last) = key_path.pop() {
            let Some(Value::Object(map)) = key_path.iter().try_fold(&mut *value, |value, part| inside(value, part))
            else {
                continue;
            };
            if map.shift_remove(&last).is_some() {
                key_path.push(last);
                self.skipped.insert(key_path);
                return true;
            }
        }
        false
    }
}

/// The part of that name, or of that place in a list.
fn inside<'v>(value: &'v mut Value, part: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    }
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// What the reader of values finds wrong.
enum ShapeError {
    /// A name that is none there, and those that are.
    Unknown(String, Vec<String>),
    /// An unknown variant, and the known ones.
    Variant(String, Vec<String>),
    /// A name that must be there.
    Missing(String),
    /// Something of another kind: what was wanted, and what is there.
    Kind(String, String),
    /// In words: what is wrong, and what was wanted.
    Message(String, Option<String>),
}

impl ShapeError {
    /// Parses an error message of `serde`.
    fn of(message: &str) -> Self {
        let quoted = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        if message.starts_with("unknown field") || message.starts_with("unknown variant") {
            let mut names = quoted(message);
            let name = if names.is_empty() { String::new() } else { names.remove(0) };
            let variant = message.starts_with("unknown variant");
            return if variant { Self::Variant(name, names) } else { Self::Unknown(name, names) };
        }
        if let Some(name) = message.strip_prefix("missing field") {
            return Self::Missing(quoted(name).concat());
        }
        if message == "invalid number" {
            return Self::Message("that is no number for this".to_owned(), Some("wanted: a whole number".to_owned()));
        }
        if message.starts_with("invalid length") {
            let wanted = "wanted: a list where an API wants several";
            return Self::Message("one way stands here at a time".to_owned(), Some(wanted.to_owned()));
        }
        if let Some((found, wanted)) = message.split_once(", expected ") {
            let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
            return Self::Kind(kind(wanted), found_kind(found));
        }
        match message.split_once(": wanted ") {
            Some((what, wanted)) => Self::Message(what.to_owned(), Some(format!("wanted: {wanted}"))),
            None => match message.strip_prefix("wanted: ") {
                Some(wanted) => {
                    Self::Message("that is none of what can stand here".to_owned(), Some(format!("wanted: {wanted}")))
                }
                None => Self::Message(message.to_owned(), None),
            },
        }
    }

    fn diagnostic(&self, file: FileKind, key_path: &[String], source_map: &SourceMap) -> Diagnostic {
        let key_path: Vec<&str> = key_path.iter().map(String::as_str).collect();
        let (key, value) = (source_map.key(&key_path), source_map.value(&key_path));
        let new = |message: String| Diagnostic::new(Code::E0602, message);
        match self {
            Self::Unknown(name, known) | Self::Variant(name, known) => {
                let diagnostic = new(format!("`{name}` is nothing that {} has here", file.name));
                let diagnostic = diagnostic.at(name_at(name, key, value), "never used");
                match nearest(&name.to_lowercase(), known.iter().map(String::as_str)) {
                    Some(near) => {
                        diagnostic.help(format!("did you mean `{near}`?")).offer(name_at(name, key, value), near)
                    }
                    None => diagnostic.help(format!("there are: {}", listed(known))),
                }
            }
            Self::Missing(name) => {
                let diagnostic = new(format!("`{name}` is missing here")).at(key, format!("has no `{name}`"));
                diagnostic.help(format!("add `{name}: …`"))
            }
            Self::Kind(wanted, found) => {
                let diagnostic =
                    new(format!("{wanted} was wanted, this is {found}")).at(value, format!("this is {found}"));
                let number = wanted == TEXT && (found.starts_with("a number") || found.starts_with("a yes"));
                if number { diagnostic.help("put it into double quotes") } else { diagnostic }
            }
            Self::Message(what, wanted) => {
                new(what.clone()).at(value, wanted.clone().unwrap_or_else(|| "this one".to_owned()))
            }
        }
    }
}

/// The place of a name that is a value, in quotes or not, else a key.
fn name_at(name: &str, key: Span, value: Span) -> Span {
    let length = value.end - value.start;
    if key != value && (length == name.len() || length == name.len() + 2) && key.end - key.start != name.len() {
        value
    } else {
        key
    }
}

const TEXT: &str = "a text";

/// What a reader's words for a kind mean.
fn kind(wanted: &str) -> String {
    let words = match wanted {
        "a string" | "path string" => TEXT,
        "a map" => "a map of names and values",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "u16" | "u32" | "i64" => "a whole number",
        "a nonzero u32" => "a whole number above 0",
        "enum" | "map with a single key" | "newtype variant" | "struct variant" => "one way, with what it needs",
        _ if wanted.starts_with("struct ") => "a map of names and values",
        _ => return wanted.to_owned(),
    };
    words.to_owned()
}

fn found_kind(found: &str) -> String {
    let (what, rest) = found.split_once(' ').unwrap_or((found, ""));
    match what {
        "string" => format!("the text {rest}"),
        "integer" => format!("a number, {}", rest.trim_matches('`')),
        "floating" => format!("a number, {}", rest.trim_start_matches("point ").trim_matches('`')),
        "boolean" => format!("a yes or no, {}", rest.trim_matches('`')),
        "number" => "a number".to_owned(),
        "map" => "a map".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" => "nothing".to_owned(),
        "unit" => "a single word".to_owned(),
        _ => found.to_owned(),
    }
}

/// Names for a help line.
pub fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
