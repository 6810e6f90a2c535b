//! A text with its syntax errors patched, so that the parser can read on after them.

use crate::span::Span;

/// A part of a text, and the edits made to it.
pub struct PatchedText<'t> {
    text: &'t str,
    part: Span,
    /// Replaced spans and their replacements, in order and disjoint.
    edits: Vec<(Span, String)>,
}

impl<'t> PatchedText<'t> {
    pub fn of(text: &'t str, part: Span) -> Self {
        Self { text, part, edits: Vec::new() }
    }

    /// Replaces a span; earlier edits inside it are discarded.
    pub fn edit(&mut self, span: Span, instead: String) {
        self.edits.retain(|(before, _)| before.end <= span.start || before.start >= span.end);
        // What is put in at a place stands ahead of what is changed from there on.
        let at = self.edits.partition_point(|(before, _)| before.end <= span.start);
        self.edits.insert(at, (span, instead));
    }

    /// Whether an edit touches the span.
    pub fn touches(&self, span: Span) -> bool {
        self.edits
            .iter()
            .any(|(edit, _)| edit.start < span.end.max(span.start + 1) && span.start < edit.end.max(edit.start + 1))
    }

    pub fn text(&self) -> String {
        let (mut made, mut at) = (String::new(), self.part.start);
        for (span, instead) in &self.edits {
            made.push_str(&self.text[at..span.start]);
            made.push_str(instead);
            at = span.end;
        }
        made.push_str(&self.text[at..self.part.end]);
        made
    }

    /// Maps a span of the patched text to the original text.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let start = self.original(start, false);
        Span::new(start, self.original(end, true).max(start))
    }

    /// Maps an offset of the patched text to the original text. The end of a span maps to before a deleted part.
    pub fn original(&self, place: usize, end: bool) -> usize {
        // How far the draft has come, and the text.
        let (mut patched, mut text) = (0, self.part.start);
        for (span, instead) in &self.edits {
            let same = span.start - text;
            if place < patched + same || (end && place == patched + same) {
                break;
            }
            (patched, text) = (patched + same, span.start);
            if place < patched + instead.len() {
                let within = (text + (place - patched)).min(span.end);
                // Never within a letter.
                return (span.start..=within).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(span.start);
            }
            (patched, text) = (patched + instead.len(), span.end);
        }
        (text + (place - patched)).min(self.part.end)
    }
}

#[cfg(test)]
mod tests {
    use super::PatchedText;
    use crate::span::Span;

    #[test]
    fn places_are_those_of_the_text() {
        let text = "ab && cd == ef";
        let mut patched = PatchedText::of(text, Span::new(0, text.len()));
        patched.edit(Span::new(9, 11), "=".to_owned());
        patched.edit(Span::new(3, 5), "and".to_owned());
        assert_eq!(patched.text(), "ab and cd = ef");
        let places: Vec<usize> = (0..=14).map(|place| patched.original(place, false)).collect();
        // Something put in where something else is taken out, whichever comes first.
        for edits in [[(3, 3), (3, 5)], [(3, 5), (3, 3)]] {
            let mut patched = PatchedText::of(text, Span::new(0, text.len()));
            for (start, end) in edits {
                patched.edit(Span::new(start, end), "+".to_owned());
            }
            assert_eq!(patched.text(), "ab ++ cd == ef");
        }
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 11, 12, 13, 14]);
    }
}
