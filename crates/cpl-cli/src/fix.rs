//! `cpl check --fix`: what can have been meant in one way only is changed in the text.

use cpl_syntax::{Code, Diagnostic, Fix};

use crate::{
    Io,
    args::When,
    load::{Loaded, of_text},
};

/// One change may show the next mistake: so many rounds.
const ROUNDS: usize = 20;

/// The text without the mistakes that can be mended without asking. What mends one must leave fewer that keep the text
/// from being read, and is left as it is otherwise.
pub fn mended(loaded: &Loaded, when: &When, io: &Io<'_>) -> String {
    let (mut text, mut diagnostics) = (loaded.text.clone(), loaded.diagnostics.clone());
    let read = |text: &str| of_text(&loaded.path, text.to_owned(), when, io).diagnostics;
    for _ in 0..ROUNDS {
        let wrong: Vec<&Diagnostic> =
            diagnostics.iter().filter(|wrong| wrong.fixes.iter().any(|fix| fix.sure)).collect();
        let Some((better, told)) = better(&text, &diagnostics, &wrong, &read) else { break };
        (text, diagnostics) = (better, told);
    }
    text
}

/// The text with what mends all of these, or as many of them as make it better, and what is told of it then; none where
/// nothing does.
fn better(
    text: &str,
    told: &[Diagnostic],
    wrong: &[&Diagnostic],
    read: &dyn Fn(&str) -> Vec<Diagnostic>,
) -> Option<(String, Vec<Diagnostic>)> {
    let fixes = wrong.iter().flat_map(|diagnostic| &diagnostic.fixes).filter(|fix| fix.sure);
    let changed = applied(text, fixes.collect());
    if changed == text {
        return None;
    }
    let now = read(&changed);
    if is_better(told, &now, wrong) {
        return Some((changed, now));
    }
    let (left, right) = wrong.split_at(wrong.len() / 2);
    if left.is_empty() {
        return None;
    }
    better(text, told, left, read).or_else(|| better(text, told, right, read))
}

/// Whether those are gone: of what keeps a text from being read there is so much less; of the rest they are not told.
fn is_better(before: &[Diagnostic], now: &[Diagnostic], wrong: &[&Diagnostic]) -> bool {
    let unread = |told: &[Diagnostic]| told.iter().filter(|one| one.code == Code::E0101).count();
    let syntax = wrong.iter().filter(|one| one.code == Code::E0101).count();
    let gone = |wrong: &&&Diagnostic| {
        let same = |told: &&Diagnostic| told.code == wrong.code && told.message == wrong.message;
        now.iter().filter(same).count() < before.iter().filter(same).count()
    };
    unread(now) + syntax <= unread(before) && wrong.iter().filter(|one| one.code != Code::E0101).all(|one| gone(&one))
}

/// The text with the changes; of two that overlap, the first.
fn applied(text: &str, mut fixes: Vec<&Fix>) -> String {
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let (mut made, mut at) = (String::new(), 0);
    for fix in fixes {
        if fix.span.start < at {
            continue;
        }
        made.push_str(&text[at..fix.span.start]);
        made.push_str(&fix.instead);
        at = fix.span.end;
    }
    made.push_str(&text[at..]);
    made
}
