//! Parts of an item that were skipped: whether the rest is usable without them, and the names they would have declared.

use super::{Item, Kind};
use crate::{parse::vocabulary::ITEMS, span::Span, tree::File};

/// Clauses without which the rest of an item means the same, or at least has the same columns.
const HARMLESS: &[&str] = &[
    "question", "owner", "every", "timezone", "weeks", "retire", "alerts", "no", "fresh", "expect", "watch", "skip",
    "records", "where", "sort", "take", "fill", "require", "on", "cooldown", "hands", "approval", "severity", "say",
    "to", "repeat", "at",
];

impl Item<'_> {
    pub(super) fn is_harmless(&self, span: Span, clause: Span) -> bool {
        let (_, head) = self.head();
        let first = self.tokens.iter().find(|token| token.span.start >= clause.start);
        let first = first.map_or("", |token| token.span.of(self.text));
        // A column is reported by its name.
        let column = head == "fetch" && first == "columns" && span != clause;
        let rule = ["decide", "alert"].contains(&head);
        column
            || HARMLESS.contains(&first) && (first != "at" && first != "on" && first != "to" || rule)
            || (rule && ["keep", "when", "then"].contains(&first))
    }

    /// Records the names that the skipped parts would have declared.
    pub(super) fn record_missing_names(&self, file: &mut File) {
        for (span, clause) in &self.skipped {
            let within =
                self.tokens.iter().filter(|token| span.start <= token.span.start && token.span.end <= span.end);
            let (first, second) = (within.clone().next(), within.clone().nth(1));
            let named = within.filter(|token| token.kind == Kind::Word).map(|token| token.span.of(self.text)).next();
            // `: money` among columns, `ad-group: text`: it may have any name.
            let nameless = first.is_some_and(|token| token.kind == Kind::Sign)
                || second.is_some_and(|token| token.span.of(self.text) == "-");
            let named = if nameless { Some(File::ANY_NAME) } else { named };
            file.missing_names.extend(named.map(str::to_owned));
            let first = self.tokens.iter().find(|token| token.span.start >= clause.start);
            let first = first.map_or("", |token| token.span.of(self.text));
            match self.head() {
                (_, "pipeline") => drop(file.missing_names.insert(first.to_owned())),
                (_, "test") => drop(file.missing_names.insert(File::missing_clause("test", first))),
                // What a rule can't do without, be it in the clause that was left out.
                (Some(name), "decide" | "alert") => {
                    let within = self
                        .tokens
                        .iter()
                        .filter(|token| clause.start <= token.span.start && token.span.end <= clause.end);
                    let words = within.map(|token| token.span.of(self.text));
                    let missing = words.filter(|word| ["when", "then"].contains(word));
                    file.missing_names.extend(missing.map(|word| File::missing_clause(name.of(self.text), word)));
                }
                _ => {}
            }
        }
    }

    /// Records the name of an item that could not be parsed, so that lookups of it report no further error.
    pub(super) fn record_missing_item(&self, file: &mut File) {
        let (name, head) = self.head();
        let hyphen = self.tokens.get(2).is_some_and(|token| token.span.of(self.text) == "-");
        let name = name.map(|name| name.of(self.text)).filter(|name| *name != "from" && !hyphen);
        file.missing_names.insert(match (head, name) {
            ("pipeline", _) => head.to_owned(),
            // Nobody looks for those by a name.
            ("dashboard" | "test", _) => File::missing_clause("", head),
            (_, Some(name)) => name.to_owned(),
            // `transform from a`: the name itself is missing.
            (_, None) if ITEMS.contains(&head) => File::ANY_NAME.to_owned(),
            // `target_cac = $47`: what is no item's word may be the name.
            (_, None) => head.to_owned(),
        });
    }
}
