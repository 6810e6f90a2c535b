//! What nothing needs is pruned: columns, stages, aggregates, whole tables.

mod columns;
mod estimates;
mod provenance;
mod purpose;
mod required_columns;

use std::{collections::BTreeSet, ops::Deref};

use cpl_model::program::{CheckKind, FetchColumn, Program, SourceKind, Table, TableId, TableSource};
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
    /// The checks of a table, which hold nothing.
    pub checks: Vec<Span>,
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
    estimates::add(&mut program);
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

/// Tables and columns that no decision, alert or dashboard needs.
fn unneeded(program: &Program, required: &RequiredColumns) -> Vec<Unneeded> {
    // A file without a dashboard and rules is unfinished: nothing is needed yet.
    if program.dashboard.is_none() && program.decisions.is_empty() && program.alerts.is_empty() {
        return Vec::new();
    }
    let needed = program.read_by_rules();
    // What only a check looks at is read too: whether that check holds something is decided at its own table.
    let checked: Vec<TableId> = all(program).filter(|id| !needed.contains(id) && is_checked(program, *id)).collect();
    let mut found = Vec::new();
    for id in all(program).filter(|id| program.table(*id).is_declared()) {
        let table = program.table(id);
        if needed.contains(&id) {
            found.extend(columns(table, required.table(id)));
        } else {
            let own: Vec<&TableId> = checked.iter().filter(|of| program.table(**of).name == table.name).collect();
            let others = checked.iter().filter(|of| !own.contains(of));
            let checks = own.iter().flat_map(|of| holding(program, **of)).collect();
            let is_read = others.into_iter().any(|of| program.upstream(*of).contains(&id));
            if !is_read && !own.iter().any(|of| is_watched(program, **of)) {
                found.push(Unneeded { what: "table", name: table.name.clone(), span: table.span, checks });
            }
        }
    }
    found
}

fn all(program: &Program) -> impl Iterator<Item = TableId> {
    (0..program.tables.len()).map(TableId)
}

/// The checks that would hold what depends on a table; a key names rows, whether or not it is checked.
fn holding(program: &Program, id: TableId) -> impl Iterator<Item = Span> {
    let checks = program.table(id).checks.iter();
    checks.filter(|check| !check.watched && !matches!(check.kind, CheckKind::Key(_))).map(|check| check.span)
}

fn is_watched(program: &Program, id: TableId) -> bool {
    program.table(id).checks.iter().any(|check| check.watched)
}

fn is_checked(program: &Program, id: TableId) -> bool {
    is_watched(program, id) || holding(program, id).next().is_some()
}

/// The columns of a fetch that nothing needs. A connector declares its own, in its file.
fn columns(table: &Table, required: Option<&BTreeSet<String>>) -> Vec<Unneeded> {
    let TableSource::Fetch(fetch) = &table.source else { return Vec::new() };
    if matches!(fetch.kind, SourceKind::Endpoint(_)) {
        return Vec::new();
    }
    let is_needed = |column: &&FetchColumn| required.is_some_and(|required| required.contains(&column.name));
    let unneeded = fetch.columns.iter().filter(|column| !is_needed(column));
    let unneeded = unneeded.map(|column| {
        let (name, span) = (column.name.clone(), column.span);
        Unneeded { what: "column", name, span, checks: Vec::new() }
    });
    unneeded.collect()
}
