//! Limits on a pipeline's size: one pipeline serves one decision.

use cpl_syntax::{Code, Diagnostic, Span, has_errors};

use super::Checker;
use cpl_model::program::{Expr, Table, TableId};

/// The most diagnostics of one file.
pub const MAX_DIAGNOSTICS: usize = 1_000;
/// The most columns of all tables together.
const MAX_COLUMNS: usize = 20_000;
/// The most nodes of all expressions together, with metrics and lets inlined.
const MAX_PARTS: usize = 100_000;
/// The deepest nesting of metrics, lets and tables.
pub const MAX_DEPTH: usize = 64;
/// The deepest expression with metrics and lets inlined. Recursive walks use stack for each level.
const MAX_EXPR_DEPTH: usize = 250;

impl Checker<'_> {
    /// Adds a table to those there are.
    pub(super) fn add_table(&mut self, table: Table) -> Option<TableId> {
        self.columns += table.columns.len();
        if self.columns > MAX_COLUMNS {
            return self.over_limit(format!("the tables have more than {MAX_COLUMNS} columns together"), table.span);
        }
        self.tables.push(table);
        Some(TableId(self.tables.len() - 1))
    }

    /// Counts an expression node; none if the limit of diagnostics is reached, and checking stops.
    pub(super) fn count_node(&mut self, at: Span) -> Option<()> {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            self.suppressed += 1;
            return None;
        }
        self.count_nodes(1, at)
    }

    /// Counts the nodes of an inlined expression.
    pub(super) fn inline(&mut self, value: &Expr, at: Span) -> Option<()> {
        let mut parts = 0;
        value.walk(&mut |_| parts += 1);
        self.check_expr_depth(value.depth(), at)?;
        self.count_nodes(parts, at)
    }

    /// Checks that `more` levels fit under the current expression.
    pub(super) fn check_expr_depth(&mut self, more: usize, at: Span) -> Option<()> {
        if self.expr_depth + more <= MAX_EXPR_DEPTH {
            return Some(());
        }
        self.over_limit(
            format!("the expression is more than {MAX_EXPR_DEPTH} operators deep, with metrics and lets put in"),
            at,
        )
    }

    fn count_nodes(&mut self, parts: usize, at: Span) -> Option<()> {
        self.parts += parts;
        if self.parts > MAX_PARTS {
            let message = format!("the expressions have more than {MAX_PARTS} parts, with metrics and lets put in");
            return self.over_limit(message, at);
        }
        Some(())
    }

    /// Checks the nesting depth of names.
    pub(super) fn check_name_depth(&mut self, depth: usize, at: Span) -> Option<()> {
        if depth <= MAX_DEPTH {
            return Some(());
        }
        self.over_limit(format!("names stand in each other more than {MAX_DEPTH} deep"), at)
    }

    /// Reports that diagnostics were dropped: an error if there are errors, else a warning.
    pub(super) fn report_suppressed(&mut self) {
        if self.suppressed == 0 {
            return;
        }
        let code = if has_errors(&self.diagnostics) { Code::E0109 } else { Code::W0101 };
        let diagnostic =
            Diagnostic::new(code, format!("so much is to be said: the first {MAX_DIAGNOSTICS} things are told"));
        self.diagnostics.push(diagnostic.help("mend those first"));
    }

    /// Reports once that the pipeline exceeds a limit. Further checks are useless then.
    fn over_limit<T>(&mut self, message: String, at: Span) -> Option<T> {
        if !self.over_limit {
            self.over_limit = true;
            self.diagnostics.push(
                Diagnostic::new(Code::E0109, message)
                    .at(at, "here it is too much")
                    .help("one file asks one question: split it"),
            );
        }
        None
    }
}
