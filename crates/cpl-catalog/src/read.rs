//! YAML → what is written there, and all that does not fit its shape.
//!
//! The reader of values stops at the first mistake. It is told, what is wrong is left out, and the rest is read again:
//! so that one check tells all of them.

use std::collections::HashSet;

use cpl_syntax::{Code, Diagnostic, Span, nearest};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{
    marks::{Marks, Route, no_yaml},
    written::Written,
};

/// So deep may what `<<` brings bring more.
const MERGES: usize = 8;

/// So many mistakes of one file are told.
const MOST: usize = 100;

/// A file as far as it could be read.
pub struct Reading {
    /// What is written there; none where nothing could be read.
    pub written: Option<Written>,
    /// Where its parts stand.
    pub marks: Marks,
    /// What was left out.
    pub lost: HashSet<Route>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a file's text.
///
/// # Errors
/// Why it is no YAML.
pub fn read(text: &str) -> Result<Reading, Vec<Diagnostic>> {
    let marks = Marks::of(text)?;
    let body = text.trim_start_matches('\u{feff}');
    let refused = |error: serde_yaml::Error| {
        let at = error.location().map_or(0, |location| location.index()).min(body.len());
        let at = text.len() - body.len() + at;
        vec![no_yaml(&error.to_string(), Span::new(at, at))]
    };
    let mut value: serde_yaml::Value = serde_yaml::from_str(body).map_err(refused)?;
    // `<<: *name` stands for what is named there.
    for _ in 0..MERGES {
        value.apply_merge().map_err(refused)?;
    }
    let mut reading = Reading { written: None, marks, lost: HashSet::new(), diagnostics: Vec::new() };
    match serde_json::to_value(value) {
        Ok(value) => reading.take(value),
        Err(error) => return Err(vec![no_yaml(&error.to_string(), Span::default())]),
    }
    Ok(reading)
}

impl Reading {
    /// Reads again and again, each time without what was wrong.
    fn take(&mut self, mut value: Value) {
        if !value.is_object() {
            let message = "a connector file is a map of names and values";
            let help = "begin it with `connector: NAME` and `base_url: https://…`";
            self.diagnostics.push(Diagnostic::new(Code::E0602, message).help(help));
            return;
        }
        while self.diagnostics.len() < MOST {
            let error = match serde_path_to_error::deserialize(&value) {
                Ok(written) => {
                    self.written = Some(written);
                    return;
                }
                Err(error) => error,
            };
            let mut route: Route = error.path().iter().filter_map(segment).collect();
            let wrong = Wrong::of(&error.inner().to_string());
            if !self.follows(&wrong, &route) {
                self.diagnostics.push(wrong.told(&route, &self.marks));
            }
            // Without its one key the value around it would be wrong too.
            if let Wrong::Variant(name, _) = &wrong
                && route.last() == Some(name)
            {
                route.pop();
            }
            // Of a way to say who asks nothing is left without a part of it.
            if route.first().is_some_and(|part| part == "auth") {
                route.truncate(1);
            }
            if !self.leave_out(&route, &mut value) {
                return;
            }
        }
    }

    /// Whether something is missing only since it was left out.
    fn follows(&self, wrong: &Wrong, route: &[String]) -> bool {
        let Wrong::Missing(name) = wrong else { return false };
        let missing: Route = route.iter().chain([name]).cloned().collect();
        self.lost.iter().any(|lost| lost.starts_with(&missing))
    }

    /// Leaves out what is at the end of a route, or the list it stands in; whether there was something.
    fn leave_out(&mut self, route: &[String], value: &mut Value) -> bool {
        let mut route = route.to_vec();
        while let Some(last) = route.pop() {
            let Some(Value::Object(map)) = route.iter().try_fold(&mut *value, |value, part| inside(value, part)) else {
                continue;
            };
            if map.shift_remove(&last).is_some() {
                route.push(last);
                self.lost.insert(route);
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
enum Wrong {
    /// A name that is none there, and those that are.
    Unknown(String, Vec<String>),
    /// The same of a way to say something.
    Variant(String, Vec<String>),
    /// A name that must be there.
    Missing(String),
    /// Something of another kind: what was wanted, and what is there.
    Kind(String, String),
    /// In words: what is wrong, and what was wanted.
    Told(String, Option<String>),
}

impl Wrong {
    /// The forms in which `serde` tells, taken apart.
    fn of(told: &str) -> Self {
        let quoted = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        if told.starts_with("unknown field") || told.starts_with("unknown variant") {
            let mut names = quoted(told);
            let name = if names.is_empty() { String::new() } else { names.remove(0) };
            let variant = told.starts_with("unknown variant");
            return if variant { Self::Variant(name, names) } else { Self::Unknown(name, names) };
        }
        if let Some(name) = told.strip_prefix("missing field") {
            return Self::Missing(quoted(name).concat());
        }
        if told == "invalid number" {
            return Self::Told("that is no number for this".to_owned(), Some("wanted: a whole number".to_owned()));
        }
        if told.starts_with("invalid length") {
            let wanted = "wanted: a list where an API wants several";
            return Self::Told("one way stands here at a time".to_owned(), Some(wanted.to_owned()));
        }
        if let Some((found, wanted)) = told.split_once(", expected ") {
            let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
            return Self::Kind(kind(wanted), found_kind(found));
        }
        match told.split_once(": wanted ") {
            Some((what, wanted)) => Self::Told(what.to_owned(), Some(format!("wanted: {wanted}"))),
            None => match told.strip_prefix("wanted: ") {
                Some(wanted) => {
                    Self::Told("that is none of what can stand here".to_owned(), Some(format!("wanted: {wanted}")))
                }
                None => Self::Told(told.to_owned(), None),
            },
        }
    }

    fn told(&self, route: &[String], marks: &Marks) -> Diagnostic {
        let route: Vec<&str> = route.iter().map(String::as_str).collect();
        let (key, value) = (marks.key(&route), marks.value(&route));
        let new = |message: String| Diagnostic::new(Code::E0602, message);
        match self {
            Self::Unknown(name, known) | Self::Variant(name, known) => {
                let told = new(format!("`{name}` is nothing that a connector file has here"));
                let told = told.at(name_at(name, key, value), "nobody reads this");
                match nearest(&name.to_lowercase(), known.iter().map(String::as_str)) {
                    Some(near) => told.help(format!("did you mean `{near}`?")).offer(name_at(name, key, value), near),
                    None => told.help(format!("there are: {}", listed(known))),
                }
            }
            Self::Missing(name) => {
                let told = new(format!("`{name}` is missing here")).at(key, format!("has no `{name}`"));
                told.help(format!("add `{name}: …`"))
            }
            Self::Kind(wanted, found) => {
                let told = new(format!("{wanted} was wanted, this is {found}")).at(value, format!("this is {found}"));
                let number = wanted == TEXT && (found.starts_with("a number") || found.starts_with("a yes"));
                if number { told.help("put it into double quotes") } else { told }
            }
            Self::Told(what, wanted) => {
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
        "a string" => TEXT,
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
        "unit" => "a word alone".to_owned(),
        _ => found.to_owned(),
    }
}

/// Names for a help line.
pub fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
