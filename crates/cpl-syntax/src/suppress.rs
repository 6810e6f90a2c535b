//! Suppression comments: `# allow W0201: reason`. A comment applies to its own line. On a line of its own it applies
//! to the next line, or to the whole item that begins there.

use crate::{
    codes::Code,
    comments::Comment,
    diagnostic::{Diagnostic, has_errors},
    parse::scanner::{Kind, Token, items, scan},
    severity::Severity,
    span::Span,
};

/// Removes suppressed warnings and adds diagnostics about the suppressions themselves.
#[must_use]
pub fn apply_suppressions(text: &str, comments: &[Comment], mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let complete = !has_errors(&diagnostics);
    let mut places = None;
    for comment in comments.iter().filter(|comment| Suppression::codes(text, comment).is_some()) {
        let places = places.get_or_insert_with(|| Places::of(text));
        let Some(suppression) = Suppression::of(text, comment, places) else { continue };
        if suppression.reason.is_empty() {
            diagnostics.push(
                Diagnostic::new(Code::W0301, "a warning is silenced for a reason")
                    .at(comment.span, "why?")
                    .help(format!("write `# allow {}: WHY`", suppression.codes.join(", "))),
            );
            continue;
        }
        for code in &suppression.codes {
            let before = diagnostics.len();
            diagnostics.retain(|diagnostic| !suppression.covers(diagnostic, code));
            if before == diagnostics.len() && complete {
                diagnostics.push(
                    Diagnostic::new(Code::W0302, format!("nothing here is warned of by {code}"))
                        .at(comment.span, "silences nothing")
                        .help("take it out, or put it where the warning is"),
                );
            }
        }
    }
    diagnostics.sort_by_key(Diagnostic::start);
    diagnostics
}

struct Suppression<'t> {
    codes: Vec<&'t str>,
    reason: &'t str,
    scope: Span,
}

/// Where tokens and items begin.
struct Places {
    tokens: Vec<Token>,
    items: Vec<Span>,
}

impl Places {
    fn of(text: &str) -> Self {
        let (tokens, _) = scan(text, Span::new(0, text.len()));
        let mut items = items(text);
        // The first part holds what stands before its item.
        if let (Some(first), Some(token)) = (items.first_mut(), tokens.first()) {
            first.start = token.span.start;
        }
        Self { tokens, items }
    }
}

impl<'t> Suppression<'t> {
    /// The codes and the reason of a suppression comment.
    fn codes(text: &'t str, comment: &Comment) -> Option<(Vec<&'t str>, &'t str)> {
        let written = comment.span.of(text).trim_start_matches('#').trim().strip_prefix("allow ")?;
        let (codes, reason) = match written.split_once(':') {
            Some(parts) => parts,
            // Without a colon it has no reason.
            None => (written.split_whitespace().next().unwrap_or_default(), ""),
        };
        let codes: Vec<&str> = codes.split(',').map(str::trim).collect();
        let is_code = |code: &&str| {
            code.len() == 5 && code.starts_with(['W', 'H']) && code.bytes().skip(1).all(|b| b.is_ascii_digit())
        };
        codes.iter().all(is_code).then_some((codes, reason.trim()))
    }

    fn of(text: &'t str, comment: &Comment, places: &Places) -> Option<Self> {
        let (codes, reason) = Self::codes(text, comment)?;
        Some(Self { codes, reason, scope: scope(text, comment.span, places) })
    }

    fn covers(&self, diagnostic: &Diagnostic, code: &str) -> bool {
        let within = diagnostic
            .labels
            .first()
            .is_some_and(|label| self.scope.start <= label.span.start && label.span.start < self.scope.end);
        within && diagnostic.severity() < Severity::Error && diagnostic.code.as_str() == code
    }
}

/// The span to which a suppression comment applies.
fn scope(text: &str, comment: Span, places: &Places) -> Span {
    let line_start = text[..comment.start].rfind('\n').map_or(0, |end| end + 1);
    if !text[line_start..comment.start].trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}').is_empty() {
        return Span::new(line_start, comment.end);
    }
    let next = places.tokens.partition_point(|token| token.span.start < comment.end);
    let Some(next) = places.tokens.get(next).filter(|token| token.kind == Kind::Word).map(|token| token.span.start)
    else {
        return Span::new(comment.start, comment.end);
    };
    let line_end = text[next..].find('\n').map_or(text.len(), |end| next + end);
    match places.items.binary_search_by_key(&next, |item| item.start) {
        Ok(item) => places.items[item],
        Err(_) => Span::new(next, line_end),
    }
}
