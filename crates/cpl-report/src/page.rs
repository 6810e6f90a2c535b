//! Lines of text, in a terminal's style.

use cpl_model::report::{Pairs, RunReport};

use crate::paint::{Ink, TerminalStyle};

/// Lines of text, in a terminal's style.
pub struct Page {
    pub style: TerminalStyle,
    text: String,
}

impl Page {
    pub fn new(style: TerminalStyle) -> Self {
        Self { style, text: String::new() }
    }

    pub fn text(self) -> String {
        self.text
    }

    pub fn paint(&self, ink: Ink, text: &str) -> String {
        self.style.paint(ink, text)
    }

    pub fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// A line that goes on, indented, where it is too long.
    pub fn wrapped(&mut self, first: &str, rest: usize, text: &str) {
        let indent = " ".repeat(rest);
        for line in textwrap::wrap(text, self.options().initial_indent(first).subsequent_indent(&indent)) {
            self.line(&line);
        }
    }

    /// Lines break between words alone: not behind the sign of an amount.
    fn options(&self) -> textwrap::Options<'static> {
        textwrap::Options::new(self.style.width).word_separator(textwrap::WordSeparator::AsciiSpace)
    }

    pub fn faint(&mut self, text: &str) {
        let text = self.paint(Ink::Faint, text);
        self.line(&text);
    }

    pub fn faint_wrapped(&mut self, first: &str, text: &str) {
        for line in textwrap::wrap(text, self.options().initial_indent(first).subsequent_indent("    ")) {
            self.faint(&line);
        }
    }

    pub fn title(&mut self, title: &str, more: &str) {
        let (title, more) = (self.paint(Ink::Strong, title), self.paint(Ink::Faint, more));
        self.line("");
        self.line(&format!("{title}  {more}"));
    }

    /// The pipeline and its window.
    pub fn pipeline(&mut self, report: &RunReport) {
        let window = format!("window {}", window(report));
        let gap = self.style.width.saturating_sub(report.pipeline.chars().count() + window.chars().count()).max(2);
        let name = self.paint(Ink::Strong, &report.pipeline);
        self.line(&format!("{name}{}{}", " ".repeat(gap), self.paint(Ink::Faint, &window)));
    }
}

/// The window's start: `2026-11-20 07:00`.
pub fn window(report: &RunReport) -> String {
    moment(&report.window.start)
}

/// A moment of the report, as a person reads it: `2026-11-20 07:00`.
pub fn moment(iso: &str) -> String {
    let moment = iso.replace('T', " ");
    moment.get(..16).unwrap_or(&moment).to_owned()
}

/// `cut tiktok`: a rule and the row that it looks at.
pub fn row_name(rule: &str, key: &Pairs) -> String {
    let key: Vec<String> = key.0.iter().map(|(_, value)| value.to_string()).collect();
    if key.is_empty() { rule.to_owned() } else { format!("{rule} {}", key.join(", ")) }
}

/// `2 held, 8 quiet`, without what there is none of.
pub fn counted(counts: &[(usize, &str)]) -> String {
    let shown: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// `1 effect`, `4 effects`
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
