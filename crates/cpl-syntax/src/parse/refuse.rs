//! What is said where the text is not cpl: in the analyst's words, never a rule's name.

use pest::error::{Error, ErrorVariant, InputLocation};

use super::Rule;
use crate::{codes::Code, diagnostic::Diagnostic, span::Span};

/// Words that can't be names.
const RESERVED: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "exceeds",
    "falls",
    "breaks",
    "where",
    "over",
    "true",
    "false",
    "now",
    "today",
    "yesterday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Two items of a list with nothing between them.
pub fn unseparated(first: Span, second: Span) -> Diagnostic {
    Diagnostic::new(Code::E0102, "items of a list stand side by side")
        .at(second, "begins a new item")
        .at(first, "the item before it")
        .help("put a comma or a new line between them")
}

/// The diagnostic for a text that pest refused.
pub fn diagnostic(text: &str, error: &Error<Rule>) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((at, _)) => at,
    };
    let span = word_at(text, at);
    if let Some((message, help)) = near_miss(text, span) {
        return Diagnostic::new(Code::E0101, message).at(span, "here").help(help);
    }
    let found = match span.of(text) {
        "" => "the end of the file".to_owned(),
        word => format!("`{word}`"),
    };
    let message = if is_reserved(span.of(text)) {
        format!("{found} is a word of the language and can't stand here")
    } else {
        format!("{found} can't stand here")
    };
    Diagnostic::new(Code::E0101, message).at(span, expected(error))
}

/// The word, number or sign that begins at `at`.
fn word_at(text: &str, at: usize) -> Span {
    let rest = &text[at..];
    let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    Span::new(at, at + word.max(one))
}

fn expected(error: &Error<Rule>) -> String {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else { return "here".to_owned() };
    let mut words: Vec<String> = positives.iter().filter_map(|rule| symbol(*rule)).collect();
    words.sort();
    words.dedup();
    if words.is_empty() {
        return "unexpected".to_owned();
    }
    let more = words.len().saturating_sub(8);
    words.truncate(8);
    let rest = if more > 0 { format!(" or {more} others") } else { String::new() };
    format!("expected {}{rest}", words.join(", "))
}

/// How an analyst calls what a rule reads; none for what stands only inside others.
fn symbol(rule: Rule) -> Option<String> {
    let name = format!("{rule:?}");
    if let Some(word) = name.strip_prefix("w_") {
        return Some(format!("`{word}`"));
    }
    let words = match rule {
        Rule::EOI => "the end of the file",
        Rule::name => "a new name",
        Rule::ident | Rule::path | Rule::target_ref => "a name",
        Rule::call => "a function",
        Rule::source => "a connector or a target",
        Rule::option | Rule::options => "an option",
        Rule::expr | Rule::arith | Rule::comparison | Rule::negation | Rule::all | Rule::prefix => "a value",
        Rule::infix => "an operator",
        Rule::compare => "a comparison",
        Rule::column => "a column",
        Rule::column_type | Rule::plain_type | Rule::money_type => "a column's type",
        Rule::text => "a text in double quotes",
        Rule::date | Rule::datetime => "a date such as 2026-11-20",
        Rule::clock => "a time such as 07:00",
        Rule::duration => "a duration such as `7 days`",
        Rule::digits => "a whole number",
        Rule::unit => "a unit of time",
        Rule::window => "a window such as `last 7 days`",
        Rule::direction => "`below` or `above`",
        Rule::extreme => "`lowest` or `highest`",
        Rule::level => "`info`, `warning` or `critical`",
        Rule::group_item => "a metric, or `name = aggregate`",
        Rule::known => "`known`",
        Rule::row => "a row of a table: `| … |`",
        _ => return item_symbol(rule).map(str::to_owned),
    };
    Some(words.to_owned())
}

/// Items and clauses are called by their first word.
fn item_symbol(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::pipeline => "`pipeline`",
        Rule::let_item => "`let`",
        Rule::fetch => "`fetch`",
        Rule::transform => "`transform`",
        Rule::metric => "`metric`",
        Rule::dashboard => "`dashboard`",
        Rule::decide => "`decide`",
        Rule::alert => "`alert`",
        Rule::target => "`target`",
        Rule::test => "`test`",
        Rule::columns => "`columns`",
        Rule::key => "`key`",
        Rule::fresh => "`fresh`",
        Rule::expect => "`expect`",
        Rule::where_stage => "`where`",
        Rule::derive => "`derive`",
        Rule::join => "`join`",
        Rule::group => "`group`",
        Rule::keep => "`keep`",
        Rule::drop => "`drop`",
        Rule::sort => "`sort`",
        Rule::take => "`take`",
        Rule::when => "`when`",
        Rule::require => "`require`",
        Rule::then => "`then`",
        Rule::change_by => "`by`",
        Rule::change_to => "`to`",
        Rule::via => "`via`",
        Rule::constraint => "`constraint`",
        Rule::driver => "`driver`",
        _ => return None,
    })
}

/// `,000`, and no digit behind it.
fn thousands(text: &str) -> bool {
    let digits = text.strip_prefix(',').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits == Some(3)
}

/// Slips that have a message of their own.
fn near_miss(text: &str, span: Span) -> Option<(&'static str, &'static str)> {
    let (before, here) = (text[..span.start].trim_end(), &text[span.start..]);
    let after_number = before.ends_with(|c: char| c.is_ascii_digit());
    let starts = |sign: &str| here.starts_with(sign);
    Some(match () {
        () if after_number && thousands(here) => ("thousands are set apart by `_`", "write `1_000`"),
        () if starts("==") || (starts("=") && before.ends_with('=')) => ("cpl compares with one `=`", "write `=`"),
        () if starts("&&") => ("cpl says `and`", "write `and`"),
        () if starts("||") => ("cpl says `or`", "write `or`"),
        () if starts("'") => ("a text stands in double quotes", "write `\"…\"`"),
        () if starts("“") || starts("”") => ("a text stands in straight quotes", "write `\"…\"`"),
        () if starts("$-") => ("the sign stands before the currency", "write `-$5`"),
        () if starts("<>") || (starts(">") && before.ends_with('<')) => ("cpl says `!=`", "write `!=`"),
        () if starts("%") && after_number => ("`%` stands right behind its number", "write `3.2%`"),
        () if starts("%") => ("cpl has no remainder; `%` makes a ratio of the number before it", "write `3.2%`"),
        () if starts(";") => ("cpl has no `;`", "leave it out: a clause ends where the next begins"),
        () if starts("!") => ("cpl says `not`", "write `not`"),
        () if starts("m") && after_number => ("a million is written with a capital M", "write `10M`"),
        () if starts("x") && after_number => ("a factor and what it multiplies need a `*`", "write `3 * target_cpa`"),
        () => return None,
    })
}
