//! Limits on a text's size and nesting: later passes are bounded in stack, memory and time.

use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// The deepest nesting of brackets.
const MAX_DEPTH: usize = 64;
/// The most operators in a chain, together with the enclosing chains. This bounds the depth of the tree.
pub const MAX_OPERATORS: usize = 200;

/// The most words and signs in a text. A pipeline has a few hundred.
const MAX_WORDS: usize = 320_000;
/// The most words and signs in one item. The parser's memory grows with an item.
const MAX_WORDS_PER_ITEM: usize = 20_000;

/// The diagnostic for a text that is too large or nests too deep. `items` are the spans of its items.
pub fn check(text: &str, items: &[Span]) -> Option<Diagnostic> {
    let words = match measure(text) {
        Ok(words) => words,
        Err(too_deep) => return Some(too_deep),
    };
    if words > MAX_WORDS {
        let message = format!("the text has {words} words and signs: more than {MAX_WORDS} are no pipeline");
        return Some(Diagnostic::new(Code::E0109, message).help("one file asks one question: is it the right file?"));
    }
    if words <= MAX_WORDS_PER_ITEM {
        return None;
    }
    items.iter().find_map(|item| {
        let words = measure(item.of(text)).ok()?;
        let first = item.of(text).trim_start();
        let start = item.end - first.len();
        let head = Span::new(start, start + first.lines().next().map_or(0, |line| line.trim_end().len()));
        (words > MAX_WORDS_PER_ITEM).then(|| {
            Diagnostic::new(Code::E0109, format!("this item has {words} words and signs"))
                .at(head, format!("more than {MAX_WORDS_PER_ITEM} are no item"))
                .help("rows of a test can stand in a file: `given FETCH from csv(\"rows.csv\")`")
        })
    })
}

/// How many words and signs a text has.
///
/// # Errors
/// Brackets nest too deep.
pub fn measure(text: &str) -> Result<usize, Diagnostic> {
    let mut open: Vec<u8> = Vec::new();
    let (mut words, mut in_word) = (0, false);
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let in_text = open.last() == Some(&b'"');
        let is_letter = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let continues = is_letter && in_word;
        words += usize::from(!(in_text || byte.is_ascii_whitespace() || continues));
        in_word = is_letter;
        match byte {
            b'\\' if in_text => drop(bytes.next()),
            b'\n' if in_text => drop(open.pop()),
            b'"' if in_text => drop(open.pop()),
            b'{' if in_text && bytes.next_if(|next| next.1 == b'{').is_some() => {}
            b'{' if in_text => open.push(byte),
            _ if in_text => {}
            b'#' => while bytes.next_if(|next| next.1 != b'\n').is_some() {},
            b'"' | b'(' | b'{' | b'[' => open.push(byte),
            b')' | b'}' | b']' => {
                // As the outline: what stands open within is closed with it; without its like it closes nothing.
                let opens = |before: &u8| matches!((before, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
                if let Some(place) = open.iter().rposition(opens) {
                    open.truncate(place);
                }
            }
            // A row of a table holds what it will.
            b'|' if text[..at].trim_end_matches([' ', '\t']).ends_with('\n') => {
                while let Some((_, byte)) = bytes.next_if(|next| next.1 != b'\n') {
                    // A bar and its cell.
                    words += 2 * usize::from(byte == b'|');
                }
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Err(Diagnostic::new(Code::E0108, format!("brackets nest more than {MAX_DEPTH} deep"))
                .at(Span::new(at, at + 1), "this one is too deep")
                .help("name a part of it with `let` or `derive`"));
        }
    }
    Ok(words)
}
