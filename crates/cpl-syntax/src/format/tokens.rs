//! Tokens of a text that parses, comments among them.

use super::roles::TokenRoles;
use crate::parse::scanner::{self, Kind};
use crate::span::Span;

/// A token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub span: Span,
    pub kind: TokenKind,
    /// New lines before it.
    pub lines: usize,
    /// No white space precedes it.
    pub glued: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
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
pub fn tokens(text: &str, roles: &TokenRoles) -> Vec<Token> {
    let (found, _) = scanner::scan(text, Span::new(0, text.len()));
    let mut parts: Vec<(Span, TokenKind)> = Vec::new();
    let mut covered_end = 0;
    for token in found {
        let start = token.span.start;
        if start < covered_end {
            continue;
        }
        if let Some((end, _)) = roles.rows.get(&start) {
            covered_end = *end;
            parts.push((Span::new(start, *end), TokenKind::Row));
            continue;
        }
        if text[start..].starts_with('\u{FEFF}') {
            continue;
        }
        match token.kind {
            Kind::Open(byte) => parts.push((token.span, TokenKind::Open(byte))),
            Kind::Close(byte) => parts.push((token.span, TokenKind::Close(byte))),
            Kind::Comma => parts.push((token.span, TokenKind::Comma)),
            // `7days` is two.
            Kind::Word => match (start + 1..token.span.end).find(|at| roles.units.contains(at)) {
                Some(at) => {
                    parts.extend([
                        (Span::new(start, at), TokenKind::Other),
                        (Span::new(at, token.span.end), TokenKind::Other),
                    ]);
                }
                None => parts.push((token.span, TokenKind::Other)),
            },
            Kind::Text | Kind::Sign => {
                // An operator may be of two signs.
                let end = roles.infix.get(&start).copied().unwrap_or(token.span.end);
                covered_end = end;
                parts.push((Span::new(start, end), TokenKind::Other));
            }
        }
    }
    let in_row = |at: usize| roles.rows.range(..=at).next_back().is_some_and(|(_, (end, _))| at < *end);
    let comments = crate::comments::comments(text).into_iter().map(|comment| (comment.span, TokenKind::Comment));
    parts.extend(comments.filter(|(span, _)| !in_row(span.start)));
    parts.sort_by_key(|(span, _)| span.start);
    let mut end = 0;
    let with_gap = |(span, kind): (Span, TokenKind)| {
        let gap = &text[end..span.start];
        end = span.end;
        Token { span, kind, lines: gap.matches('\n').count(), glued: gap.is_empty() }
    };
    parts.into_iter().map(with_gap).collect()
}
