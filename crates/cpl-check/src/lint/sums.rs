//! Quotients of sums: a sum passes over rows whose value is unknown, and the other side of the quotient counts them.

use cpl_model::program::{Expr, Program, TableSource};
use cpl_syntax::{Code, Diagnostic};

use super::rule_inputs::computed;

/// Sums over values that may be unknown, in a quotient.
pub fn passing_over(program: &Program) -> Vec<Diagnostic> {
    let needed = program.read_by_rules();
    let tables = program.tables.iter().enumerate();
    let tables = tables.filter(|(at, table)| {
        needed.contains(&cpl_model::program::TableId(*at)) && matches!(table.source, TableSource::Transform { .. })
    });
    let dashboard = program.dashboard.iter().flat_map(|dashboard| dashboard.exprs());
    let exprs: Vec<&Expr> = tables.flat_map(|(_, table)| computed(table)).chain(dashboard).collect();
    let mut found: Vec<Diagnostic> = Vec::new();
    for sum in exprs.into_iter().flat_map(Expr::sums_passing_over) {
        let Some(of) = sum.summed() else { continue };
        let at = sum.span;
        if found.iter().any(|before| before.start() == at.start) {
            continue;
        }
        let name = program.written(of.span);
        found.push(
            Diagnostic::new(Code::W0212, format!("where `{name}` is unknown, this sum passes over it"))
                .at(at, "and the other side of the quotient counts that row")
                .at(of.span, "may be unknown")
                .help(format!(
                    "where it means nothing, write `({name} ?? 0)`; to leave such rows out of both sides, `where {name} is known`"
                )),
        );
    }
    found
}
