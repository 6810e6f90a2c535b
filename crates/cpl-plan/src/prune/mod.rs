//! What nothing needs is pruned: columns, stages, aggregates, whole tables.

mod columns;
mod provenance;
mod purpose;
mod required_columns;

use std::ops::Deref;

use cpl_model::program::{FetchColumn, Program, SourceKind, TableId, TableSource};
use cpl_syntax::Span;

pub use purpose::Purpose;
use required_columns::RequiredColumns;

/// A table or a column of the file that no decision, alert or dashboard needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unneeded {
    /// `table` or `column`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
}

/// A program without unneeded parts. It keeps the columns that rules read, and the values that explain why one of them
/// is unknown.
#[derive(Clone, Debug)]
pub struct Pruned {
    program: Program,
    required: RequiredColumns,
}

impl Deref for Pruned {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Pruned {
    /// The required columns of a table, in the table's order, and then those that explain why others are unknown; none
    /// where nothing needs the table.
    pub(crate) fn required(&self, id: TableId) -> Option<Vec<String>> {
        let required = self.required.table(id)?;
        let columns: Vec<&String> = self.table(id).columns.iter().map(|column| &column.name).collect();
        let declared = columns.iter().copied().filter(|name| required.contains(*name));
        let provenance = required.iter().filter(|name| !columns.contains(name));
        Some(declared.chain(provenance).cloned().collect())
    }
}

/// Prunes a program; what it holds that nothing needs.
pub fn prune(mut program: Program, purpose: Purpose) -> (Pruned, Vec<Unneeded>) {
    let mut required = RequiredColumns::of(&program, purpose);
    if purpose == Purpose::Run {
        provenance::keep(&mut program, &mut required);
    }
    for at in (0..program.tables.len()).rev() {
        columns::prune(&mut program, TableId(at), &mut required);
    }
    let unneeded = if purpose == Purpose::Run { unneeded(&program, &required) } else { Vec::new() };
    (Pruned { program, required }, unneeded)
}

/// Tables and columns that nothing needs.
fn unneeded(program: &Program, required: &RequiredColumns) -> Vec<Unneeded> {
    let mut found = Vec::new();
    // A file without a dashboard and rules is unfinished: nothing is needed yet.
    if program.dashboard.is_none() && program.decisions.is_empty() && program.alerts.is_empty() {
        return found;
    }
    for (at, table) in program.tables.iter().enumerate() {
        let Some(columns) = required.table(TableId(at)) else {
            if table.is_declared() {
                found.push(Unneeded { what: "table", name: table.name.clone(), span: table.span });
            }
            continue;
        };
        // A connector declares its columns in its own file.
        if let TableSource::Fetch(fetch) = &table.source
            && !matches!(fetch.kind, SourceKind::Endpoint(_))
        {
            let unneeded = fetch.columns.iter().filter(|column| !columns.contains(&column.name));
            let column =
                |column: &FetchColumn| Unneeded { what: "column", name: column.name.clone(), span: column.span };
            found.extend(unneeded.map(column));
        }
    }
    found
}
