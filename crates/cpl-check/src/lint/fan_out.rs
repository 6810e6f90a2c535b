//! Sums behind `join many`: a row with several partners is there several times, and so are its amounts.

use std::collections::BTreeMap;

use cpl_model::program::{Expr, Join, Program, Stage, TableId, TableSource};
use cpl_syntax::{Code, Diagnostic, Span};

/// The columns of a table whose values a join repeats, and where that join stands.
type Repeated<'p> = BTreeMap<&'p str, Span>;

/// Sums of values that a join repeats.
pub fn repeated_sums(program: &Program) -> Vec<Diagnostic> {
    let needed = program.read_by_rules();
    let mut tables: BTreeMap<TableId, Repeated<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    // A table comes after those it is made of.
    for (at, table) in program.tables.iter().enumerate() {
        let TableSource::Transform { from, stages } = &table.source else { continue };
        let mut repeated = tables.get(from).cloned().unwrap_or_default();
        let mut columns: Vec<&str> = program.table(*from).columns.iter().map(|column| column.name.as_str()).collect();
        for stage in stages {
            if needed.contains(&TableId(at)) {
                found.extend(stage.exprs().into_iter().flat_map(|expr| sums_of(program, expr, &repeated)));
            }
            through(stage, &tables, &mut columns, &mut repeated);
        }
        tables.insert(TableId(at), repeated);
    }
    found
}

/// The columns after a stage, and those of them that are repeated.
fn through<'p>(
    stage: &'p Stage,
    tables: &BTreeMap<TableId, Repeated<'p>>,
    columns: &mut Vec<&'p str>,
    repeated: &mut Repeated<'p>,
) {
    match stage {
        Stage::Join(join) => {
            if repeats(join) {
                repeated.extend(columns.iter().map(|column| (*column, join.span)));
            }
            let right = tables.get(&join.table);
            for (column, name) in &join.columns {
                columns.push(name);
                if let Some(span) = right.and_then(|right| right.get(column.as_str())) {
                    repeated.insert(name, *span);
                }
            }
        }
        Stage::Derive(made) => {
            for (name, value) in made {
                match join_behind(value, repeated) {
                    Some(join) => drop(repeated.insert(name, join)),
                    None => drop(repeated.remove(name.as_str())),
                }
                columns.push(name);
            }
        }
        Stage::Keep(made) => {
            *columns = made.iter().map(|(name, _)| name.as_str()).collect();
            let kept = made.iter().filter_map(|(name, value)| Some((name.as_str(), join_behind(value, repeated)?)));
            *repeated = kept.collect();
        }
        Stage::Group { keys, items, .. } => {
            *columns = keys.iter().map(|key| key.name.as_str()).collect();
            columns.extend(items.iter().map(|(name, _)| name.as_str()));
            repeated.clear();
        }
        // One row of several that are alike.
        Stage::Take(1, per) if !per.is_empty() => repeated.clear(),
        Stage::Unpivot(unpivot) => {
            let value = unpivot.columns.iter().find_map(|(column, _)| repeated.get(column.as_str()).copied());
            repeated.extend(value.map(|join| (unpivot.value.0.as_str(), join)));
            columns.extend([unpivot.name.as_str(), unpivot.value.0.as_str()]);
        }
        Stage::Union(union) => *columns = union.columns.iter().map(|column| column.name.as_str()).collect(),
        Stage::Where(_) | Stage::Sort(_) | Stage::Take(..) | Stage::FillGaps(_) => {}
    }
}

fn repeats(join: &Join) -> bool {
    join.many && join.latest.is_none()
}

/// The join that repeats a value: all columns it is made of are of that join's left side.
fn join_behind(value: &Expr, repeated: &Repeated<'_>) -> Option<Span> {
    let columns = value.columns();
    let joins: Option<Vec<Span>> = columns.iter().map(|column| repeated.get(column).copied()).collect();
    joins?.first().copied()
}

/// What is wrong with the sums of an expression.
fn sums_of(program: &Program, expr: &Expr, repeated: &Repeated<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    expr.walk(&mut |part| {
        let Some(of) = part.summed() else { return };
        let Some(join) = join_behind(of, repeated) else { return };
        let name = program.written(of.span);
        found.push(
            Diagnostic::new(Code::W0215, format!("`{name}` is summed once for each partner of its row"))
                .at(part.span, "a row that has two partners counts twice")
                .at(join, "a row may have several")
                .help("sum it in a transform before the join; where each row is to count once, `sort` and `take 1 per` its key"),
        );
    });
    found
}
