//! Fragments of cpl inside another text: the types, values and holes of a connector file.

use pest::{
    Parser,
    error::{Error, InputLocation},
    iterators::Pair,
};

use super::{
    Children, Grammar, PatchedText, Reader, Rule,
    known_mistakes::{Mistake, known_mistake},
    limits,
    unexpected::{unexpected, word_at},
};
use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    span::{Name, Span, Spanned},
    tree::{ArgumentType, Column, ColumnType, Expr, Piece, Text},
};

/// What could be read, and what is wrong with it.
pub type Read<T> = (Option<T>, Vec<Diagnostic>);

/// A column, its name apart: `date? personal from "$.day"` at `part` of `text`.
#[must_use]
pub fn column(text: &str, name: &Name, part: Span) -> Read<Column> {
    read(Rule::column_only, text, part, |reader, mut children| Column {
        name: name.clone(),
        kind: reader.column_type(children.child()),
        nullable: children.opt(Rule::nullable).is_some(),
        optional: children.opt(Rule::optional).is_some(),
        personal: children.opt(Rule::personal).map(|personal| reader.span(&personal)),
        from: children.opt(Rule::column_from).map(|from| reader.column_from(from)),
        span: name.span.to(part),
    })
}

/// An argument's type: `window`, `text? key`.
#[must_use]
pub fn argument(text: &str, part: Span) -> Read<ArgumentType> {
    read(Rule::argument_only, text, part, |reader, mut children| {
        let kind = match children.child() {
            window if window.as_rule() == Rule::window_type => None,
            kind => Some(reader.column_type(kind)),
        };
        let optional = children.opt(Rule::nullable).is_some();
        ArgumentType { kind, optional, key: children.opt(Rule::is_key).is_some() }
    })
}

/// Only a column's type: `money in micros`.
#[must_use]
pub fn kind(text: &str, part: Span) -> Read<Spanned<ColumnType>> {
    read(Rule::type_only, text, part, |reader, mut children| reader.column_type(children.child()))
}

/// A value: `7 days`, `$0.01`.
#[must_use]
pub fn value(text: &str, part: Span) -> Read<Expr> {
    read(Rule::value_only, text, part, |reader, mut children| reader.arith(children.child()))
}

/// A text with holes. `value` is the unescaped content of `part` of `text`. Each hole must occur there unescaped.
#[must_use]
pub fn template(value: &str, text: &str, part: Span) -> Read<Text> {
    let pairs = match pairs(Rule::template, value) {
        Ok(pair) => Children::of(pair),
        Err(error) => return (None, vec![template_error(&error, value, text, part)]),
    };
    let (mut pieces, mut found, mut at) = (Vec::new(), Vec::new(), part.start);
    for pair in pairs {
        match pair.as_rule() {
            Rule::hole => {
                let Some(place) = text[at..part.end].find(pair.as_str()) else {
                    let message = "a hole stands on one line, without escapes";
                    found.push(Diagnostic::new(Code::E0101, message).at(part, "one of these is written otherwise"));
                    return (None, found);
                };
                let hole = Span::new(at + place + 1, at + place + pair.as_str().len() - 1);
                at = hole.end;
                let (expr, wrong) =
                    read(Rule::hole_only, text, hole, |reader, mut children| reader.expr(children.child()));
                pieces.extend(expr.map(Piece::Hole));
                found.extend(wrong);
            }
            Rule::brace => push(&mut pieces, &pair.as_str()[..1]),
            Rule::letters => push(&mut pieces, pair.as_str()),
            _ => {}
        }
    }
    (found.is_empty().then_some(Text { pieces }), found)
}

fn push(pieces: &mut Vec<Piece>, letters: &str) {
    match pieces.last_mut() {
        Some(Piece::Letters(before)) => before.push_str(letters),
        _ => pieces.push(Piece::Letters(letters.to_owned())),
    }
}

/// Reads a part of a text by a rule.
fn read<T>(rule: Rule, text: &str, part: Span, make: impl FnOnce(&mut Reader<'_>, Children<'_>) -> T) -> Read<T> {
    match pairs(rule, part.of(text)) {
        Ok(pair) => {
            let patched = PatchedText::of(text, part);
            let mut reader = Reader { text, patched: &patched, comments: &[], diagnostics: Vec::new(), operators: 0 };
            let piece = make(&mut reader, Children::of(pair));
            (reader.diagnostics.is_empty().then_some(piece), reader.diagnostics)
        }
        Err(PieceError::OverLimit(diagnostic)) => (None, vec![in_piece(diagnostic, part)]),
        Err(PieceError::Unread(error)) => {
            (None, vec![unreadable_piece(&error, text, part, part.start + place(&error))])
        }
    }
}

/// Moves a diagnostic about a whole text to a fragment's span.
fn in_piece(diagnostic: Diagnostic, part: Span) -> Diagnostic {
    Diagnostic { labels: Vec::new(), help: None, ..diagnostic }.at(part, "here")
}

/// Why a fragment can't be parsed.
enum PieceError {
    OverLimit(Diagnostic),
    Unread(Box<Error<Rule>>),
}

fn pairs(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, PieceError> {
    if let Some(over_limit) = limits::check(text, &[Span::new(0, text.len())]) {
        return Err(PieceError::OverLimit(over_limit));
    }
    let mut pairs = Grammar::parse(rule, text).map_err(|error| PieceError::Unread(Box::new(error)))?;
    Ok(pairs.next().unwrap_or_else(|| unreachable!("a rule that parses is a pair")))
}

fn place(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

fn template_error(wrong: &PieceError, value: &str, text: &str, part: Span) -> Diagnostic {
    let braces = "a `{` opens a hole; write `{{` where a brace is meant";
    match wrong {
        PieceError::OverLimit(diagnostic) => in_piece(diagnostic.clone(), part),
        PieceError::Unread(error) if !value[place(error)..].contains('}') => {
            Diagnostic::new(Code::E0101, "a hole in this text has no `}`").at(part, "in here").help(braces)
        }
        PieceError::Unread(error) => match part.of(text).find(value) {
            Some(start) => {
                let whole = Span::new(part.start + start, part.start + start + value.len());
                let diagnostic = unreadable_piece(error, text, whole, whole.start + place(error));
                if diagnostic.help.is_some() { diagnostic } else { diagnostic.help(braces) }
            }
            None => Diagnostic::new(Code::E0101, "a hole in this text can't be read").at(part, "in here").help(braces),
        },
    }
}

/// The diagnostic for a fragment that can't be parsed beyond `at`.
fn unreadable_piece(error: &Error<Rule>, text: &str, part: Span, at: usize) -> Diagnostic {
    if at >= part.end {
        let (diagnostic, _) = unexpected(text, Span::new(part.end, part.end), error);
        let message = if part.start == part.end { "nothing stands here" } else { "something is missing at the end" };
        return Diagnostic { message: message.to_owned(), ..diagnostic };
    }
    let word = word_at(text, at);
    let word = Span::new(word.start, word.end.min(part.end));
    match known_mistake(text, word, "") {
        // What holds the piece may have quotes of its own, which a change could close.
        Some(mistake) => Mistake { sure: false, ..mistake }.diagnostic(word),
        None => unexpected(text, word, error).0,
    }
}
