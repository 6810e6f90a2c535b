//! Source spans of the parts of a YAML file: serde reports no positions.

use std::collections::HashMap;

use cpl_syntax::{Code, Diagnostic, Span};
use saphyr_parser::{Event, Parser, ScanError, Span as YamlSpan};

/// The path to a part of a file: keys and list indices from the root.
pub type KeyPath = Vec<String>;

/// The location of a part.
#[derive(Clone, Copy, Debug)]
struct Location {
    /// Its key; itself in a list.
    key: Span,
    /// Its value.
    value: Span,
}

/// The most parts of a file with its aliases expanded, and the most aliases.
const MAX_PARTS: usize = 30_000;
const MAX_REFERENCES: usize = 20;
/// The deepest nesting of parts, the same as for brackets in a pipeline.
const MAX_DEPTH: usize = 64;

/// The locations of a file's parts.
#[derive(Debug)]
pub struct SourceMap(HashMap<KeyPath, Location>);

impl SourceMap {
    /// Reads a text's places.
    ///
    /// # Errors
    /// Why it is no YAML, or not one connector, and where.
    pub fn of(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let body = text.trim_start_matches('\u{feff}');
        let base = text.len() - body.len();
        let starts: Vec<usize> = body.char_indices().map(|(at, _)| base + at).chain([text.len()]).collect();
        let place = |at: usize| starts.get(at).copied().unwrap_or(text.len());
        // A text of several lines ends where its last letter does.
        let span = |yaml_span: &YamlSpan| {
            let (start, end) = (place(yaml_span.start.index()), place(yaml_span.end.index()));
            Span::new(start, start + text[start..end.max(start)].trim_end().len())
        };
        let mut walk = Walk { locations: HashMap::new(), key_path: Vec::new(), open: Vec::new(), ..Walk::default() };
        let mut documents = 0;
        for event in Parser::new_from_str(body) {
            let (event, yaml_span) = event.map_err(|error: ScanError| {
                let at = place(error.marker().index()).min(text.trim_end().len());
                vec![yaml_error(error.info(), Span::new(at, at))]
            })?;
            documents += usize::from(matches!(event, Event::DocumentStart(_)));
            if documents > 1 {
                let diagnostic = Diagnostic::new(Code::E0601, "one file is one document of YAML");
                let diagnostic = diagnostic.at(span(&yaml_span), "a second one begins here");
                return Err(vec![diagnostic.help("put it into a file of its own")]);
            }
            if walk.is_key_of_parts(&event) {
                let diagnostic = Diagnostic::new(Code::E0601, "a name is a plain text");
                return Err(vec![diagnostic.at(span(&yaml_span), "stands where a name does").help("write it out")]);
            }
            walk.event(&event, span(&yaml_span));
            if walk.open.len() > MAX_DEPTH {
                let diagnostic =
                    Diagnostic::new(Code::E0109, format!("the file's parts nest more than {MAX_DEPTH} deep"));
                return Err(vec![
                    diagnostic
                        .at(span(&yaml_span), "this one is too deep")
                        .help("no API wants that: is it the right file?"),
                ]);
            }
        }
        if walk.references > MAX_REFERENCES || walk.locations.len() > MAX_PARTS {
            let message = format!(
                "a connector's file refers to its parts at most {MAX_REFERENCES} times, and has at most {MAX_PARTS}"
            );
            return Err(vec![Diagnostic::new(Code::E0109, message).help("write it out, or split it")]);
        }
        if walk.wrong.is_empty() { Ok(Self(merged(walk.locations))) } else { Err(walk.wrong) }
    }

    /// The span of the value at a path, or of the nearest enclosing part.
    pub fn value(&self, key_path: &[&str]) -> Span {
        self.nearest(key_path).map_or_else(Span::default, |location| location.value)
    }

    /// The span of the key at a path, or of the nearest enclosing part.
    pub fn key(&self, key_path: &[&str]) -> Span {
        self.nearest(key_path).map_or_else(Span::default, |location| location.key)
    }

    /// The span of the file's first key, for diagnostics about the whole file.
    pub fn first(&self) -> Span {
        let names = self.0.iter().filter(|(key_path, _)| key_path.len() == 1);
        names.map(|(_, location)| location.key).min_by_key(|key| key.start).unwrap_or_default()
    }

    /// Whether there is a part at a path.
    pub fn has(&self, key_path: &[&str]) -> bool {
        let key_path: KeyPath = key_path.iter().map(|part| (*part).to_owned()).collect();
        self.0.contains_key(&key_path)
    }

    fn nearest(&self, key_path: &[&str]) -> Option<&Location> {
        (0..=key_path.len()).rev().find_map(|length| {
            let part: KeyPath = key_path[..length].iter().map(|part| (*part).to_owned()).collect();
            self.0.get(&part)
        })
    }
}

