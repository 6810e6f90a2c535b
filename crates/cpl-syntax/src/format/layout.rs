//! Tokens → lines.

use super::{
    STEP, WIDTH,
    align::{Line, Stop},
    breaks::{COMMA, Piece, lines, looseness, width},
    roles::{TokenRoles, takes_commas},
    tokens::{Token, TokenKind, tokens},
};
use crate::parse::Rule;

pub struct Layout<'t> {
    text: &'t str,
    roles: &'t TokenRoles,
    tokens: Vec<Token>,
    /// From each token on, the first that is no comment.
    next: Vec<usize>,
    at: usize,
    lines: Vec<Line>,
}

/// An entry that is being written.
#[derive(Default)]
struct Entry {
    pieces: Vec<Piece>,
    rule: Option<Rule>,
    /// Round brackets that are open.
    depth: usize,
    /// Whether its first line was written.
    begun: bool,
}

impl<'t> Layout<'t> {
    pub fn of(text: &'t str, roles: &'t TokenRoles) -> Self {
        let tokens = tokens(text, roles);
        let mut next = vec![tokens.len(); tokens.len()];
        for at in (0..tokens.len()).rev() {
            let following = next.get(at + 1).copied().unwrap_or(tokens.len());
            next[at] = if tokens[at].kind == TokenKind::Comment { following } else { at };
        }
        Self { text, roles, tokens, next, at: 0, lines: Vec::new() }
    }

    pub fn lines(mut self) -> Vec<Line> {
        self.block(0);
        self.lines
    }

    fn word(&self, token: Token) -> &'t str {
        token.span.of(self.text)
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// Entries up to the brace that closes them, or the end.
    fn block(&mut self, indent: usize) {
        let mut first = true;
        while let Some(token) = self.peek() {
            if token.kind == TokenKind::Close(b'}') {
                return;
            }
            if token.kind == TokenKind::Comma {
                self.at += 1;
                continue;
            }
            if token.lines > 1 && !first {
                self.lines.push(Line::blank());
            }
            first = false;
            match token.kind {
                TokenKind::Comment => {
                    self.at += 1;
                    self.lines.push(Line::comment(indent, self.word(token)));
                }
                TokenKind::Row => self.rows(indent),
                _ => self.entry(indent),
            }
        }
    }

    /// One item, clause or list item, and its trailing comment.
    fn entry(&mut self, indent: usize) {
        let start = self.peek().map_or(0, |token| token.span.start);
        let mut entry = Entry { rule: self.roles.entries.get(&start).copied(), ..Entry::default() };
        let (mut forced, first_line) = (false, self.lines.len());
        while let Some(token) = self.peek() {
            let ends = entry.depth == 0 && self.roles.entries.contains_key(&token.span.start);
            if (ends && (entry.begun || !entry.pieces.is_empty())) || token.kind == TokenKind::Close(b'}') {
                break;
            }
            self.at += 1;
            match token.kind {
                // Between items of a list in braces.
                TokenKind::Comma if entry.depth == 0 && entry.rule.is_some_and(takes_commas) => {
                    self.trailing(&mut entry, first_line, indent);
                    break;
                }
                TokenKind::Comment if token.lines == 0 && self.is_at_end(&entry) => {
                    self.flush(&mut entry, indent);
                    self.append_comment(token, first_line, indent);
                    return;
                }
                TokenKind::Comment if token.lines > 0 && self.is_at_end(&entry) => {
                    // It stands between entries.
                    self.at -= 1;
                    break;
                }
                TokenKind::Comment => {
                    self.flush(&mut entry, indent);
                    if token.lines == 0 {
                        self.append_comment(token, first_line, indent);
                    } else {
                        self.lines.push(Line::comment(indent + 2 * STEP, self.word(token)));
                    }
                    forced = true;
                }
                TokenKind::Open(b'{') => {
                    let piece = self.piece(token, &entry, forced);
                    entry.pieces.push(piece);
                    forced = false;
                    self.braces(&mut entry, indent);
                }
                _ => {
                    let piece = self.piece(token, &entry, forced);
                    entry.pieces.push(piece);
                    forced = false;
                    match token.kind {
                        TokenKind::Open(_) => entry.depth += 1,
                        TokenKind::Close(_) => entry.depth = entry.depth.saturating_sub(1),
                        _ => {}
                    }
                }
            }
        }
        self.flush(&mut entry, indent);
    }

