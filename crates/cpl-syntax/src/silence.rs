//! Warnings that a comment silences: `# allow W0201: why`, at the end of the line that is meant, or on the line
//! ahead of it; ahead of an item it is meant for all of it.

use crate::{
    codes::Code,
    comments::Comment,
    diagnostic::{Diagnostic, Severity, has_errors},
    parse::outline::{Kind, items, outline},
    span::Span,
};

/// The diagnostics without those that are silenced; and what is to be said of the silences.
#[must_use]
pub fn silenced(text: &str, comments: &[Comment], mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let complete = !has_errors(&diagnostics);
    for comment in comments {
        let Some(silence) = Silence::of(text, comment) else { continue };
        if silence.reason.is_empty() {
            diagnostics.push(
                Diagnostic::new(Code::W0301, "a warning is silenced for a reason")
                    .at(comment.span, "why?")
                    .help(format!("write `# allow {}: WHY`", silence.codes.join(", "))),
            );
            continue;
        }
        for code in &silence.codes {
            let before = diagnostics.len();
            diagnostics.retain(|diagnostic| !silence.covers(diagnostic, code));
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

struct Silence<'t> {
    codes: Vec<&'t str>,
    reason: &'t str,
    scope: Span,
}

impl<'t> Silence<'t> {
    fn of(text: &'t str, comment: &Comment) -> Option<Self> {
        let written = comment.span.of(text).trim_start_matches('#').trim().strip_prefix("allow ")?;
        let (codes, reason) = written.split_once(':').unwrap_or((written, ""));
        let codes: Vec<&str> = codes.split(',').map(str::trim).collect();
        let is_code =
            |code: &&str| code.len() == 5 && code.starts_with('W') && code[1..].bytes().all(|b| b.is_ascii_digit());
        codes.iter().all(is_code).then(|| Self { codes, reason: reason.trim(), scope: scope(text, comment.span) })
    }

    fn covers(&self, diagnostic: &Diagnostic, code: &str) -> bool {
        let within = diagnostic
            .labels
            .first()
            .is_some_and(|label| self.scope.start <= label.span.start && label.span.start < self.scope.end);
        within && diagnostic.severity() == Severity::Warning && diagnostic.code.as_str() == code
    }
}

/// What a comment is meant for.
fn scope(text: &str, comment: Span) -> Span {
    let line_start = text[..comment.start].rfind('\n').map_or(0, |end| end + 1);
    if !text[line_start..comment.start].trim().is_empty() {
        return Span::new(line_start, comment.end);
    }
    let (tokens, _) = outline(text, Span::new(comment.end, text.len()));
    let Some(next) = tokens.first().filter(|token| token.kind == Kind::Word).map(|token| token.span.start) else {
        return Span::new(comment.start, comment.end);
    };
    let parts = items(text);
    let first = outline(text, Span::new(0, text.len())).0.first().map_or(0, |token| token.span.start);
    let item = parts.iter().find(|part| part.start == next || (part.start == 0 && next == first));
    let line_end = text[next..].find('\n').map_or(text.len(), |end| next + end);
    item.map_or(Span::new(next, line_end), |item| Span::new(next, item.end))
}
