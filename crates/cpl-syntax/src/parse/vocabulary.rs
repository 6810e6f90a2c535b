//! The words of the language, and what messages call each form of the grammar: the one place for both.
//!
//! A test compares it with the grammar, so no form is forgotten here.

#[cfg(test)]
mod tests;

use super::Rule;
use crate::tree::{Direction, Extreme, Level, Period, RowState};

/// The words that items begin with.
pub const ITEMS: &[&str] =
    &["pipeline", "let", "fetch", "transform", "metric", "dashboard", "decide", "alert", "target", "test"];

/// Words that can't be names.
pub const RESERVED: &[&str] = &[
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

/// Words that are no names where they are probably meant as words.
const SMALL_WORDS: &[&str] = &["last", "least", "most", "first", "lowest", "highest", "at", "by", "to", "on"];

/// The functions that make one value of many rows; `cpl-model` gives them their meaning, and compares its list with this.
pub const AGGREGATES: &[&str] =
    &["sum", "mean", "min", "max", "median", "quantile", "std", "count", "count_distinct", "first", "last"];

/// The types of columns that a message offers.
const TYPES: &[&str] =
    &["text", "bool", "count", "integer", "number", "ratio", "percent", "money", "date", "datetime", "weekday"];

/// The types of a connector's arguments.
const ARGUMENT_TYPES: &[&str] = &[
    "window", "text", "bool", "count", "integer", "number", "ratio", "percent", "money", "date", "datetime", "weekday",
];

pub fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Whether a word is a valid name.
#[must_use]
pub fn is_name(word: &str) -> bool {
    let first = word.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    first && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !is_reserved(word)
}

/// Whether it is a word of the language.
pub fn is_word(word: &str) -> bool {
    is_reserved(word) || SMALL_WORDS.contains(&word)
}

/// What messages call a form of the grammar.
enum Called {
    /// By the word that it begins with.
    ByWord(&'static str),
    /// By a name of its own; the words that it begins with are offered where they are few.
    Named(&'static str, &'static [&'static str]),
    /// Messages never name it: it is expected only with forms around it.
    Inner(&'static [&'static str]),
}

/// The words that a form begins with, where they are few enough to be offered.
pub fn words(rule: Rule) -> Vec<String> {
    match called(rule) {
        Some(Called::ByWord(word)) => vec![word.to_owned()],
        Some(Called::Named(_, words) | Called::Inner(words)) => words.iter().map(|word| (*word).to_owned()).collect(),
        None => keyword(rule).into_iter().collect(),
    }
}

/// An analyst's word for a form; none for forms that only occur inside others.
pub fn symbol(rule: Rule) -> Option<String> {
    match called(rule) {
        Some(Called::ByWord(word)) => Some(format!("`{word}`")),
        Some(Called::Named(name, _)) => Some(name.to_owned()),
        Some(Called::Inner(_)) => None,
        None => keyword(rule).map(|word| format!("`{word}`")),
    }
}

/// The word that a rule `w_…` of the grammar stands for.
fn keyword(rule: Rule) -> Option<String> {
    format!("{rule:?}").strip_prefix("w_").map(str::to_owned)
}

/// What each form of the grammar is called; none for keywords.
#[allow(clippy::too_many_lines, reason = "one line a form of the grammar")]
fn called(rule: Rule) -> Option<Called> {
    use Called::{ByWord, Inner, Named};
    Some(match rule {
        // Items and clauses are called by their first words.
        Rule::pipeline => ByWord("pipeline"),
        Rule::let_item => ByWord("let"),
        Rule::fetch => ByWord("fetch"),
        Rule::transform => ByWord("transform"),
        Rule::metric => ByWord("metric"),
        Rule::dashboard => ByWord("dashboard"),
        Rule::decide => ByWord("decide"),
        Rule::alert => ByWord("alert"),
        Rule::target => ByWord("target"),
        Rule::test => ByWord("test"),
        Rule::columns => ByWord("columns"),
        Rule::key => ByWord("key"),
        Rule::fresh => ByWord("fresh"),
        Rule::settles => ByWord("settles"),
        Rule::expect => ByWord("expect"),
        Rule::watch => ByWord("watch"),
        Rule::weeks_start => ByWord("weeks"),
        Rule::for_series => ByWord("for"),
        Rule::or_none => ByWord("or"),
        Rule::where_stage => ByWord("where"),
        Rule::derive => ByWord("derive"),
        Rule::group => ByWord("group"),
        Rule::keep => ByWord("keep"),
        Rule::drop => ByWord("drop"),
        Rule::sort => ByWord("sort"),
        Rule::take => ByWord("take"),
        Rule::when => ByWord("when"),
        Rule::require => ByWord("require"),
        Rule::then => ByWord("then"),
        Rule::change_by => ByWord("by"),
        Rule::change_to => ByWord("to"),
        Rule::via => ByWord("via"),
        Rule::constraint => ByWord("constraint"),
        Rule::driver => ByWord("driver"),
        Rule::join => Named("`join`", &["join", "left"]),
        // What a reader knows by another name.
        Rule::EOI => Named("the end", &[]),
        Rule::name | Rule::ident | Rule::path | Rule::target_ref | Rule::group_key => Named("a name", &[]),
        Rule::call => Named("a function", &[]),
        Rule::source => Named("a connector or a target", &[]),
        Rule::option | Rule::options => Named("an option", &[]),
        Rule::arith | Rule::comparison | Rule::negation | Rule::all | Rule::prefix => Named("a value", &[]),
        Rule::expr => Named("a value", &["and", "or", "exceeds", "falls"]),
        Rule::infix => Named("an operator", &["and", "or", "exceeds", "falls"]),
        Rule::compare => Named("a comparison", &["and", "or", "exceeds", "falls"]),
        Rule::column => Named("a column", &[]),
        Rule::column_type | Rule::plain_type | Rule::money_type => Named("a column's type", TYPES),
        Rule::argument_only => Named("an argument's type", ARGUMENT_TYPES),
        Rule::text => Named("a text in double quotes", &[]),
        Rule::date | Rule::datetime => Named("a date such as 2026-11-20", &[]),
        Rule::clock => Named("a time such as 07:00", &[]),
        Rule::duration => Named("a duration such as `7 days`", &[]),
        Rule::digits => Named("a whole number", &[]),
        Rule::unit => Named("a unit of time", &["seconds", "minutes", "hours", "days", "weeks", "months"]),
        Rule::window => Named("a window such as `last 7 days`", &[]),
        Rule::direction => Named("`below` or `above`", Direction::WORDS),
        Rule::extreme => Named("`lowest` or `highest`", Extreme::WORDS),
        Rule::surest => Named("`surest`", &["surest"]),
        Rule::level => Named("`info`, `warning` or `critical`", Level::WORDS),
        Rule::group_item => Named("a metric, or `name = aggregate`", &[]),
        Rule::known => Named("`known`", &["known", "unknown"]),
        Rule::request | Rule::request_part => {
            Named("a part of a request such as `method`", &["method", "auth", "headers", "query", "body"])
        }
        Rule::quoted_name => Named("a name in double quotes", &[]),
        Rule::row => Named("a row of a table: `| … |`", &[]),
        Rule::rel_in => Named("`in`", &[]),
        Rule::inverted => Named("`not`", &[]),
        Rule::currency => Named("a currency such as `USD`", &[]),
        Rule::from_file => Named("`file`", &[]),
        Rule::personal => Named("`personal`", &["personal"]),
        Rule::nullable => Named("`?`", &[]),
        Rule::optional => ByWord("optional"),
        Rule::from_outer => ByWord("outer"),
        Rule::missing => ByWord("missing"),
        Rule::rows_until => ByWord("rows"),
        Rule::is_key => Named("`key`", &[]),
        Rule::micros => Named("`micros`", &["micros"]),
        Rule::arg => Named("an argument", &[]),
        Rule::assignment | Rule::argument => Named("`name = value`", &[]),
        Rule::parameter => Named("a parameter such as `budget: money`", &[]),
        Rule::unix_unit => Named("`seconds` or `milliseconds`", &["seconds", "milliseconds"]),
        Rule::state => Named("`held` or `undecided`", RowState::WORDS),
        Rule::period => Named("`week`, `month`, `quarter` or `year`", Period::WORDS),
        Rule::cadence => {
            Named("`hour`, `day`, `weekday`, `week` or `month`", &["hour", "day", "weekday", "week", "month"])
        }
        // What is expected with forms around it.
        Rule::date_type | Rule::datetime_type => Inner(TYPES),
        _ => return None,
    })
}
