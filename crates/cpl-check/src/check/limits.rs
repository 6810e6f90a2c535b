//! Limits on a pipeline's size: one pipeline serves one decision.

use cpl_syntax::{Code, Diagnostic, Span};

use super::{
    Checker,
    state::{
        analysis::NameKind,
        reporter::{Checked, Reported},
    },
};
use cpl_model::program::{Expr, Table, TableId};

/// The most columns of all tables together.
const MAX_COLUMNS: usize = 20_000;
/// The most nodes of all expressions together, with metrics and lets inlined.
const MAX_NODES: usize = 100_000;
/// The deepest nesting of metrics, lets and tables.
pub const MAX_DEPTH: usize = 64;
/// The deepest expression with metrics and lets inlined. Recursive walks use stack for each level.
const MAX_EXPR_DEPTH: usize = 250;
impl Checker<'_> {
    /// Adds a table to those there are.
    pub(super) fn add_table(&mut self, table: Table) -> Checked<TableId> {
        self.size.columns += table.columns.len();
        if self.size.columns > MAX_COLUMNS {
            return self.over_limit(format!("the tables have more than {MAX_COLUMNS} columns together"), table.span);
        }
        for column in &table.columns {
            self.analysis.define(NameKind::Column, &column.name, column.span);
        }
        Ok(self.tables.push(table))
    }

    /// Counts an expression node; fails if the limit of diagnostics is reached, and checking stops.
    pub(super) fn count_node(&mut self, at: Span) -> Checked<()> {
        self.reporter.check_room()?;
        self.count_nodes(1, at)
    }

    /// Counts the nodes of an inlined expression.
    pub(super) fn inline(&mut self, value: &Expr, at: Span) -> Checked<()> {
        let mut nodes = 0;
        value.walk(&mut |_| nodes += 1);
        self.check_expr_depth(value.depth(), at)?;
        self.count_nodes(nodes, at)
    }

    /// Checks that `more` levels fit under the current expression.
    pub(super) fn check_expr_depth(&mut self, more: usize, at: Span) -> Checked<()> {
        if self.position.expr_depth + more <= MAX_EXPR_DEPTH {
            return Ok(());
        }
        self.over_limit(
            format!("the expression is more than {MAX_EXPR_DEPTH} operators deep, with metrics and lets put in"),
            at,
        )
    }

    fn count_nodes(&mut self, nodes: usize, at: Span) -> Checked<()> {
        self.size.nodes += nodes;
        if self.size.nodes > MAX_NODES {
            let message = format!("the expressions have more than {MAX_NODES} parts, with metrics and lets put in");
            return self.over_limit(message, at);
        }
        Ok(())
    }

    /// Checks the nesting depth of names.
    pub(super) fn check_name_depth(&mut self, depth: usize, at: Span) -> Checked<()> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        self.over_limit(format!("names stand in each other more than {MAX_DEPTH} deep"), at)
    }

    /// Reports once that the pipeline exceeds a limit. Further checks are useless then.
    fn over_limit<T>(&mut self, message: String, at: Span) -> Checked<T> {
        if self.size.exceed() {
            return Err(Reported::earlier());
        }
        self.reporter.fail_always(
            Diagnostic::new(Code::E0109, message)
                .at(at, "here it is too much")
                .help("one file asks one question: split it"),
        )
    }
}
