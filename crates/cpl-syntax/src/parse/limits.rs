//! How much a text may hold, so that no later walk runs out of stack, of room or of time.

use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// How deep brackets may nest.
const MAX_DEPTH: usize = 64;
/// How many operators may stand in one chain, with those of the chains around it: so deep a tree may be.
pub const MOST_OPERATORS: usize = 200;

/// How many words and signs a text may hold. A pipeline has some hundred.
const MOST_WORDS: usize = 320_000;
/// How many of them may stand in one item: the parser holds all that it knows of one.
const MOST_IN_ITEM: usize = 20_000;

/// What is told of a text that holds too much, or nests too deep; `items` are the places of its items.
pub fn check(text: &str, items: &[Span]) -> Option<Diagnostic> {
    let words = match measure(text) {
        Ok(words) => words,
        Err(too_deep) => return Some(too_deep),
    };
    if words > MOST_WORDS {
        let told = format!("the text has {words} words and signs: more than {MOST_WORDS} are no pipeline");
        return Some(Diagnostic::new(Code::E0109, told).help("one file asks one question: is it the right file?"));
    }
    if words <= MOST_IN_ITEM {
        return None;
    }
    items.iter().find_map(|item| {
        let words = measure(item.of(text)).ok()?;
        let first = item.of(text).trim_start();
        let start = item.end - first.len();
        let head = Span::new(start, start + first.lines().next().map_or(0, |line| line.trim_end().len()));
        (words > MOST_IN_ITEM).then(|| {
            Diagnostic::new(Code::E0109, format!("this item has {words} words and signs"))
                .at(head, format!("more than {MOST_IN_ITEM} are no item"))
                .help("rows of a test can stand in a file: `given FETCH from csv(\"rows.csv\")`")
        })
    })
}

/// How many words and signs a text has.
///
/// # Errors
/// What is told where brackets nest too deep.
pub fn measure(text: &str) -> Result<usize, Diagnostic> {
    let mut open: Vec<u8> = Vec::new();
    let (mut words, mut in_word) = (0, false);
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let in_text = open.last() == Some(&b'"');
        let is_letter = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        let goes_on = is_letter && in_word;
        words += usize::from(!(in_text || byte.is_ascii_whitespace() || goes_on));
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
