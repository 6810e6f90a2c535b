//! `cpl check --fix`: what can have been meant in one way only is changed in the text.

use cpl_syntax::Fix;

use crate::{
    Io,
    args::When,
    load::{Loaded, of_text},
};

/// One change may show the next mistake: so many rounds.
const ROUNDS: usize = 20;

/// The text without the mistakes that can be mended without asking.
pub fn mended(loaded: &Loaded, when: &When, io: &Io<'_>) -> String {
    let (mut text, mut diagnostics) = (loaded.text.clone(), loaded.diagnostics.clone());
    for _ in 0..ROUNDS {
        let fixes = diagnostics.iter().flat_map(|diagnostic| &diagnostic.fixes).filter(|fix| fix.sure);
        let changed = applied(&text, fixes.collect());
        if changed == text {
            break;
        }
        text = changed;
        diagnostics = of_text(&loaded.path, text.clone(), when, io).diagnostics;
    }
    text
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
