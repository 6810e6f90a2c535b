//! Colour, if the terminal has it. Signs carry the same information.

use anstyle::{AnsiColor, Style};

/// How wide and how coloured a terminal is.
#[derive(Clone, Copy, Debug)]
pub struct TerminalStyle {
    /// Columns.
    pub width: usize,
    /// Whether it shows colour.
    pub colour: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug)]
pub enum Ink {
    Strong,
    Faint,
    Good,
    Bad,
    Warn,
    /// What must not be overlooked: in the colours of the background.
    Loud,
}

impl TerminalStyle {
    /// The text in its ink.
    #[must_use]
    pub fn paint(self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match ink {
            Ink::Strong => Style::new().bold(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
            Ink::Warn => AnsiColor::Yellow.on_default(),
            Ink::Loud => Style::new().bold().invert(),
        };
        format!("{style}{text}{style:#}")
    }
}
