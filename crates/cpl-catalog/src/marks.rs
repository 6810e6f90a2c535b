//! Where each part of a YAML file stands: the reader of its values tells no places.

use std::collections::HashMap;

use cpl_syntax::{Code, Diagnostic, Span};
use saphyr_parser::{Event, Parser, ScanError, Span as Marked};

/// The way to a part of a file: the keys, and the places in lists, from the top.
pub type Route = Vec<String>;

/// Where a part stands.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Its key; itself in a list.
    key: Span,
    /// Its value.
    value: Span,
}

/// So many parts may a file have, with what it refers to in its place, and so often may it refer.
const MOST_MARKS: usize = 30_000;
const MOST_REFERENCES: usize = 20;
/// So deep may its parts nest, as brackets do in a pipeline.
const DEEPEST: usize = 64;

/// The places of a file's parts.
#[derive(Debug)]
pub struct Marks(HashMap<Route, Mark>);

impl Marks {
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
        let span = |marked: &Marked| {
            let (start, end) = (place(marked.start.index()), place(marked.end.index()));
            Span::new(start, start + text[start..end.max(start)].trim_end().len())
        };
        let mut walk = Walk { marks: HashMap::new(), route: Vec::new(), open: Vec::new(), ..Walk::default() };
        let mut documents = 0;
        for event in Parser::new_from_str(body) {
            let (event, marked) = event.map_err(|error: ScanError| {
                let at = place(error.marker().index()).min(text.trim_end().len());
                vec![no_yaml(error.info(), Span::new(at, at))]
            })?;
            documents += usize::from(matches!(event, Event::DocumentStart(_)));
            if documents > 1 {
                let told = Diagnostic::new(Code::E0601, "one file is one connector");
                let told = told.at(span(&marked), "a second one begins here");
                return Err(vec![told.help("put it into a file of its own")]);
            }
            if walk.is_key_of_parts(&event) {
                let told = Diagnostic::new(Code::E0601, "a name is a plain text");
                return Err(vec![told.at(span(&marked), "stands where a name does").help("write it out")]);
            }
            walk.event(&event, span(&marked));
            if walk.open.len() > DEEPEST {
                let told = Diagnostic::new(Code::E0109, format!("the file's parts nest more than {DEEPEST} deep"));
                return Err(vec![
                    told.at(span(&marked), "this one is too deep").help("no API wants that: is it the right file?"),
                ]);
            }
        }
        if walk.references > MOST_REFERENCES || walk.marks.len() > MOST_MARKS {
            let message = format!(
                "a connector's file refers to its parts at most {MOST_REFERENCES} times, and has at most {MOST_MARKS}"
            );
            return Err(vec![Diagnostic::new(Code::E0109, message).help("write it out, or split it")]);
        }
        if walk.wrong.is_empty() { Ok(Self(merged(walk.marks))) } else { Err(walk.wrong) }
    }

    /// Where the value at the end of a route stands; where there is none, what is nearest around it.
    pub fn value(&self, route: &[&str]) -> Span {
        self.nearest(route).map_or_else(Span::default, |mark| mark.value)
    }

    /// Where the key at the end of a route stands; where there is none, what is nearest around it.
    pub fn key(&self, route: &[&str]) -> Span {
        self.nearest(route).map_or_else(Span::default, |mark| mark.key)
    }

    /// Where the file's first name stands, for what is wrong with all of it.
    pub fn first(&self) -> Span {
        let names = self.0.iter().filter(|(route, _)| route.len() == 1);
        names.map(|(_, mark)| mark.key).min_by_key(|key| key.start).unwrap_or_default()
    }

    /// Whether something stands at the end of a route.
    pub fn has(&self, route: &[&str]) -> bool {
        let route: Route = route.iter().map(|part| (*part).to_owned()).collect();
        self.0.contains_key(&route)
    }

    fn nearest(&self, route: &[&str]) -> Option<&Mark> {
        (0..=route.len()).rev().find_map(|length| {
            let part: Route = route[..length].iter().map(|part| (*part).to_owned()).collect();
            self.0.get(&part)
        })
    }
}

/// What `<<` brings stands beside it too.
fn merged(mut marks: HashMap<Route, Mark>) -> HashMap<Route, Mark> {
    let brought: Vec<(Route, Mark)> = marks
        .iter()
        .filter_map(|(route, mark)| {
            let mut beside = route.clone();
            while let Some(at) = beside.iter().position(|part| part == "<<") {
                // `<<: [*a, *b]` brings each of a list.
                let listed = beside.get(at + 1).is_some_and(|part| part.parse::<usize>().is_ok());
                beside.drain(at..=at + usize::from(listed));
            }
            (beside != *route).then_some((beside, *mark))
        })
        .collect();
    for (route, mark) in brought {
        marks.entry(route).or_insert(mark);
    }
    marks
}

/// What is said of a text that is no YAML.
pub fn no_yaml(why: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::E0601, format!("the text is no YAML: {why}")).at(at, "not understood from here on")
}

/// What is open while events come.
#[derive(Default)]
struct Walk {
    marks: HashMap<Route, Mark>,
    wrong: Vec<Diagnostic>,
    /// How often it was referred to something.
    references: usize,
    /// Where what is referred to stands.
    anchors: HashMap<usize, Route>,
    /// What stands there twice: what is in it does too.
    twice: Vec<Route>,
    route: Route,
    open: Vec<Open>,
}

enum Open {
    /// A map, its key where one waits for its value, and where the map begins.
    Map(Option<Span>, Span),
    /// A list, how many it holds so far, and where it begins.
    List(usize, Span),
}

impl Walk {
    /// Whether something that is no plain text stands where a name does.
    fn is_key_of_parts(&self, event: &Event<'_>) -> bool {
        let of_parts = matches!(event, Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..));
        of_parts && matches!(self.open.last(), Some(Open::Map(None, _)))
    }

    fn event(&mut self, event: &Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                if let Some(Open::Map(key @ None, _)) = self.open.last_mut() {
                    *key = Some(span);
                    self.route.push(text.clone().into_owned());
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

    /// What is referred to stands here too, where it was written.
    fn refer(&mut self, anchor: usize) {
        let Some(from) = self.anchors.get(&anchor) else { return };
        self.references += 1;
        if self.references > MOST_REFERENCES {
            return;
        }
        let copied: Vec<(Route, Mark)> = self
            .marks
            .iter()
            .filter(|(route, _)| route.starts_with(from))
            .map(|(route, mark)| ([&self.route[..], &route[from.len()..]].concat(), *mark))
            .collect();
        self.marks.extend(copied);
    }

    /// A value begins: in a list it has a place for its key. Anchors count from 1.
    fn begin(&mut self, span: Span, anchor: usize) {
        let key = match self.open.last_mut() {
            Some(Open::List(count, _)) => {
                self.route.push(count.to_string());
                *count += 1;
                span
            }
            Some(Open::Map(Some(key), _)) => *key,
            _ => span,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, self.route.clone());
        }
        let before = self.marks.insert(self.route.clone(), Mark { key, value: span });
        if let Some(before) = before.filter(|_| !self.twice.iter().any(|route| self.route.starts_with(route))) {
            self.twice.push(self.route.clone());
            let name = self.route.last().map_or("", String::as_str);
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
        if let Some(mark) = self.marks.get_mut(&self.route).filter(|mark| mark.value.end < span.end) {
            mark.value = span;
        }
        match self.open.last_mut() {
            Some(Open::Map(key, _)) => *key = None,
            Some(Open::List(..)) => {}
            None => return,
        }
        self.route.pop();
    }
}
