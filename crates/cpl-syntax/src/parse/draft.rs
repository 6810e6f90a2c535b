//! A part of a text as it would be without its mistakes, so that what stands behind them is read too.

use crate::span::Span;

/// A part of a text and what was changed in it.
pub struct Draft<'t> {
    text: &'t str,
    part: Span,
    /// Places of the text and what stands there instead, in order, none in another.
    edits: Vec<(Span, String)>,
}

impl<'t> Draft<'t> {
    pub fn of(text: &'t str, part: Span) -> Self {
        Self { text, part, edits: Vec::new() }
    }

    /// Puts something in the place of what stands there; earlier changes within are gone.
    pub fn edit(&mut self, span: Span, instead: String) {
        self.edits.retain(|(before, _)| before.end <= span.start || before.start >= span.end);
        // What is put in at a place stands ahead of what is changed from there on.
        let at = self.edits.partition_point(|(before, _)| before.end <= span.start);
        self.edits.insert(at, (span, instead));
    }

    /// Whether something was changed there.
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

    /// The span in the text of a span in the draft.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let start = self.original(start, false);
        Span::new(start, self.original(end, true).max(start))
    }

    /// The place in the text of a place in the draft; of an end, ahead of what was taken out there.
    pub fn original(&self, place: usize, end: bool) -> usize {
        // How far the draft has come, and the text.
        let (mut draft, mut text) = (0, self.part.start);
        for (span, instead) in &self.edits {
            let same = span.start - text;
            if place < draft + same || (end && place == draft + same) {
                break;
            }
            (draft, text) = (draft + same, span.start);
            if place < draft + instead.len() {
                let within = (text + (place - draft)).min(span.end);
                // Never within a letter.
                return (span.start..=within).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(span.start);
            }
            (draft, text) = (draft + instead.len(), span.end);
        }
        (text + (place - draft)).min(self.part.end)
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;
    use crate::span::Span;

    #[test]
    fn places_are_those_of_the_text() {
        let text = "ab && cd == ef";
        let mut draft = Draft::of(text, Span::new(0, text.len()));
        draft.edit(Span::new(9, 11), "=".to_owned());
        draft.edit(Span::new(3, 5), "and".to_owned());
        assert_eq!(draft.text(), "ab and cd = ef");
        let places: Vec<usize> = (0..=14).map(|place| draft.original(place, false)).collect();
        // Something put in where something else is taken out, whichever comes first.
        for edits in [[(3, 3), (3, 5)], [(3, 5), (3, 3)]] {
            let mut draft = Draft::of(text, Span::new(0, text.len()));
            for (start, end) in edits {
                draft.edit(Span::new(start, end), "+".to_owned());
            }
            assert_eq!(draft.text(), "ab ++ cd == ef");
        }
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 11, 12, 13, 14]);
    }
}
