//! Words, brackets and commas of a text, and how deep they stand: what a broken text still tells of itself.

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
    let bytes = text.as_bytes();
    let (mut tokens, mut open): (Vec<Token>, Vec<usize>) = (Vec::new(), Vec::new());
    let (mut never, mut braces) = (Vec::new(), 0);
    let (mut at, mut first) = (part.start, true);
    while at < part.end {
        let byte = bytes[at];
        if byte == b'\n' {
            first = true;
        }
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if text[at..].starts_with('\u{FEFF}') {
            at += '\u{FEFF}'.len_utf8();
            continue;
        }
        if byte == b'#' {
            at = bytes[at..part.end].iter().position(|byte| *byte == b'\n').map_or(part.end, |end| at + end);
            continue;
        }
        let depth = braces;
        let (kind, end) = match byte {
            b'"' => (Kind::Text, crate::comments::text_end(bytes, at + 1).min(part.end)),
            b'(' | b'[' | b'{' => {
                open.push(at);
                braces += usize::from(byte == b'{');
                (Kind::Open(byte), at + 1)
            }
            b')' | b']' | b'}' => {
                let opens = |at: &usize| matches!((bytes[*at], byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
                if let Some(place) = open.iter().rposition(opens) {
                    braces -= open[place..].iter().filter(|at| bytes[**at] == b'{').count();
                    never.extend(open.drain(place..).skip(1));
                }
                (Kind::Close(byte), at + 1)
            }
            b',' => (Kind::Comma, at + 1),
            // A row of a table holds what it will.
            b'|' if first => (Kind::Sign, crate::comments::row_end(bytes, at).min(part.end)),
            _ => match text[at..part.end].find(|c: char| !(c.is_alphanumeric() || c == '_')) {
                Some(0) => (Kind::Sign, at + text[at..].chars().next().map_or(1, char::len_utf8)),
                end => (Kind::Word, end.map_or(part.end, |end| at + end)),
            },
        };
        tokens.push(Token { span: Span::new(at, end), kind, depth, first });
        (at, first) = (end, false);
    }
    never.extend(open);
    (tokens, never)
}

/// The words items begin with.
pub const ITEMS: &[&str] =
    &["pipeline", "let", "fetch", "transform", "metric", "dashboard", "decide", "alert", "target", "test"];

/// The parts of a text in which one item stands each, the first with all that stands before.
pub fn items(text: &str) -> Vec<Span> {
    let (tokens, _) = outline(text, Span::new(0, text.len()));
    let mut starts = Vec::new();
    // The depth at which the item under way began: what it leaves open is not the next one's.
    let mut base = 0;
    for at in 0..tokens.len() {
        let token = tokens[at];
        let closed = at == 0 || (tokens[at - 1].kind == Kind::Close(b'}') && token.depth <= base);
        if token.depth < base {
            base = token.depth;
        }
        let behind: Vec<&str> = tokens[at + 1..].iter().take(2).map(|token| token.span.of(text)).collect();
        let word = token.span.of(text);
        let begins = if token.depth > base {
            token.first && is_item(word, &behind)
        } else if closed {
            ITEMS.contains(&word) || is_misspelt(token, &behind, text)
        } else {
            // Behind a `let` or a metric, whose value may go on with a name that is such a word.
            let misspelt = || is_head(&behind) && is_misspelt(token, &behind, text);
            token.first && (is_item(word, &behind) || (ITEMS.contains(&word) && is_named(&behind)) || misspelt())
        };
        if begins {
            starts.push(token.span.start);
            base = token.depth;
        }
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
