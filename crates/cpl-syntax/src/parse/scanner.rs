//! A tolerant scanner: words, brackets and commas with their nesting depth, also of text that does not parse.

use std::collections::VecDeque;

use super::vocabulary::ITEMS;
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
    /// Its source span.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// Braces that are open where it begins.
    pub depth: usize,
    /// It is the first of its line.
    pub first: bool,
}

/// The tokens of a part of a text, without comments; and the offsets of unclosed brackets.
pub fn scan(text: &str, part: Span) -> (Vec<Token>, Vec<usize>) {
    let mut scanner = Scanner::of(text, part);
    let tokens = scanner.by_ref().collect();
    scanner.unclosed.extend(scanner.open);
    (tokens, scanner.unclosed)
}

/// Reads tokens one by one: those of a large text are many.
struct Scanner<'t> {
    text: &'t str,
    end: usize,
    at: usize,
    first: bool,
    /// Brackets that are open.
    open: Vec<usize>,
    /// Unclosed brackets.
    unclosed: Vec<usize>,
    /// Braces that are open.
    braces: usize,
}

impl<'t> Scanner<'t> {
    fn of(text: &'t str, part: Span) -> Self {
        Self { text, end: part.end, at: part.start, first: true, open: Vec::new(), unclosed: Vec::new(), braces: 0 }
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
            self.unclosed.extend(self.open.drain(place..).skip(1));
        }
    }
}

impl Iterator for Scanner<'_> {
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

/// The parts of a text, one item in each. The first part includes the text before its item.
pub fn items(text: &str) -> Vec<Span> {
    let mut scanner = Scanner::of(text, Span::new(0, text.len()));
    let mut ahead: VecDeque<Token> = scanner.by_ref().take(3).collect();
    let mut before: Option<Token> = None;
    let mut starts = Vec::new();
    // The depth at which the item under way began: what it leaves open is not the next one's.
    let (mut base, mut none) = (0, false);
    while let Some(token) = ahead.pop_front() {
        let closed = before.is_none_or(|before| before.kind == Kind::Close(b'}') && token.depth <= base);
        if token.depth < base {
            base = token.depth;
        }
        let following: Vec<&str> = ahead.iter().take(2).map(|token| token.span.of(text)).collect();
        let word = token.span.of(text);
        let begins = if token.depth > base {
            token.first && is_item(word, &following)
        } else if closed || none {
            // After a closed item, and after what is none, a line that begins with a word begins something.
            let line = before.is_some() && token.first && token.kind == Kind::Word;
            ITEMS.contains(&word) || is_misspelt(token, &following, text) || line
        } else {
            // After a `let` or a metric, whose value may go on with a name that is such a word.
            let misspelt = || is_head(&following) && is_misspelt(token, &following, text);
            token.first && (is_item(word, &following) || (ITEMS.contains(&word) && is_named(&following)) || misspelt())
        };
        if begins {
            starts.push(token.span.start);
            base = token.depth;
            none = !ITEMS.contains(&word);
        }
        before = Some(token);
        ahead.extend(scanner.next());
    }
    if let Some(first) = starts.first_mut() {
        *first = 0;
    } else {
        starts.push(0);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| Span::new(*start, end)).collect()
}

/// Whether the words can only be an item's head. If a brace is missing, they occur inside another item.
fn is_item(word: &str, following: &[&str]) -> bool {
    let [name, next] = following else { return false };
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
fn is_head(following: &[&str]) -> bool {
    matches!(following, [_, "{" | "from" | "for" | "in" | "="])
}

/// Whether a name follows the word. A value only continues with a name if that name is an operator.
fn is_named(following: &[&str]) -> bool {
    const OPERATORS: &[&str] = &["and", "or", "is", "in", "not", "exceeds", "falls", "breaks", "where", "over", "by"];
    following.first().is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && !ITEMS.contains(name)
            && !OPERATORS.contains(name)
    })
}

fn is_misspelt(token: Token, following: &[&str], text: &str) -> bool {
    let word = token.span.of(text);
    let head =
        following.first().is_some_and(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '"'));
    token.kind == Kind::Word
        && word.len() > 2
        && head
        && crate::diagnostic::nearest(&word.to_lowercase(), ITEMS.iter().copied()).is_some()
}
