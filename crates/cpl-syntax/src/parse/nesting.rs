//! Brackets nest at most 64 deep, so that no later walk runs out of stack.

use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// How deep brackets may nest.
const MAX_DEPTH: usize = 64;
/// How many operators may stand in one chain.
pub const MAX_CHAIN: usize = 1_000;

/// What is told where brackets nest too deep.
pub fn check(text: &str) -> Option<Diagnostic> {
    let mut open: Vec<u8> = Vec::new();
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let in_text = open.last() == Some(&b'"');
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
                while bytes.next_if(|next| next.1 != b'\n').is_some() {}
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return Some(
                Diagnostic::new(Code::E0108, format!("brackets nest more than {MAX_DEPTH} deep"))
                    .at(Span::new(at, at + 1), "this one is too deep")
                    .help("name a part of it with `let` or `derive`"),
            );
        }
    }
    None
}
