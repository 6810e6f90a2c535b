//! What an editor asks of a file: where a name is defined and used, and the type of each expression.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use cpl_syntax::{Name, Span};

use cpl_model::types::Type;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A `let`.
    Let,
    /// A `metric`.
    Metric,
    /// A `fetch` or a `transform`.
    Table,
    /// A column of a table.
    Column,
    /// A `decide` or an `alert`.
    Rule,
    /// A `target`.
    Target,
}

/// Where a name is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: NameKind,
    /// The name in its definition.
    pub span: Span,
}

/// Definitions, uses and types by place; what could be checked of it where the file has errors.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// By the start of their spans; one definition may be recorded by several tables that hand a column on.
    definitions: BTreeMap<Place, Definition>,
    /// The place of a use, and of what it names. In a metric one place may name the columns of several tables.
    uses: BTreeSet<(Place, Place)>,
    /// The definitions that something uses.
    used: BTreeSet<Place>,
    /// The type of each expression, by its place.
    types: BTreeMap<Place, Type>,
}

/// The start and the end of a span, in bytes.
type Place = (usize, usize);

impl Analysis {
    /// The definitions, in the order of the text.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// What the name at a byte offset stands for: what it defines, then what it is a use of. A metric that is named
    /// alone in a group is both.
    #[must_use]
    pub fn definitions_at(&self, offset: usize) -> Vec<&Definition> {
        let own = self.definitions.values().filter(|definition| holds(place(definition.span), offset));
        let used = self.uses.iter().filter(|(at, _)| holds(*at, offset));
        own.chain(used.filter_map(|(_, definition)| self.definitions.get(definition))).collect()
    }

    /// Where a definition is used, in the order of the text.
    pub fn uses_of(&self, definition: &Definition) -> impl Iterator<Item = Span> {
        let wanted = place(definition.span);
        self.uses.iter().filter(move |(_, used)| *used == wanted).map(|(at, _)| Span::new(at.0, at.1))
    }

    /// The innermost expression at a byte offset, and its type.
    #[must_use]
    pub fn type_at(&self, offset: usize) -> Option<(Span, Type)> {
        let around = self.types.iter().filter(|(at, _)| holds(**at, offset));
        let (at, ty) = around.min_by_key(|((start, end), _)| end - start)?;
        Some((Span::new(at.0, at.1), *ty))
    }

    /// Records a definition.
    pub fn define(&mut self, kind: NameKind, name: &str, span: Span) {
        let definition = Definition { name: name.to_owned(), kind, span };
        self.definitions.entry(place(span)).or_insert(definition);
    }

    /// Records that a place names a definition.
    pub fn record_use(&mut self, at: Span, definition: Span) {
        if at != definition {
            self.uses.insert((place(at), place(definition)));
            self.used.insert(place(definition));
        }
    }

    /// Records the type of an expression.
    pub fn record_type(&mut self, at: Span, ty: Type) {
        self.types.insert(place(at), ty);
    }

    /// Whether something names a definition.
    #[must_use]
    pub fn is_used(&self, definition: &Name) -> bool {
        self.used.contains(&place(definition.span))
    }
}

fn place(span: Span) -> Place {
    (span.start, span.end)
}

fn holds((start, end): Place, offset: usize) -> bool {
    (start..end).contains(&offset)
}
