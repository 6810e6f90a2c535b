//! Lines that are too long are broken at their loosest operators.

use super::{STEP, WIDTH};

/// A piece of a line: a token and the space before it.
#[derive(Clone, Debug)]
pub struct Piece {
    pub text: String,
    /// A space precedes it.
    pub space: bool,
    /// Round brackets around it.
    pub depth: usize,
    /// A line may begin here: the smaller, the looser what holds both sides together.
    pub loose: Option<u8>,
    /// A line must end before it.
    pub forced: bool,
}

/// How loose a comma is: a line may end after it.
pub const COMMA: u8 = 0;

/// How loose an operator holds its sides together.
pub fn looseness(word: &str) -> Option<u8> {
    Some(match word {
        "or" => 1,
        "and" => 2,
        "exceeds" | "falls" => 3,
        "<" | "<=" | ">" | ">=" | "!=" => 3,
        "??" => 4,
        "+" | "-" => 5,
        "*" | "/" => 6,
        _ => return None,
    })
}

/// The width of a text in a terminal.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The pieces as lines, the first with that indent, the others further in.
pub fn lines(pieces: &[Piece], indent: usize) -> Vec<(usize, String)> {
    let mut made = Vec::new();
    let further = indent + 2 * STEP;
    for (at, part) in pieces.split_inclusive_before(|piece| piece.forced).into_iter().enumerate() {
        fill(part, if at == 0 { indent } else { further }, further, &mut made);
    }
    made
}

fn fill(pieces: &[Piece], indent: usize, further: usize, made: &mut Vec<(usize, String)>) {
    let line = joined(pieces);
    let loosest = pieces.iter().skip(1).filter_map(|piece| Some((piece.depth, piece.loose?))).min();
    let Some(loosest) = loosest.filter(|_| indent + width(&line) > WIDTH) else {
        made.push((indent, line));
        return;
    };
    let begins = |piece: &Piece| piece.loose.is_some_and(|loose| (piece.depth, loose) == loosest);
    for (at, part) in pieces.split_inclusive_before(begins).into_iter().enumerate() {
        fill(part, if at == 0 { indent } else { further }, further + STEP, made);
    }
}

fn joined(pieces: &[Piece]) -> String {
    let mut line = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 && piece.space {
            line.push(' ');
        }
        line.push_str(&piece.text);
    }
    line
}

trait SplitBefore<T> {
    /// Parts that each begin where the condition holds, the first where the slice does.
    fn split_inclusive_before(&self, begins: impl Fn(&T) -> bool) -> Vec<&[T]>;
}

impl<T> SplitBefore<T> for [T] {
    fn split_inclusive_before(&self, begins: impl Fn(&T) -> bool) -> Vec<&[T]> {
        let mut parts = Vec::new();
        let mut start = 0;
        for at in 1..self.len() {
            if begins(&self[at]) {
                parts.push(&self[start..at]);
                start = at;
            }
        }
        if start < self.len() {
            parts.push(&self[start..]);
        }
        parts
    }
}
