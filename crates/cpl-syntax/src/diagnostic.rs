//! What cpl says about a pipeline: plain facts. The program draws them; a test compares them.

use crate::{codes::Code, severity::Severity, span::Span};

/// A place that matters to a diagnostic, and what it has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands there, in the analyst's words.
    pub text: String,
}

/// One thing that is wrong: what, where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its stable code, which also gives its severity.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The places, the first of them the cause. Empty where the file as a whole is meant.
    pub labels: Vec<Label>,
    /// What to do about it, where that is known.
    pub help: Option<String>,
    /// What can be changed in the file so that it is right, and means what was meant.
    pub fixes: Vec<Fix>,
}

/// A change of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What goes.
    pub span: Span,
    /// What comes in its place.
    pub instead: String,
    /// Nothing else can have been meant: it may be changed without asking.
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

    /// Adds a change that mends it.
    #[must_use]
    pub fn fix(mut self, span: Span, instead: impl Into<String>) -> Self {
        self.fixes.push(Fix { span, instead: instead.into(), sure: true });
        self
    }

    /// Adds a change that may have been meant.
    #[must_use]
    pub fn offer(mut self, span: Span, instead: impl Into<String>) -> Self {
        self.fixes.push(Fix { span, instead: instead.into(), sure: false });
        self
    }

    /// Adds a change that mends it, or one that may have been meant.
    #[must_use]
    pub fn change(self, span: Span, instead: impl Into<String>, sure: bool) -> Self {
        if sure { self.fix(span, instead) } else { self.offer(span, instead) }
    }

    /// Error or warning, as its code says.
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

/// So many mistakes of how a file is written are told, and no more.
pub const MOST_TOLD: usize = 1_000;

/// Whether the text was not read, or not to its end: then there is no tree to go on with.
#[must_use]
pub fn is_unreadable(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.len() >= MOST_TOLD || diagnostics.iter().any(|d| matches!(d.code, Code::E0108 | Code::E0109))
}

/// Whether any of them keeps the pipeline from running.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity() == Severity::Error)
}

/// The name nearest to `wanted` among those that fit, if it is near enough to be meant; of several the first.
pub fn nearest<'a>(wanted: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    among
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(d, name)| *d <= (wanted.len().max(name.len()) / 3).max(1) && *d < wanted.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// The nearest name, and whether no other is as near.
pub fn meant<'a>(wanted: &str, among: &[&'a str]) -> Option<(&'a str, bool)> {
    let wanted = wanted.to_lowercase();
    let near = nearest(&wanted, among.iter().copied()).filter(|near| *near != wanted)?;
    let away = distance(&wanted, near);
    // Of two letters one is half: much else may be meant.
    let sure = wanted.len() > 2 && among.iter().all(|other| *other == near || distance(&wanted, other) > away);
    Some((near, sure))
}

/// Whether one letter makes the one of the other.
pub fn is_near(a: &str, b: &str) -> bool {
    distance(a, b) == 1
}

/// How many letters are left out, put in, changed, or stand in each other's place (optimal string alignment).
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
