//! Tokens of a text that parses, comments among them.

use super::marks::Marks;
use crate::parse::outline::{self, Kind};
use crate::span::Span;

/// A token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub span: Span,
    pub kind: What,
    /// New lines before it.
    pub lines: usize,
    /// No white space stands before it.
    pub glued: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Comment,
    /// A row of a table, whole.
    Row,
    Open(u8),
    Close(u8),
    Comma,
    /// Words, texts, signs.
    Other,
}

/// All tokens of a text, in order.
pub fn tokens(text: &str, marks: &Marks) -> Vec<Token> {
    let (found, _) = outline::outline(text, Span::new(0, text.len()));
    let mut parts: Vec<(Span, What)> = Vec::new();
    let mut behind = 0;
    for token in found {
        let start = token.span.start;
        if start < behind {
            continue;
        }
        if let Some((end, _)) = marks.rows.get(&start) {
            behind = *end;
            parts.push((Span::new(start, *end), What::Row));
            continue;
        }
        if text[start..].starts_with('\u{FEFF}') {
            continue;
        }
        match token.kind {
            Kind::Open(byte) => parts.push((token.span, What::Open(byte))),
            Kind::Close(byte) => parts.push((token.span, What::Close(byte))),
            Kind::Comma => parts.push((token.span, What::Comma)),
            // `7days` is two.
            Kind::Word => match (start + 1..token.span.end).find(|at| marks.units.contains(at)) {
                Some(at) => {
                    parts.extend([(Span::new(start, at), What::Other), (Span::new(at, token.span.end), What::Other)]);
                }
                None => parts.push((token.span, What::Other)),
            },
            Kind::Text | Kind::Sign => {
                // An operator may be of two signs.
                let end = marks.infix.get(&start).copied().unwrap_or(token.span.end);
                behind = end;
                parts.push((Span::new(start, end), What::Other));
            }
        }
    }
    let in_row = |at: usize| marks.rows.range(..=at).next_back().is_some_and(|(_, (end, _))| at < *end);
    let comments = crate::comments::comments(text).into_iter().map(|comment| (comment.span, What::Comment));
    parts.extend(comments.filter(|(span, _)| !in_row(span.start)));
    parts.sort_by_key(|(span, _)| span.start);
    let mut end = 0;
    let with_gap = |(span, kind): (Span, What)| {
        let gap = &text[end..span.start];
        end = span.end;
        Token { span, kind, lines: gap.matches('\n').count(), glued: gap.is_empty() }
    };
    parts.into_iter().map(with_gap).collect()
}
