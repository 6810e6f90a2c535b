//! Words, brackets and commas of a text, and how deep they stand: what a broken text still tells of itself.

use std::collections::VecDeque;

use crate::span::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name, a word or a number.
    Word,
    /// A text in double quotes.
    Text,
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    /// A comma.
    Comma,
    /// Any other sign.
    Sign,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// Braces that are open where it begins.
    pub depth: usize,
    /// It is the first of its line.
    pub first: bool,
}

/// The tokens of a part of a text, without comments; and the places of the brackets that are never closed.
pub fn outline(text: &str, part: Span) -> (Vec<Token>, Vec<usize>) {
    let mut scan = Scan::of(text, part);
    let tokens = scan.by_ref().collect();
    scan.never.extend(scan.open);
    (tokens, scan.never)
}

/// Reads tokens one by one: those of a large text are many.
struct Scan<'t> {
    text: &'t str,
    end: usize,
    at: usize,
    first: bool,
    /// Brackets that are open.
    open: Vec<usize>,
    /// Brackets that are never closed.
    never: Vec<usize>,
    /// Braces that are open.
    braces: usize,
}

impl<'t> Scan<'t> {
    fn of(text: &'t str, part: Span) -> Self {
        Self { text, end: part.end, at: part.start, first: true, open: Vec::new(), never: Vec::new(), braces: 0 }
    }

    /// Goes to where the next token begins.
    fn skip(&mut self) {
        let bytes = self.text.as_bytes();
        while self.at < self.end {
            let byte = bytes[self.at];
            if byte == b'\n' {
                self.first = true;
            }
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if self.text[self.at..].starts_with('\u{FEFF}') {
                self.at += '\u{FEFF}'.len_utf8();
            } else if byte == b'#' {
                let rest = &bytes[self.at..self.end];
                self.at = rest.iter().position(|byte| *byte == b'\n').map_or(self.end, |end| self.at + end);
            } else {
                return;
            }
        }
    }

    fn close(&mut self, byte: u8) {
        let bytes = self.text.as_bytes();
        let opens = |at: &usize| matches!((bytes[*at], byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
        if let Some(place) = self.open.iter().rposition(opens) {
            self.braces -= self.open[place..].iter().filter(|at| bytes[**at] == b'{').count();
            self.never.extend(self.open.drain(place..).skip(1));
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        if self.at >= self.end {
            return None;
        }
        let (at, text, bytes) = (self.at, self.text, self.text.as_bytes());
        let (byte, depth, first) = (bytes[at], self.braces, self.first);
        let (kind, end) = match byte {
            b'"' => (Kind::Text, crate::comments::text_end(bytes, at + 1).min(self.end)),
            b'(' | b'[' | b'{' => {
                self.open.push(at);
                self.braces += usize::from(byte == b'{');
                (Kind::Open(byte), at + 1)
            }
            b')' | b']' | b'}' => {
                self.close(byte);
                (Kind::Close(byte), at + 1)
            }
            b',' => (Kind::Comma, at + 1),
            // A row of a table holds what it will.
            b'|' if first => (Kind::Sign, crate::comments::row_end(bytes, at).min(self.end)),
            _ => match text[at..self.end].find(|c: char| !(c.is_alphanumeric() || c == '_')) {
                Some(0) => (Kind::Sign, at + text[at..].chars().next().map_or(1, char::len_utf8)),
                end => (Kind::Word, end.map_or(self.end, |end| at + end)),
            },
        };
        (self.at, self.first) = (end, false);
        Some(Token { span: Span::new(at, end), kind, depth, first })
    }
}

/// The words items begin with.
pub const ITEMS: &[&str] =
    &["pipeline", "let", "fetch", "transform", "metric", "dashboard", "decide", "alert", "target", "test"];

/// The parts of a text in which one item stands each, the first with all that stands before.
pub fn items(text: &str) -> Vec<Span> {
    let mut scan = Scan::of(text, Span::new(0, text.len()));
    let mut ahead: VecDeque<Token> = scan.by_ref().take(3).collect();
    let mut before: Option<Token> = None;
    let mut starts = Vec::new();
    // The depth at which the item under way began: what it leaves open is not the next one's.
    let (mut base, mut none) = (0, false);
    while let Some(token) = ahead.pop_front() {
        let closed = before.is_none_or(|before| before.kind == Kind::Close(b'}') && token.depth <= base);
        if token.depth < base {
            base = token.depth;
        }
        let behind: Vec<&str> = ahead.iter().take(2).map(|token| token.span.of(text)).collect();
        let word = token.span.of(text);
        let begins = if token.depth > base {
            token.first && is_item(word, &behind)
        } else if closed || none {
            // Behind a closed item, and behind what is none, a line that begins with a word begins something.
            let line = before.is_some() && token.first && token.kind == Kind::Word;
            ITEMS.contains(&word) || is_misspelt(token, &behind, text) || line
        } else {
            // Behind a `let` or a metric, whose value may go on with a name that is such a word.
            let misspelt = || is_head(&behind) && is_misspelt(token, &behind, text);
            token.first && (is_item(word, &behind) || (ITEMS.contains(&word) && is_named(&behind)) || misspelt())
        };
        if begins {
            starts.push(token.span.start);
            base = token.depth;
            none = !ITEMS.contains(&word);
        }
        before = Some(token);
        ahead.extend(scan.next());
    }
    if let Some(first) = starts.first_mut() {
        *first = 0;
    } else {
        starts.push(0);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| Span::new(*start, end)).collect()
}

/// Whether words can only be an item's head: where a brace is missing they stand within another item.
fn is_item(word: &str, behind: &[&str]) -> bool {
    let [name, next] = behind else { return false };
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    named
        && match word {
            "pipeline" => *next == "{",
            "let" | "metric" => *next == "=",
            "fetch" | "transform" => *next == "from",
            "dashboard" => *name == "from",
            "decide" | "alert" => ["for", "in"].contains(next),
            "target" => ["=", "("].contains(next),
            _ => false,
        }
        || (word == "test" && name.starts_with('"') && *next == "{")
}

/// What follows an item's name.
fn is_head(behind: &[&str]) -> bool {
    matches!(behind, [_, "{" | "from" | "for" | "in" | "="])
}

/// A name behind the word: no value goes on so, but by an operator that is one.
fn is_named(behind: &[&str]) -> bool {
    const OPERATORS: &[&str] = &["and", "or", "is", "in", "not", "exceeds", "falls", "breaks", "where", "over", "by"];
    behind.first().is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && !ITEMS.contains(name)
            && !OPERATORS.contains(name)
    })
}

fn is_misspelt(token: Token, behind: &[&str], text: &str) -> bool {
    let word = token.span.of(text);
    let head = behind.first().is_some_and(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"'));
    token.kind == Kind::Word
        && word.len() > 2
        && head
        && crate::diagnostic::nearest(&word.to_lowercase(), ITEMS.iter().copied()).is_some()
}