    /// Whether the current entry has no more tokens.
    fn is_at_end(&self, entry: &Entry) -> bool {
        let next = self.next.get(self.at).and_then(|next| self.tokens.get(*next));
        let listed = entry.depth == 0 && entry.rule.is_some_and(takes_commas);
        next.is_none_or(|token| {
            token.kind == TokenKind::Close(b'}')
                || (listed && token.kind == TokenKind::Comma)
                || self.roles.entries.contains_key(&token.span.start)
        })
    }

    /// A comment after the comma that ended an entry.
    fn trailing(&mut self, entry: &mut Entry, first_line: usize, indent: usize) {
        if let Some(token) = self.peek()
            && token.kind == TokenKind::Comment
            && token.lines == 0
        {
            self.at += 1;
            self.flush(entry, indent);
            self.append_comment(token, first_line, indent);
        }
    }

    /// A comment at the end of the line that was written last, of an entry that began with `first_line`.
    fn append_comment(&mut self, token: Token, first_line: usize, indent: usize) {
        let word = self.word(token).trim_end();
        let split = self.lines.len() > first_line + 1;
        if split && word.trim_start_matches('#').trim_start().starts_with("allow ") {
            // What it silences has lines of its own now: ahead of them it is meant for all.
            self.lines.insert(first_line, Line::comment(indent, word));
            return;
        }
        match self.lines.last_mut() {
            Some(line) if line.trailing_comment.is_none() => line.trailing_comment = Some(word.to_owned()),
            _ => self.lines.push(Line::comment(indent, word)),
        }
    }

    /// A braced block, on the entry's line or on lines of its own.
    fn braces(&mut self, entry: &mut Entry, indent: usize) {
        if let Some((flat, end)) = self.flat() {
            let line: usize = entry.pieces.iter().map(|piece| width(&piece.text) + usize::from(piece.space)).sum();
            // The closing brace, and blanks within.
            if indent + line + width(&flat) + 2 + usize::from(!flat.is_empty()) <= WIDTH {
                self.at = end + 1;
                let piece =
                    |text: &str, space| Piece { text: text.to_owned(), space, depth: 0, loose: None, forced: false };
                if !flat.is_empty() {
                    entry.pieces.push(piece(&flat, true));
                }
                entry.pieces.push(piece("}", !flat.is_empty()));
                return;
            }
        }
        self.flush(entry, indent);
        if let Some(comment) = self.peek().filter(|token| token.kind == TokenKind::Comment && token.lines == 0) {
            self.at += 1;
            self.append_comment(comment, self.lines.len(), indent);
        }
        self.block(indent + STEP);
        if let Some(close) = self.peek() {
            self.at += 1;
            entry.pieces.push(Piece {
                text: self.word(close).to_owned(),
                space: false,
                depth: 0,
                loose: None,
                forced: false,
            });
        }
    }

