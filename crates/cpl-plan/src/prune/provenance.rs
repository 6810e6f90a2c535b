//! Provenance columns: the values that explain why a column that a rule reads is unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::required_columns::RequiredColumns;
use cpl_model::program::{
    Expr, ExprKind, InternalColumn, Item, Origin, Place, Program, ProvenanceId, Stage, TableId, TableSource,
};

/// Adds provenance columns to the stages of the rules' tables, and to what is required of them.
pub fn keep(program: &mut Program, required: &mut RequiredColumns) {
    let decisions = program.decisions.iter().map(|rule| rule.rows.table);
    let tables: Vec<TableId> = decisions.chain(program.alerts.iter().map(|rule| rule.rows.table)).collect();
    let mut found = ProvenanceColumns::default();
    for id in tables {
        let read: Vec<String> = required.table(id).into_iter().flatten().cloned().collect();
        let mut names = Vec::new();
        for column in read {
            found.trace(program, &column, program.end(id), &mut vec![id], &mut names);
        }
        required.add(id, names.iter().map(String::as_str));
    }
    found.insert(program);
}

/// What is to be added, by where: names and values, each before the item of that place.
#[derive(Default)]
struct ProvenanceColumns {
    items: BTreeMap<Place, Vec<(String, Expr)>>,
    /// The computed values whose parts are kept: table, stage, item.
    ids: BTreeMap<(TableId, usize, usize), ProvenanceId>,
    /// Computed columns that were followed, and the tables they came through.
    seen: BTreeSet<(Vec<TableId>, Place)>,
    /// Columns that a table's `keep` must let through.
    carried: Vec<(TableId, usize, Expr)>,
}

impl ProvenanceColumns {
    /// Finds the values that explain why `column` is unknown at `before`. `path` holds the tables it passes through.
    fn trace(
        &mut self,
        program: &Program,
        column: &str,
        before: Place,
        path: &mut Vec<TableId>,
        names: &mut Vec<String>,
    ) {
        match program.origin(column, before) {
            Origin::Computed(place, item) => {
                // One that was met before, on this way, was followed then.
                if !self.seen.insert((path.clone(), place)) {
                    return;
                }
                self.add(place, item, path, names);
                for part in item.value.provenance_parts() {
                    if let ExprKind::Column(name) = &part.kind {
                        self.trace(program, name, place, path, names);
                    }
                }
            }
            Origin::Grouped(place, item) => self.add(place, item, path, names),
            Origin::Passed(table) => {
                path.push(table);
                self.trace(program, column, program.end(table), path, names);
                path.pop();
            }
            Origin::Key | Origin::Joined(_) | Origin::Fetched => {}
        }
    }

    fn add(&mut self, place: Place, item: Item<'_>, path: &[TableId], names: &mut Vec<String>) {
        let next = ProvenanceId(self.ids.len());
        let id = *self.ids.entry((place.table, place.stage, item.at)).or_insert(next);
        let parts = item.value.provenance_parts().into_iter().enumerate();
        let items: Vec<(String, Expr)> =
            parts.map(|(at, part)| (InternalColumn::Provenance(id, at).to_string(), part.clone())).collect();
        for (name, part) in &items {
            let column = Expr::column(name, part.ty, part.unknown, part.span);
            let stages = path.iter().map(|table| if *table == place.table { place.stage + 1 } else { 0 });
            self.carried.extend(path.iter().zip(stages).map(|(table, stage)| (*table, stage, column.clone())));
            names.push(name.clone());
        }
        let there = self.items.entry(place).or_default();
        for item in items {
            if !there.iter().any(|(name, _)| *name == item.0) {
                there.push(item);
            }
        }
    }

    fn insert(self, program: &mut Program) {
        for ((table, stage, item), id) in self.ids {
            let TableSource::Transform { stages, .. } = &mut program.tables[table.0].source else { continue };
            if let Stage::Derive(list) | Stage::Keep(list) | Stage::Group { items: list, .. } = &mut stages[stage] {
                list[item].1.provenance = Some(id);
            }
        }
        // The last place first: those before it stay where they are.
        for (place, items) in self.items.into_iter().rev() {
            let TableSource::Transform { stages, .. } = &mut program.tables[place.table.0].source else { continue };
            match &mut stages[place.stage] {
                Stage::Derive(list) => drop(list.splice(place.item..place.item, items)),
                Stage::Keep(list) | Stage::Group { items: list, .. } => list.extend(items),
                // Nothing is computed by these.
                Stage::Where(_)
                | Stage::Join(_)
                | Stage::Sort(_)
                | Stage::Take(..)
                | Stage::Union(_)
                | Stage::Unpivot(_)
                | Stage::FillGaps(_) => {}
            }
        }
        for (table, from, column) in self.carried {
            let TableSource::Transform { stages, .. } = &mut program.tables[table.0].source else { continue };
            let ExprKind::Column(name) = &column.kind else { continue };
            for stage in stages.iter_mut().skip(from) {
                if let Stage::Keep(list) = stage
                    && !list.iter().any(|(before, _)| before == name)
                {
                    list.push((name.clone(), column.clone()));
                }
            }
        }
    }
}
