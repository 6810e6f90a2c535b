//! Renders diagnostics: by miette, or as JSON.

use std::{fmt, path::Path};

use cpl_syntax::{Diagnostic, Severity, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::Io;

/// A diagnostic as miette wants it.
#[derive(Debug)]
struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    source: &'a WholeLines<'a>,
}

/// The bytes of a line that are shown on either side of a place.
const CONTEXT_BYTES: usize = 1_000;

/// A file of which only whole lines are shown, without context lines.
#[derive(Debug)]
struct WholeLines<'a> {
    name: String,
    lines: Lines<'a>,
}

/// A text and where its lines begin.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Letters of long lines, some hundred apart, and the columns before them: one may hold a thousand mistakes.
    passed: Vec<(usize, usize)>,
}

/// A line of at least this many bytes is long.
const LONG: usize = 4_096;
/// The distance between stored letters of a long line.
const CHECKPOINT_DISTANCE: usize = 256;

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut passed = Vec::new();
        for (number, start) in starts.iter().enumerate() {
            let line = &text[*start..starts.get(number + 1).map_or(text.len(), |next| next - 1)];
            if line.len() > LONG {
                passed.extend(columns(line, 0).step_by(CHECKPOINT_DISTANCE).map(|(at, column)| (start + at, column)));
            }
        }
        Self { text, starts, passed }
    }

    /// The line of a place, counted from 0.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Line and column, both counted from 1, as an editor shows them.
    pub fn shown(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        (line + 1, self.column(line, at) + 1)
    }

    /// Columns before a place of the line, both counted from 0.
    fn column(&self, line: usize, at: usize) -> usize {
        let before = self.passed.partition_point(|letter| letter.0 <= at).checked_sub(1);
        let near = before.map(|before| self.passed[before]).filter(|near| near.0 >= self.starts[line]);
        let (start, column) = near.unwrap_or((self.starts[line], 0));
        columns(&self.text[start..at.min(self.text.len())], column).last().map_or(column, |(_, column)| column)
    }

    /// Line and column, both counted from 1, columns in code points.
    pub fn points(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        (line + 1, self.text[self.starts[line]..at.min(self.text.len())].chars().count() + 1)
    }
}

impl SourceCode for WholeLines<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let Lines { text, starts, .. } = &self.lines;
        let last = (span.offset() + span.len()).saturating_sub(1).max(span.offset());
        if span.offset() + span.len() > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let (first, last) = (self.lines.line(span.offset()), self.lines.line(last));
        let start = starts[first];
        let end = starts.get(last + 1).map_or(text.len(), |next| next - 1);
        let end = start + text[start..end].trim_end_matches('\r').len();
        // Of a very long line what stands around the place is enough.
        let start = text.floor_char_boundary(start.max(span.offset().saturating_sub(CONTEXT_BYTES)));
        let end = text.ceil_char_boundary(end.min(span.offset() + span.len() + CONTEXT_BYTES));
        let whole = SourceSpan::new(start.into(), end - start);
        // The place shown is the span's, not its line's.
        let column = self.lines.column(first, span.offset());
        let data = &text.as_bytes()[start..end];
        let lines = last - first + 1;
        Ok(Box::new(MietteSpanContents::new_named(self.name.clone(), data, whole, first, column, lines)))
    }
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Rendered<'_> {}

impl miette::Diagnostic for Rendered<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(self.diagnostic.code.as_str()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Hint => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        (!self.diagnostic.labels.is_empty()).then_some(self.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diagnostic.labels.iter();
        Some(Box::new(labels.map(|label| LabeledSpan::new_with_span(Some(label.text.clone()), label.span.range()))))
    }
}

/// Renders diagnostics of a file to the error stream.
pub fn render(diagnostics: &[Diagnostic], path: &Path, text: &str, io: &mut Io<'_>) {
    let theme = if io.colour_err { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let width = io.width.unwrap_or(80).clamp(40, 120);
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false).with_context_lines(0);
    let source = WholeLines { name: path.display().to_string(), lines: Lines::of(text) };
    for diagnostic in diagnostics {
        let mut rendered = String::new();
        if handler.render_report(&mut rendered, &Rendered { diagnostic, source: &source }).is_ok() {
            let trimmed = rendered.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            let _ = writeln!(io.err, "{}\n", trimmed.trim_matches('\n'));
        }
    }
}

/// A diagnostic as JSON; lines and columns count from 1, as an editor shows them, bytes from 0.
pub fn as_json(diagnostic: &Diagnostic, path: &Path, lines: &Lines<'_>) -> Value {
    let at = |at: usize| {
        let (line, column) = lines.shown(at);
        json!({ "line": line, "column": column, "byte": at })
    };
    let span = |span: Span| (at(span.start), at(span.end));
    let fixes: Vec<Value> = diagnostic
        .fixes
        .iter()
        .map(|fix| {
            let (start, end) = span(fix.span);
            json!({ "start": start, "end": end, "instead": fix.instead, "sure": fix.sure })
        })
        .collect();
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let (start, end) = span(label.span);
            json!({ "start": start, "end": end, "text": label.text })
        })
        .collect();
    json!({
        "file": path.display().to_string(),
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity().word(),
        "message": diagnostic.message,
        "labels": labels,
        "help": diagnostic.help,
        "fixes": fixes,
    })
}

/// Where each letter of a text ends, and the columns up to there: one with its accents takes one, a wide one two, a tab
/// goes to the next fourth.
fn columns(text: &str, first: usize) -> impl Iterator<Item = (usize, usize)> {
    const TAB: usize = 4;
    text.grapheme_indices(true).scan(first, |column, (at, letter)| {
        *column = if letter == "\t" { (*column / TAB + 1) * TAB } else { *column + letter.width().clamp(1, 2) };
        Some((at + letter.len(), *column))
    })
}

/// Reports a usage error.
pub fn usage_error(why: &str, io: &mut Io<'_>) -> u8 {
    let _ = writeln!(io.err, "error: {why}");
    crate::USAGE_ERROR
}
