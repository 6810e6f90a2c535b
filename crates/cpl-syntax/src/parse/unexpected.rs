//! Messages for unexpected text, in the analyst's words: never a grammar rule's name.

use std::sync::Mutex;

use pest::{
    Parser,
    error::{Error, ErrorVariant},
};

use super::{
    Grammar, Rule,
    vocabulary::{is_reserved, is_word, symbol, words},
};
use crate::{
    codes::Code,
    diagnostic::{self, Diagnostic},
    span::Span,
};

/// Two items of a list with nothing between them.
pub fn unseparated(text: &str, first: Span, second: Span) -> Diagnostic {
    if second.of(text) == "as" {
        let diagnostic =
            Diagnostic::new(Code::E0102, "a column has its name first").at(second, "named behind its value");
        return diagnostic.at(first, "this value").help("write `name = sum(x)`");
    }
    Diagnostic::new(Code::E0102, "items of a list stand side by side")
        .at(second, "begins a new item")
        .at(first, "the item before it")
        .help("put a comma or a new line between them")
}

/// The diagnostic for an unexpected word, and the word it was probably meant to be.
pub fn unexpected(text: &str, span: Span, error: &Error<Rule>) -> (Diagnostic, Option<String>) {
    let word = span.of(text);
    let found = if word.is_empty() { "the end".to_owned() } else { format!("`{word}`") };
    let message = if is_reserved(word) {
        format!("{found} is a word of the language and can't stand here")
    } else {
        format!("{found} can't stand here")
    };
    let (label, many) = expected(error);
    let diagnostic = Diagnostic::new(Code::E0101, message);
    match did_you_mean(word, error) {
        None if label.contains("`via`") => {
            (diagnostic.at(span, label).help("say where it goes: `via TARGET`, or `via print`"), None)
        }
        None if is_type(error) && !many => {
            let types = words(Rule::column_type);
            (diagnostic.at(span, label).help(format!("there are: `{}`", types.join("`, `"))), None)
        }
        None => (diagnostic.at(span, label), None),
        Some((suggestion, sure)) => {
            // What stands elsewhere too is a name, and what is a word of the language is meant as one.
            let sure = sure && !is_word(word) && text.match_indices(word).nth(1).is_none();
            // Where much may stand, the one word that was meant says more than the list.
            let label = if many { "no word that fits here".to_owned() } else { label };
            let diagnostic = diagnostic.at(span, label).help(format!("did you mean `{suggestion}`?"));
            let diagnostic = diagnostic.change(span, &suggestion, sure);
            // What may be meant otherwise is left out: no error follows from a guess. A type of one letter more or less is
            // read as the one, so that its column is known.
            let guess = sure || (is_type(error) && diagnostic::is_near(word, &suggestion));
            (diagnostic, guess.then_some(suggestion))
        }
    }
}

/// Types of other languages, and cpl's.
const TYPES: &[(&str, &str)] = &[
    ("int", "integer"),
    ("bigint", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("numeric", "number"),
    ("decimal", "money"),
    ("rate", "ratio"),
    ("string", "text"),
    ("str", "text"),
    ("varchar", "text"),
    ("boolean", "bool"),
    ("timestamp", "datetime"),
    ("currency", "money"),
];

/// The nearest expected word, and whether it is the only one at its distance.
fn did_you_mean(word: &str, error: &Error<Rule>) -> Option<(String, bool)> {
    let positives = positives(error);
    if word.len() < 2 {
        return None;
    }
    if let Some((_, ours)) = TYPES.iter().find(|(theirs, _)| *theirs == word.to_lowercase())
        && positives.iter().any(|rule| matches!(rule, Rule::column_type | Rule::plain_type | Rule::argument_only))
    {
        // Others have fewer types: an amount may be meant, or a number.
        let sure = ["text", "bool", "datetime"].contains(ours);
        return Some(((*ours).to_owned(), sure));
    }
    let words: Vec<String> = positives.iter().flat_map(|rule| words(*rule)).collect();
    let (near, sure) = diagnostic::did_you_mean(word, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
    // A type says what is read: another one reads something else.
    Some((near.to_owned(), sure && !is_type(error)))
}

/// The expected rules.
fn positives(error: &Error<Rule>) -> &[Rule] {
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    }
}

/// Whether a column's type is wanted.
fn is_type(error: &Error<Rule>) -> bool {
    positives(error).iter().any(|rule| matches!(rule, Rule::column_type | Rule::plain_type))
}

/// The word, number or sign that begins at `at`.
pub fn word_at(text: &str, at: usize) -> Span {
    let rest = &text[at..];
    let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    Span::new(at, at + word.max(one))
}

/// The most expected words that a message lists.
const MAX_SHOWN_WORDS: usize = 8;

/// What is expected, and whether that is a long list.
fn expected(error: &Error<Rule>) -> (String, bool) {
    let mut words: Vec<String> = positives(error).iter().filter_map(|rule| symbol(*rule)).collect();
    words.sort();
    words.dedup();
    if words.is_empty() {
        words = signs(error);
    }
    if words.is_empty() {
        return ("unexpected".to_owned(), false);
    }
    let many = words.len() > 3;
    let more = if words.len() > MAX_SHOWN_WORDS + 1 { words.len() - MAX_SHOWN_WORDS } else { 0 };
    words.truncate(words.len() - more);
    let rest = if more > 0 { format!(" or {more} others") } else { String::new() };
    (format!("expected {}{rest}", words.join(", ")), many)
}

/// Adds the expected signs to an error that names no expected rule, and sets `requested`. pest records them only in a
/// mode that is global to the process.
pub fn with_signs(text: &str, error: Error<Rule>, requested: &mut bool) -> Error<Rule> {
    static DETAIL_LOCK: Mutex<()> = Mutex::new(());
    if positives(&error).iter().any(|rule| symbol(*rule).is_some()) {
        return error;
    }
    *requested = true;
    let _guard = DETAIL_LOCK.lock();
    pest::set_error_detail(true);
    let detailed = Grammar::parse(Rule::file, text).err();
    pest::set_error_detail(false);
    detailed.unwrap_or(error)
}

/// The signs between words.
const SIGNS: &[&str] = &["=", ":", ",", "(", ")", "[", "]", "{", "}"];

/// The expected signs, if they were requested.
fn signs(error: &Error<Rule>) -> Vec<String> {
    let tokens = error.parse_attempts().map(|attempts| attempts.expected_tokens()).unwrap_or_default();
    let written: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    // Within a text anything may stand.
    let text = written.iter().any(|sign| sign == "\"");
    let signs = written.iter().filter(|sign| !text && SIGNS.contains(&sign.as_str()));
    let mut signs: Vec<String> = signs.map(|sign| format!("`{sign}`")).collect();
    signs.sort();
    signs.dedup();
    signs
}
