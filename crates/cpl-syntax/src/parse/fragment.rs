//! Pieces of cpl that stand in another text: the types, values and holes of a connector file.

use pest::{
    Parser,
    error::{Error, InputLocation},
    iterators::Pair,
};

use super::{
    Draft, Grammar, Parts, Reader, Rule, limits,
    refuse::{unexpected, word_at},
    slips::{Slip, slip},
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
    read(Rule::column_only, text, part, |reader, mut parts| Column {
        name: name.clone(),
        kind: reader.column_type(parts.child()),
        optional: parts.opt(Rule::optional).is_some(),
        personal: parts.opt(Rule::personal).map(|personal| reader.span(&personal)),
        from: parts.opt(Rule::column_from).map(|from| reader.column_from(from)),
        span: name.span.to(part),
    })
}

/// An argument's type: `window`, `text? key`.
#[must_use]
pub fn argument(text: &str, part: Span) -> Read<ArgumentType> {
    read(Rule::argument_only, text, part, |reader, mut parts| {
        let kind = match parts.child() {
            window if window.as_rule() == Rule::window_type => None,
            kind => Some(reader.column_type(kind)),
        };
        let optional = parts.opt(Rule::optional).is_some();
        ArgumentType { kind, optional, key: parts.opt(Rule::is_key).is_some() }
    })
}

/// A column's type alone: `money in micros`.
#[must_use]
pub fn kind(text: &str, part: Span) -> Read<Spanned<ColumnType>> {
    read(Rule::type_only, text, part, |reader, mut parts| reader.column_type(parts.child()))
}

/// A value: `7 days`, `$0.01`.
#[must_use]
pub fn value(text: &str, part: Span) -> Read<Expr> {
    read(Rule::value_only, text, part, |reader, mut parts| reader.arith(parts.child()))
}

/// A text with holes. `value` is what stands at `part` of `text`, there perhaps in quotes and with escapes; each hole
/// must stand there as it is.
#[must_use]
pub fn template(value: &str, text: &str, part: Span) -> Read<Text> {
    let pairs = match pairs(Rule::template, value) {
        Ok(pair) => Parts::of(pair),
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
                let (expr, wrong) = read(Rule::hole_only, text, hole, |reader, mut parts| reader.expr(parts.child()));
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
fn read<T>(rule: Rule, text: &str, part: Span, make: impl FnOnce(&mut Reader<'_>, Parts<'_>) -> T) -> Read<T> {
    match pairs(rule, part.of(text)) {
        Ok(pair) => {
            let draft = Draft::of(text, part);
            let mut reader = Reader { text, draft: &draft, comments: &[], diagnostics: Vec::new(), operators: 0 };
            let piece = make(&mut reader, Parts::of(pair));
            (reader.diagnostics.is_empty().then_some(piece), reader.diagnostics)
        }
        Err(Wrong::TooMuch(diagnostic)) => (None, vec![in_piece(diagnostic, part)]),
        Err(Wrong::Unread(error)) => (None, vec![told(&error, text, part, part.start + place(&error))]),
    }
}

/// What is told of a whole text, told of a piece.
fn in_piece(diagnostic: Diagnostic, part: Span) -> Diagnostic {
    Diagnostic { labels: Vec::new(), help: None, ..diagnostic }.at(part, "here")
}

/// Why a piece is none.
enum Wrong {
    TooMuch(Diagnostic),
    Unread(Box<Error<Rule>>),
}

fn pairs(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Wrong> {
    if let Some(too_much) = limits::check(text, &[Span::new(0, text.len())]) {
        return Err(Wrong::TooMuch(too_much));
    }
    let mut pairs = Grammar::parse(rule, text).map_err(|error| Wrong::Unread(Box::new(error)))?;
    Ok(pairs.next().unwrap_or_else(|| unreachable!("a rule that parses is a pair")))
}

fn place(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

fn template_error(wrong: &Wrong, value: &str, text: &str, part: Span) -> Diagnostic {
    let braces = "a `{` opens a hole; write `{{` where a brace is meant";
    match wrong {
        Wrong::TooMuch(diagnostic) => in_piece(diagnostic.clone(), part),
        Wrong::Unread(error) if !value[place(error)..].contains('}') => {
            Diagnostic::new(Code::E0101, "a hole in this text has no `}`").at(part, "in here").help(braces)
        }
        Wrong::Unread(error) => match part.of(text).find(value) {
            Some(start) => {
                let whole = Span::new(part.start + start, part.start + start + value.len());
                let told = told(error, text, whole, whole.start + place(error));
                if told.help.is_some() { told } else { told.help(braces) }
            }
            None => Diagnostic::new(Code::E0101, "a hole in this text can't be read").at(part, "in here").help(braces),
        },
    }
}

/// What is said of a piece that can't be read from a place on.
fn told(error: &Error<Rule>, text: &str, part: Span, at: usize) -> Diagnostic {
    if at >= part.end {
        let (diagnostic, _) = unexpected(text, Span::new(part.end, part.end), error);
        let message = if part.start == part.end { "nothing stands here" } else { "something is missing at the end" };
        return Diagnostic { message: message.to_owned(), ..diagnostic };
    }
    let word = word_at(text, at);
    let word = Span::new(word.start, word.end.min(part.end));
    match slip(text, word, "") {
        // What holds the piece may have quotes of its own, which a change could close.
        Some(slip) => Slip { sure: false, ..slip }.diagnostic(word),
        None => unexpected(text, word, error).0,
    }
}
