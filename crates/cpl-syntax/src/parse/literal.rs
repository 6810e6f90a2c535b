//! Literals: their text without `_`, with `k` and `M` resolved.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, keyword, unread};
use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    span::{Name, Spanned},
    tree::{Currency, Day, ExprKind, Literal, Piece, Text, Unit, Word},
};

impl Reader<'_> {
    /// A literal as an expression.
    pub(super) fn literal(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let rule = pair.as_rule();
        ExprKind::Literal(match rule {
            Rule::text => return ExprKind::Text(self.text(pair).value),
            Rule::money => money(pair),
            Rule::duration => self.duration(pair),
            Rule::percent => Literal::Percent(amount_in(pair)),
            Rule::times => Literal::Times(amount_in(pair)),
            Rule::points => Literal::Points(amount_in(pair)),
            Rule::number => Literal::Number(amount_in(pair)),
            Rule::date => Literal::Date(pair.as_str().to_owned()),
            Rule::datetime => Literal::Datetime(pair.as_str().to_owned()),
            Rule::clock => Literal::Clock(pair.as_str().to_owned()),
            Rule::boolean => Literal::Bool(pair.as_str() == "true"),
            Rule::weekday => Literal::Weekday(day(&pair)),
            Rule::moment => Literal::Word(keyword(&pair, Word::of_word)),
            other => unread(other),
        })
    }

    pub(super) fn duration(&mut self, pair: Pair<'_, Rule>) -> Literal {
        let mut children = Children::of(pair);
        let length = self.whole(&children.child());
        Literal::Duration(length.value, unit(&children.child()))
    }

    /// A whole number that must fit 32 bits.
    pub(super) fn whole(&mut self, pair: &Pair<'_, Rule>) -> Spanned<u32> {
        let span = self.span(pair);
        let value = pair.as_str().replace('_', "").parse().unwrap_or_else(|_| {
            self.report(
                Diagnostic::new(Code::E0103, format!("`{}` is too large", pair.as_str()))
                    .at(span, "at most 4294967295"),
            );
            0
        });
        Spanned::new(value, span)
    }

    /// A text with its holes.
    pub(super) fn text(&mut self, pair: Pair<'_, Rule>) -> Spanned<Text> {
        let span = self.span(&pair);
        if span.of(self.text).contains('\n') {
            self.report(
                Diagnostic::new(Code::E0101, "a text stands on one line")
                    .at(span, "goes on in the next")
                    .help("close the hole in the line that opens it"),
            );
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for part in Children::of(pair) {
            let letters = match part.as_rule() {
                Rule::hole => {
                    let hole = Children::of(part).child();
                    pieces.push(Piece::Hole(self.expr(hole)));
                    continue;
                }
                Rule::escape => self.escape(&part),
                Rule::brace => part.as_str()[..1].to_owned(),
                _ => part.as_str().to_owned(),
            };
            match pieces.last_mut() {
                Some(Piece::Letters(before)) => before.push_str(&letters),
                _ => pieces.push(Piece::Letters(letters)),
            }
        }
        Spanned::new(Text { pieces }, span)
    }

    /// A text where no hole may be.
    pub(super) fn plain_text(&mut self, pair: Pair<'_, Rule>) -> Name {
        let text = self.text(pair);
        let plain = text.value.plain().unwrap_or_else(|| {
            self.report(
                Diagnostic::new(Code::E0106, "this text takes no holes")
                    .at(text.span, "holds a `{…}`")
                    .help("write `{{` for a brace, or the text itself"),
            );
            String::new()
        });
        Spanned::new(plain, text.span)
    }

    fn escape(&mut self, pair: &Pair<'_, Rule>) -> String {
        let code = pair.as_str();
        match code.as_bytes().get(1) {
            Some(b'n') => "\n".to_owned(),
            Some(b't') => "\t".to_owned(),
            Some(b'u') => {
                let hex = code.trim_start_matches("\\u{").trim_end_matches('}');
                let letter = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
                if letter.is_none() {
                    let at = self.span(pair);
                    self.report(
                        Diagnostic::new(Code::E0103, format!("`{code}` is no Unicode character"))
                            .at(at, "beyond 10FFFF, or a surrogate"),
                    );
                }
                letter.map(String::from).unwrap_or_default()
            }
            _ => code[1..].to_owned(),
        }
    }
}

fn money(pair: Pair<'_, Rule>) -> Literal {
    let (mut digits, mut currency) = (String::new(), None);
    for part in Children::of(pair) {
        match part.as_rule() {
            Rule::amount => digits = amount(part.as_str()),
            Rule::sign => currency = part.as_str().chars().next().and_then(Currency::of_sign),
            _ => currency = Currency::of_code(part.as_str()),
        }
    }
    match currency {
        Some(currency) => Literal::Money(digits, currency),
        None => Literal::Number(digits),
    }
}

fn amount_in(pair: Pair<'_, Rule>) -> String {
    amount(Children::of(pair).child().as_str())
}

/// `1.5M` → `1500000`; digits stay exact, however many.
fn amount(written: &str) -> String {
    let plain = written.replace('_', "");
    let (digits, shift) = match plain.as_bytes().last() {
        Some(b'k') => (&plain[..plain.len() - 1], 3),
        Some(b'M') => (&plain[..plain.len() - 1], 6),
        _ => return plain,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{fraction:0<shift$}");
    let (up, rest) = padded.split_at(shift);
    if rest.is_empty() { format!("{whole}{up}") } else { format!("{whole}{up}.{rest}") }
}

/// A unit of time, in the singular or the plural.
pub fn unit(pair: &Pair<'_, Rule>) -> Unit {
    Unit::of_word(pair.as_str().trim_end_matches('s')).unwrap_or_else(|| unread(pair.as_rule()))
}

pub fn day(pair: &Pair<'_, Rule>) -> Day {
    let day = Day::ALL.into_iter().find(|day| day.word() == pair.as_str());
    day.unwrap_or_else(|| unread(pair.as_rule()))
}
