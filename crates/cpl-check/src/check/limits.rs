//! How much a pipeline may hold, so that none exhausts the program: one serves one decision.

use cpl_syntax::{Code, Diagnostic, Span, has_errors};

use super::Checker;
use cpl_model::program::{Expr, Table, TableId};

/// So many things are said of one file.
pub const MOST_TOLD: usize = 1_000;
/// So many columns have all tables together.
const MOST_COLUMNS: usize = 20_000;
/// So many parts have all expressions together, with metrics and lets in their places.
const MOST_PARTS: usize = 100_000;
/// So deep stand metrics, lets and tables in each other.
pub const DEEPEST: usize = 64;
/// So deep is an expression, with metrics and lets put in: who walks one takes stack for each level.
const DEEPEST_EXPR: usize = 250;

impl Checker<'_> {
    /// Adds a table to those there are.
    pub(super) fn add_table(&mut self, table: Table) -> Option<TableId> {
        self.columns += table.columns.len();
        if self.columns > MOST_COLUMNS {
            return self.too_much(format!("the tables have more than {MOST_COLUMNS} columns together"), table.span);
        }
        self.tables.push(table);
        Some(TableId(self.tables.len() - 1))
    }

    /// One more part of an expression is made there; none where so much is told that no more is looked at.
    pub(super) fn one_more(&mut self, at: Span) -> Option<()> {
        if self.diagnostics.len() >= MOST_TOLD {
            self.untold += 1;
            return None;
        }
        self.more(1, at)
    }

    /// The same of all that stands in the place of a name.
    pub(super) fn put_in(&mut self, value: &Expr, at: Span) -> Option<()> {
        let mut parts = 0;
        value.walk(&mut |_| parts += 1);
        self.not_nested_too_deep(value.depth(), at)?;
        self.more(parts, at)
    }

    /// Whether so many levels more fit under the expression that is looked at.
    pub(super) fn not_nested_too_deep(&mut self, more: usize, at: Span) -> Option<()> {
        if self.nested + more <= DEEPEST_EXPR {
            return Some(());
        }
        self.too_much(
            format!("the expression is more than {DEEPEST_EXPR} operators deep, with metrics and lets put in"),
            at,
        )
    }

    fn more(&mut self, parts: usize, at: Span) -> Option<()> {
        self.parts += parts;
        if self.parts > MOST_PARTS {
            let message = format!("the expressions have more than {MOST_PARTS} parts, with metrics and lets put in");
            return self.too_much(message, at);
        }
        Some(())
    }

    /// Whether names stand in each other too deep.
    pub(super) fn not_too_deep(&mut self, depth: usize, at: Span) -> Option<()> {
        if depth <= DEEPEST {
            return Some(());
        }
        self.too_much(format!("names stand in each other more than {DEEPEST} deep"), at)
    }

    /// That more is to be said than is told; of warnings alone the file is right.
    pub(super) fn tell_untold(&mut self) {
        if self.untold == 0 {
            return;
        }
        let code = if has_errors(&self.diagnostics) { Code::E0109 } else { Code::W0101 };
        let told = Diagnostic::new(code, format!("so much is to be said: the first {MOST_TOLD} things are told"));
        self.diagnostics.push(told.help("mend those first"));
    }

    /// Told once: what follows is of no use.
    fn too_much<T>(&mut self, message: String, at: Span) -> Option<T> {
        if !self.too_much {
            self.too_much = true;
            self.diagnostics.push(
                Diagnostic::new(Code::E0109, message)
                    .at(at, "here it is too much")
                    .help("one file asks one question: split it"),
            );
        }
        None
    }
}