    /// The contents of the open braces on one line, if the source has them on one line; and where the braces close.
    fn flat(&self) -> Option<(String, usize)> {
        let (mut depth, mut end) = (1, self.at);
        loop {
            let token = self.tokens.get(end)?;
            if token.lines > 0 || matches!(token.kind, TokenKind::Comment | TokenKind::Row) {
                return None;
            }
            match token.kind {
                TokenKind::Open(b'{') => depth += 1,
                TokenKind::Close(b'}') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        let mut flat = String::new();
        let mut entry = Entry::default();
        let mut commas = Vec::new();
        for at in self.at..end {
            let token = self.tokens[at];
            let begins = self.roles.entries.get(&token.span.start);
            if let Some(rule) = begins
                && entry.depth == 0
            {
                let between = if takes_commas(*rule) { ", " } else { "  " };
                if at > self.at && !flat.ends_with("{ ") {
                    flat.push_str(between);
                }
                entry.pieces.clear();
                entry.rule = Some(*rule);
            } else if token.kind == TokenKind::Comma
                && entry.depth == 0
                && commas.last().copied().unwrap_or(true)
                && entry.rule.is_some_and(takes_commas)
            {
                continue;
            }
            let piece = self.piece(token, &entry, false);
            if !entry.pieces.is_empty() && piece.space && !flat.ends_with("{ ") {
                flat.push(' ');
            }
            match token.kind {
                TokenKind::Open(b'{') => {
                    commas.push(true);
                    flat.push_str("{ ");
                }
                TokenKind::Close(b'}') => {
                    commas.pop();
                    let empty = flat.ends_with("{ ");
                    flat.truncate(flat.trim_end().len());
                    flat.push_str(if empty { "}" } else { " }" });
                    entry.rule = None;
                }
                TokenKind::Open(_) => {
                    entry.depth += 1;
                    flat.push_str(&piece.text);
                }
                TokenKind::Close(_) => {
                    entry.depth -= 1;
                    flat.push_str(&piece.text);
                }
                _ => flat.push_str(&piece.text),
            }
            entry.pieces.push(piece);
        }
        Some((flat, end))
    }

    /// A token as a piece of its entry's line.
    fn piece(&self, token: Token, entry: &Entry, forced: bool) -> Piece {
        let (word, start) = (self.word(token), token.span.start);
        let before = if entry.pieces.is_empty() { None } else { self.before(token) };
        let infix = self.roles.infix.contains_key(&start);
        let is_infix = |token: Token| self.roles.infix.contains_key(&token.span.start);
        let space = match before {
            None => false,
            Some(before) => match (before.kind, token.kind) {
                _ if infix || is_infix(before) => true,
                _ if self.roles.prefix.contains(&before.span.start) => false,
                _ if self.roles.options.contains(&start) || self.roles.options.contains(&before.span.start) => false,
                _ if self.roles.colons.contains(&start) => false,
                _ if self.roles.colons.contains(&before.span.start) || self.roles.units.contains(&start) => true,
                (_, TokenKind::Comma | TokenKind::Close(b')' | b']')) | (TokenKind::Open(b'(' | b'['), _) => false,
                (TokenKind::Comma, _) => true,
                (_, TokenKind::Open(b'{')) | (TokenKind::Close(b'}'), _) => true,
                (_, TokenKind::Open(b'(')) => !self.roles.calls.contains(&start),
                _ => !token.glued,
            },
        };
        let loose = match before {
            Some(before) if before.kind == TokenKind::Comma => Some(COMMA),
            _ if infix || word.chars().all(char::is_alphabetic) => looseness(word),
            _ => None,
        };
        let depth = entry.depth;
        Piece { text: word.to_owned(), space, depth, loose, forced }
    }

    /// The token ahead of one, whatever it is, but for comments.
    fn before(&self, token: Token) -> Option<Token> {
        let at = self.tokens.partition_point(|other| other.span.start < token.span.start);
        self.tokens[..at].iter().rev().find(|other| other.kind != TokenKind::Comment).copied()
    }

    /// Writes the lines of what there is of an entry.
    fn flush(&mut self, entry: &mut Entry, indent: usize) {
        if entry.pieces.is_empty() {
            return;
        }
        let first = !entry.begun;
        let indent = if first || entry.pieces[0].text == "}" { indent } else { indent + 2 * STEP };
        let broken = lines(&entry.pieces, indent);
        let one = broken.len() == 1;
        for (at, (indent, text)) in broken.into_iter().enumerate() {
            let stop = if at == 0 && first { entry.rule.and_then(|rule| Stop::of(rule, &text)) } else { None };
            self.lines.push(Line { indent, text, stop, trailing_comment: None, ends: !(one && first) });
        }
        entry.begun = true;
        entry.pieces.clear();
    }

    /// The rows of a table, their cells under each other.
    fn rows(&mut self, indent: usize) {
        let mut rows: Vec<(Vec<String>, Option<String>)> = Vec::new();
        while let Some(token) = self.peek().filter(|token| {
            token.kind == TokenKind::Row || (token.kind == TokenKind::Comment && token.lines == 0 && !rows.is_empty())
        }) {
            if token.kind == TokenKind::Row && token.lines > 1 && !rows.is_empty() {
                break;
            }
            self.at += 1;
            match self.roles.rows.get(&token.span.start) {
                Some((_, cells)) if token.kind == TokenKind::Row => rows.push((cells.clone(), None)),
                _ => rows.iter_mut().last().into_iter().for_each(|row| row.1 = Some(self.word(token).to_owned())),
            }
        }
        let columns = rows.iter().map(|(cells, _)| cells.len()).max().unwrap_or(0);
        let cell = |cells: &[String], at: usize| cells.get(at).map_or(0, |cell| width(cell));
        let widths: Vec<usize> =
            (0..columns).map(|at| rows.iter().map(|(cells, _)| cell(cells, at)).max().unwrap_or(0)).collect();
        for (cells, trailing_comment) in rows {
            let padded =
                cells.iter().zip(&widths).map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
            let text = format!("| {} |", padded.collect::<Vec<_>>().join(" | "));
            self.lines.push(Line { indent, text, stop: None, trailing_comment, ends: true });
        }
    }
}
