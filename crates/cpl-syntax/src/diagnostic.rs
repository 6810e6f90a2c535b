//! Diagnostics as plain data. The command line renders them; tests compare them.

use crate::{codes::Code, severity::Severity, span::Span};

/// A place that matters to a diagnostic, and what it has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there, in the analyst's words.
    pub text: String,
}

/// One diagnostic: what is wrong, where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its stable code, which also gives its severity.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The places; the first is the cause. Empty if the diagnostic concerns the whole file.
    pub labels: Vec<Label>,
    /// What to do about it, where that is known.
    pub help: Option<String>,
    /// Proposed fixes.
    pub fixes: Vec<Fix>,
}

/// A change of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The text to replace.
    pub span: Span,
    /// The replacement.
    pub instead: String,
    /// The fix is unambiguous and may be applied without confirmation.
    pub sure: bool,
}

impl Diagnostic {
    /// A diagnostic with no place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None, fixes: Vec::new() }
    }

    /// Adds a place and what it has to do with it.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds a safe fix.
    #[must_use]
    pub fn fix(mut self, span: Span, instead: impl Into<String>) -> Self {
        self.fixes.push(Fix { span, instead: instead.into(), sure: true });
        self
    }

    /// Adds a suggested fix, which needs confirmation.
    #[must_use]
    pub fn offer(mut self, span: Span, instead: impl Into<String>) -> Self {
        self.fixes.push(Fix { span, instead: instead.into(), sure: false });
        self
    }

    /// Adds a fix: a safe one, or one that needs confirmation.
    #[must_use]
    pub fn change(self, span: Span, instead: impl Into<String>, sure: bool) -> Self {
        if sure { self.fix(span, instead) } else { self.offer(span, instead) }
    }

    /// The severity of its code.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Where to point first: the start of the first label, else the file's start.
    #[must_use]
    pub fn start(&self) -> usize {
        self.labels.first().map_or(0, |label| label.span.start)
    }
}

/// The most syntax errors that are reported for one file.
pub const MAX_DIAGNOSTICS: usize = 1_000;

/// Whether the text was not read, or not to its end: then there is no tree to go on with.
#[must_use]
pub fn is_unreadable(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.len() >= MAX_DIAGNOSTICS || diagnostics.iter().any(|d| matches!(d.code, Code::E0108 | Code::E0109))
}

/// Whether any of them keeps the pipeline from running.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}

/// The candidate with the smallest edit distance to `wanted`, if it is near enough; of several the first.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(d, name)| *d <= (wanted.len().max(name.len()) / 3).max(1) && *d < wanted.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// The nearest candidate, and whether it is the only one at its distance.
pub fn did_you_mean<'a>(wanted: &str, candidates: &[&'a str]) -> Option<(&'a str, bool)> {
    let wanted = wanted.to_lowercase();
    let near = nearest(&wanted, candidates.iter().copied()).filter(|near| *near != wanted)?;
    let away = distance(&wanted, near);
    // Of two letters one is half: much else may be meant.
    let sure = wanted.len() > 2 && candidates.iter().all(|other| *other == near || distance(&wanted, other) > away);
    Some((near, sure))
}

/// Whether the edit distance is 1.
pub fn is_near(a: &str, b: &str) -> bool {
    distance(a, b) == 1
}

/// Edit distance (optimal string alignment): deletions, insertions, substitutions and transpositions.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (mut older, mut old): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = old[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(old[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(older[j - 2] + 1);
            }
            row.push(least);
        }
        (older, old) = (old, row);
    }
    old[b.len()]
}
