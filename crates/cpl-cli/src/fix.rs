//! `cpl check --fix`: applies the unambiguous fixes.

use cpl_syntax::{Code, Diagnostic, Fix};

use crate::{
    Io,
    args::WindowArgs,
    load::{Loaded, of_text},
};

/// The most rounds: a fix may reveal the next mistake.
const ROUNDS: usize = 20;

/// The text with all unambiguous fixes applied. A fix that does not reduce the number of syntax errors is not applied.
pub fn with_fixes(loaded: &Loaded, window_args: &WindowArgs, io: &Io<'_>) -> String {
    let (mut text, mut diagnostics) = (loaded.text.clone(), loaded.diagnostics.clone());
    let read = |text: &str| of_text(&loaded.path, text.to_owned(), window_args, io).diagnostics;
    for _ in 0..ROUNDS {
        let wrong: Vec<&Diagnostic> =
            diagnostics.iter().filter(|wrong| wrong.fixes.iter().any(|fix| fix.sure)).collect();
        let Some((better, new_diagnostics)) = try_fixes(&text, &diagnostics, &wrong, &read) else { break };
        (text, diagnostics) = (better, new_diagnostics);
    }
    text
}

/// The text with the fixes of these diagnostics, or of as many of them as improve it, and its new diagnostics; none if
/// no fix improves it.
fn try_fixes(
    text: &str,
    diagnostics: &[Diagnostic],
    wrong: &[&Diagnostic],
    read: &dyn Fn(&str) -> Vec<Diagnostic>,
) -> Option<(String, Vec<Diagnostic>)> {
    let fixes = wrong.iter().flat_map(|diagnostic| &diagnostic.fixes).filter(|fix| fix.sure);
    let changed = applied(text, fixes.collect());
    if changed == text {
        return None;
    }
    let now = read(&changed);
    if is_better(diagnostics, &now, wrong) {
        return Some((changed, now));
    }
    let (left, right) = wrong.split_at(wrong.len() / 2);
    if left.is_empty() {
        return None;
    }
    try_fixes(text, diagnostics, left, read).or_else(|| try_fixes(text, diagnostics, right, read))
}

/// Whether the fixed diagnostics are gone: there are fewer syntax errors, and the others are no longer reported.
fn is_better(before: &[Diagnostic], now: &[Diagnostic], wrong: &[&Diagnostic]) -> bool {
    let unread = |diagnostics: &[Diagnostic]| diagnostics.iter().filter(|one| one.code == Code::E0101).count();
    let syntax = wrong.iter().filter(|one| one.code == Code::E0101).count();
    let gone = |wrong: &&&Diagnostic| {
        let same = |other: &&Diagnostic| other.code == wrong.code && other.message == wrong.message;
        now.iter().filter(same).count() < before.iter().filter(same).count()
    };
    unread(now) + syntax <= unread(before) && wrong.iter().filter(|one| one.code != Code::E0101).all(|one| gone(&one))
}

/// Applies fixes; of two that overlap, the first.
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
