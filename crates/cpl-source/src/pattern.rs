//! Patterns of paths: `*` stands for any letters but `/`, `**` for any folders; no other sign is special.

use glob::{MatchOptions, Pattern};

/// A pattern of paths.
#[derive(Clone, Debug)]
pub struct PathPattern {
    /// The folders before the first star, without a `/` at their end.
    pub base: String,
    /// How many parts stand behind them; none where there may be any number.
    pub depth: Option<usize>,
    /// A part of it begins with a point: it means what is hidden too.
    pub hidden: bool,
    pattern: Pattern,
}

impl PathPattern {
    /// Of a text; none where letters stand in the same part as `**`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let star = parts.iter().position(|part| part.contains('*')).unwrap_or(parts.len());
        let (base, wanted) = (parts[..star].join("/"), &parts[star..]);
        let pattern = wanted.iter().map(|part| part.split('*').map(Pattern::escape).collect::<Vec<_>>().join("*"));
        let pattern = Pattern::new(&pattern.collect::<Vec<_>>().join("/")).ok()?;
        let depth = if wanted.contains(&"**") { None } else { Some(wanted.len()) };
        Some(Self { base, depth, hidden: wanted.iter().any(|part| part.starts_with('.')), pattern })
    }

    /// Whether a path fits, which begins behind the base.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        // As in a shell, a star does not stand for the point of a hidden name.
        let options =
            MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..MatchOptions::new() };
        self.pattern.matches_with(path, options)
    }
}
