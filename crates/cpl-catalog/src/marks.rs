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

/// The places of a file's parts.
#[derive(Debug)]
pub struct Marks(HashMap<Route, Mark>);

impl Marks {
    /// Reads a text's places.
    ///
    /// # Errors
    /// Why it is no YAML, or not one connector, and where.
    pub fn of(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let place = |at: usize| starts.get(at).copied().unwrap_or(text.len());
        let span = |marked: &Marked| Span::new(place(marked.start.index()), place(marked.end.index()));
        let mut walk = Walk { marks: HashMap::new(), route: Vec::new(), open: Vec::new(), wrong: Vec::new() };
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
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
            walk.event(&event, span(&marked));
        }
        if walk.wrong.is_empty() { Ok(Self(walk.marks)) } else { Err(walk.wrong) }
    }

    /// Where the value at the end of a route stands; where there is none, what is nearest around it.
    pub fn value(&self, route: &[&str]) -> Span {
        self.nearest(route).map_or_else(Span::default, |mark| mark.value)
    }

    /// Where the key at the end of a route stands; where there is none, what is nearest around it.
    pub fn key(&self, route: &[&str]) -> Span {
        self.nearest(route).map_or_else(Span::default, |mark| mark.key)
    }

    fn nearest(&self, route: &[&str]) -> Option<&Mark> {
        (0..=route.len()).rev().find_map(|length| {
            let part: Route = route[..length].iter().map(|part| (*part).to_owned()).collect();
            self.0.get(&part)
        })
    }
}

/// What is said of a text that is no YAML.
pub fn no_yaml(why: &str, at: Span) -> Diagnostic {
    Diagnostic::new(Code::E0601, format!("the text is no YAML: {why}")).at(at, "not understood from here on")
}

/// What is open while events come.
struct Walk {
    marks: HashMap<Route, Mark>,
    wrong: Vec<Diagnostic>,
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
    fn event(&mut self, event: &Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, ..) => {
                if let Some(Open::Map(key @ None, _)) = self.open.last_mut() {
                    *key = Some(span);
                    self.route.push(text.clone().into_owned());
                    return;
                }
                self.begin(span);
                self.end(span);
            }
            Event::Alias(_) => {
                self.begin(span);
                self.end(span);
            }
            Event::MappingStart(..) => {
                self.begin(span);
                self.open.push(Open::Map(None, span));
            }
            Event::SequenceStart(..) => {
                self.begin(span);
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

    /// A value begins: in a list it has a place for its key.
    fn begin(&mut self, span: Span) {
        let key = match self.open.last_mut() {
            Some(Open::List(count, _)) => {
                self.route.push(count.to_string());
                *count += 1;
                span
            }
            Some(Open::Map(Some(key), _)) => *key,
            _ => span,
        };
        if let Some(before) = self.marks.insert(self.route.clone(), Mark { key, value: span }) {
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
        if let Some(mark) = self.marks.get_mut(&self.route) {
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
