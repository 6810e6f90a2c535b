//! Text → the same text in the one style.
//!
//! Tokens stay as they are, but for the commas between items of a list in braces; what changes is the white space
//! around them. A list that was written on one line stays there if it fits; else it has one item a line.

mod align;
mod breaks;
mod layout;
mod roles;
mod tokens;

/// Columns of a line.
const WIDTH: usize = 100;
/// Blanks of one step.
const STEP: usize = 2;

/// The text in the one style; none where it can't be parsed.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    // A line ends in one way: as the first does.
    let crlf = text.find('\n').is_some_and(|end| text[..end].ends_with('\r'));
    let text = &text.replace("\r\n", "\n");
    // What a text holds is bounded before anything walks it.
    let items = crate::parse::scanner::items(text);
    if crate::parse::over_limit(text, &items).is_some() {
        return None;
    }
    let mut roles = roles::TokenRoles::default();
    for (part, pairs) in crate::parse::pieces(text, items) {
        roles.add(pairs?, part.start, text);
    }
    if roles.broken_text {
        return None;
    }
    let lines = layout::Layout::of(text, &roles).lines();
    let formatted = align::aligned(&lines);
    let bom = if text.starts_with('\u{FEFF}') { "\u{FEFF}" } else { "" };
    let formatted = format!("{bom}{formatted}");
    Some(if crlf { formatted.replace('\n', "\r\n") } else { formatted })
}

#[cfg(test)]
mod tests;
