//! The diagnostics of a file, and the proof that one was reported.

use cpl_syntax::{Code, Diagnostic, Severity, has_errors};

/// The most diagnostics of one file.
const MAX_DIAGNOSTICS: usize = 1_000;
/// The most labels of one diagnostic.
const MAX_LABELS: usize = 8;

/// An error was reported: what depends on the value reports nothing more.
///
/// `fail` makes one with its diagnostic. A check that makes one by `earlier` names nothing: it relies on a diagnostic of
/// another place, and a file that is refused without any fails an assertion of debug builds.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

impl Reported {
    /// The error was reported before: by the parser, for a name that could not be read, or at another place.
    pub fn earlier() -> Self {
        Self(())
    }
}

/// A value, or the proof that its error was reported.
pub type Checked<T> = Result<T, Reported>;

/// Collects diagnostics up to a limit.
#[derive(Default)]
pub struct Reporter {
    diagnostics: Vec<Diagnostic>,
    /// The number of diagnostics that were dropped because of the limit.
    suppressed: usize,
}

impl Reporter {
    /// Adds a diagnostic. Over the limit it is only counted, but the first error is always kept.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let first_error = || diagnostic.severity() == Severity::Error && !has_errors(&self.diagnostics);
        if self.diagnostics.len() < MAX_DIAGNOSTICS || first_error() {
            self.diagnostics.push(diagnostic);
        } else {
            self.suppressed += 1;
        }
    }

    /// Reports an error, and returns it for the caller to return.
    pub fn fail<T>(&mut self, diagnostic: Diagnostic) -> Checked<T> {
        debug_assert_eq!(diagnostic.severity(), Severity::Error, "{}", diagnostic.message);
        self.report(diagnostic);
        Err(Reported(()))
    }

    /// Reports an error even over the limit.
    pub fn fail_always<T>(&mut self, diagnostic: Diagnostic) -> Checked<T> {
        self.diagnostics.push(diagnostic);
        Err(Reported(()))
    }

    /// Fails if the limit of diagnostics is reached: checking stops.
    pub fn check_room(&mut self) -> Checked<()> {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            return Ok(());
        }
        self.suppressed += 1;
        Err(Reported(()))
    }

    /// Whether an error was reported.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// A mark before diagnostics that follow, for `since` and `retain_since`.
    pub fn mark(&self) -> usize {
        self.diagnostics.len()
    }

    /// The diagnostics reported since a mark.
    pub fn since(&mut self, mark: usize) -> &mut [Diagnostic] {
        &mut self.diagnostics[mark..]
    }

    /// Drops diagnostics reported since a mark that another one makes needless.
    pub fn retain_since(&mut self, mark: usize, keep: impl Fn(&Diagnostic) -> bool) {
        let new = self.diagnostics.split_off(mark);
        self.diagnostics.extend(new.into_iter().filter(keep));
    }

    /// The diagnostics in the order of the text; one that was reported at several uses has a label for each.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.report_suppressed();
        let mut diagnostics = self.diagnostics;
        diagnostics.sort_by_key(Diagnostic::start);
        diagnostics.dedup_by(|again, before| {
            let same = again.code == before.code
                && again.message == before.message
                && again.labels.first() == before.labels.first();
            if same {
                // A metric's mistake is reported once, with all who use it.
                let more = std::mem::take(&mut again.labels).into_iter().filter(|label| !before.labels.contains(label));
                before.labels.extend(more.collect::<Vec<_>>());
                before.labels.truncate(MAX_LABELS);
            }
            same
        });
        diagnostics
    }

    /// Says that diagnostics were dropped: an error if there are errors, else a warning.
    fn report_suppressed(&mut self) {
        if self.suppressed == 0 {
            return;
        }
        let code = if self.has_errors() { Code::E0109 } else { Code::W0101 };
        let message = format!("too many diagnostics: the first {MAX_DIAGNOSTICS} are shown");
        self.diagnostics.push(Diagnostic::new(code, message).help("correct those first"));
    }
}