/// Adds the locations of the keys that `<<` merges.
fn merged(mut locations: HashMap<KeyPath, Location>) -> HashMap<KeyPath, Location> {
    let brought: Vec<(KeyPath, Location)> = locations
        .iter()
        .filter_map(|(key_path, location)| {
            let mut merged_path = key_path.clone();
            while let Some(at) = merged_path.iter().position(|part| part == "<<") {
                // `<<: [*a, *b]` brings each of a list.
                let listed = merged_path.get(at + 1).is_some_and(|part| part.parse::<usize>().is_ok());
                merged_path.drain(at..=at + usize::from(listed));
            }
            (merged_path != *key_path).then_some((merged_path, *location))
        })
        .collect();
    for (key_path, location) in brought {
        locations.entry(key_path).or_insert(location);
    }
    locations
}

/// The diagnostic for text that is not YAML.
pub fn yaml_error(reason: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::E0601, format!("the text is no YAML: {reason}")).at(at, "not understood from here on")
}

/// What is open while events come.
#[derive(Default)]
struct Walk {
    locations: HashMap<KeyPath, Location>,
    wrong: Vec<Diagnostic>,
    /// The number of aliases.
    references: usize,
    /// The paths of anchors.
    anchors: HashMap<usize, KeyPath>,
    /// Duplicate keys: duplicates inside them are not reported.
    duplicates: Vec<KeyPath>,
    key_path: KeyPath,
    open: Vec<Open>,
}

enum Open {
    /// A map, its key where one waits for its value, and where the map begins.
    Map(Option<Span>, Span),
    /// A list, how many it holds so far, and where it begins.
    List(usize, Span),
}

impl Walk {
    /// Whether a key is not a plain text.
    fn is_key_of_parts(&self, event: &Event<'_>) -> bool {
        let of_parts = matches!(event, Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..));
        of_parts && matches!(self.open.last(), Some(Open::Map(None, _)))
    }

    fn event(&mut self, event: &Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                if let Some(Open::Map(key @ None, _)) = self.open.last_mut() {
                    *key = Some(span);
                    self.key_path.push(text.clone().into_owned());
                    return;
                }
                self.begin(span, *anchor);
                self.end(span);
            }
            Event::Alias(anchor) => {
                self.begin(span, 0);
                self.refer(*anchor);
                self.end(span);
            }
            Event::MappingStart(anchor, _) => {
                self.begin(span, *anchor);
                self.open.push(Open::Map(None, span));
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(span, *anchor);
                self.open.push(Open::List(0, span));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(Open::Map(_, start) | Open::List(_, start)) = self.open.pop() {
                    self.end(start.to(Span::new(start.start, span.start)));
                }
            }
            _ => {}
        }
    }

    /// Adds the locations of an alias: those of its anchor.
    fn refer(&mut self, anchor: usize) {
        let Some(from) = self.anchors.get(&anchor) else { return };
        self.references += 1;
        if self.references > MAX_REFERENCES {
            return;
        }
        let copied: Vec<(KeyPath, Location)> = self
            .locations
            .iter()
            .filter(|(key_path, _)| key_path.starts_with(from))
            .map(|(key_path, location)| ([&self.key_path[..], &key_path[from.len()..]].concat(), *location))
            .collect();
        self.locations.extend(copied);
    }

    /// A value begins: in a list it has a place for its key. Anchors count from 1.
    fn begin(&mut self, span: Span, anchor: usize) {
        let key = match self.open.last_mut() {
            Some(Open::List(count, _)) => {
                self.key_path.push(count.to_string());
                *count += 1;
                span
            }
            Some(Open::Map(Some(key), _)) => *key,
            _ => span,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, self.key_path.clone());
        }
        let before = self.locations.insert(self.key_path.clone(), Location { key, value: span });
        if let Some(before) =
            before.filter(|_| !self.duplicates.iter().any(|key_path| self.key_path.starts_with(key_path)))
        {
            self.duplicates.push(self.key_path.clone());
            let name = self.key_path.last().map_or("", String::as_str);
            self.wrong.push(
                Diagnostic::new(Code::E0602, format!("`{name}` stands here twice"))
                    .at(key, "the second one")
                    .at(before.key, "the first one")
                    .help("take one of them out"),
            );
        }
    }

    /// A value ends: what holds it waits for the next.
    fn end(&mut self, span: Span) {
        if let Some(location) = self.locations.get_mut(&self.key_path).filter(|location| location.value.end < span.end)
        {
            location.value = span;
        }
        match self.open.last_mut() {
            Some(Open::Map(key, _)) => *key = None,
            Some(Open::List(..)) => {}
            None => return,
        }
        self.key_path.pop();
    }
}
